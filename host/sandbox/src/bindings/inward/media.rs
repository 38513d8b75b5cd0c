//! What a connector says about files, taken in.

use jackfield_core::event::Media;

use super::super::exports::media as wit;
use super::validator::{InvalidOutput, OutputValidator, bad, over};
use super::{check, convert};
use crate::egress::files::FileRequest;
use crate::media::Field;
use crate::report::bytes;

/// Bytes of a URL.
const URL_BYTES: usize = 16 << 10;

/// Headers of a request, fields of a form.
const ITEMS: usize = 64;

/// Bytes of a transfer's context.
const CONTEXT_BYTES: usize = 16 << 10;

/// How a file is had.
pub(crate) struct Plan {
    pub(crate) whence: FileSource,
    pub(crate) mime: Option<String>,
    pub(crate) filename: Option<String>,
    pub(crate) size: Option<u64>,
    pub(crate) sha256: Option<String>,
}

/// Where it is.
pub(crate) enum FileSource {
    At(FileRequest),
    Inline(Vec<u8>),
    /// What this host does not know, by its name.
    Unknown(String),
}

impl Plan {
    /// Nothing more is known of it.
    pub(crate) fn at(wanted: FileRequest) -> Self {
        Self { whence: FileSource::At(wanted), mime: None, filename: None, size: None, sha256: None }
    }
}

/// What comes next of an upload.
pub(crate) enum Progress {
    Done(Media),
    Transfer(Transfer),
    /// What this host does not know, by its name.
    Unknown(String),
}

/// A request that carries the file.
pub(crate) struct Transfer {
    pub(crate) wanted: FileRequest,
    pub(crate) form: Form,
    /// Offset and length.
    pub(crate) range: Option<(u64, u64)>,
    pub(crate) context: Vec<u8>,
}

/// What its body is.
pub(crate) enum Form {
    File,
    Multipart(Vec<Field>),
}

impl OutputValidator<'_> {
    pub(crate) fn plan(&mut self, file: wit::File) -> Result<Plan, InvalidOutput> {
        for text in [&file.mime, &file.filename, &file.sha256].into_iter().flatten() {
            self.charge(text.len())?;
        }
        let whence = match file.source {
            wit::Source::Download(request) => FileSource::At(self.wanted(request)?),
            wit::Source::Inline(content) => {
                self.charge(content.len())?;
                FileSource::Inline(content)
            }
            wit::Source::Other(other) => FileSource::Unknown(self.sentence(&other.name)),
        };
        Ok(Plan { whence, mime: file.mime, filename: file.filename, size: file.size, sha256: file.sha256 })
    }

    pub(crate) fn progress(&mut self, progress: wit::Progress) -> Result<Progress, InvalidOutput> {
        match progress {
            wit::Progress::Done(media) => {
                let size = check::media(&media).map_err(bad)?;
                self.charge(size)?;
                Ok(Progress::Done(convert::media(media)))
            }
            wit::Progress::Transfer(transfer) => self.transfer(transfer),
            wit::Progress::Other(other) => Ok(Progress::Unknown(self.sentence(&other.name))),
        }
    }

    fn transfer(&mut self, transfer: wit::Transfer) -> Result<Progress, InvalidOutput> {
        if transfer.context.len() > CONTEXT_BYTES {
            return Err(over(format!("The context of a transfer has more than {}.", bytes(CONTEXT_BYTES))));
        }
        let form = match transfer.body {
            wit::Body::File => Form::File,
            wit::Body::Multipart(fields) => {
                let mut taken = Vec::with_capacity(fields.len().min(ITEMS));
                for field in fields {
                    match self.field(field)? {
                        Ok(field) if taken.len() < ITEMS => taken.push(field),
                        Ok(_) => return Err(over(format!("A form has more than {ITEMS} fields."))),
                        Err(unknown) => return Ok(Progress::Unknown(unknown)),
                    }
                }
                Form::Multipart(taken)
            }
            wit::Body::Other(other) => return Ok(Progress::Unknown(self.sentence(&other.name))),
        };
        let wanted = self.wanted(transfer.request)?;
        let range = transfer.range.map(|range| (range.offset, range.length));
        Ok(Progress::Transfer(Transfer { wanted, form, range, context: transfer.context }))
    }

    /// A field, or the name of what this host does not know.
    fn field(&mut self, field: wit::Field) -> Result<Result<Field, String>, InvalidOutput> {
        self.charge(field.name.len())?;
        Ok(match field.value {
            wit::FieldValue::Text(value) => {
                self.charge(value.len())?;
                Ok(Field::Text { name: field.name, value })
            }
            wit::FieldValue::File => Ok(Field::File { name: field.name }),
            wit::FieldValue::Other(other) => Err(self.sentence(&other.name)),
        })
    }

    fn wanted(&mut self, request: wit::Request) -> Result<FileRequest, InvalidOutput> {
        if request.url.len() > URL_BYTES || request.headers.len() > ITEMS {
            return Err(over(format!(
                "A request for a file has a URL of more than {} or more than {ITEMS} headers.",
                bytes(URL_BYTES)
            )));
        }
        let mut headers = Vec::with_capacity(request.headers.len());
        for header in request.headers {
            self.charge(header.name.len() + header.value.len())?;
            headers.push((header.name, header.value));
        }
        FileRequest::new(&request.method, &request.url, headers)
            .map_err(|reason| bad(format!("a request for a file is wrong: {reason}")))
    }
}
