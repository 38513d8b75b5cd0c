//! Files. Their bytes go around the connector: it says which request brings or takes them, and the host makes it.

use crate::{Failure, Header, Media, http};

pub use crate::bindings::with_media::exports::jackfield::connector::media::{
    Answer, Body, Field, FieldValue, File, Outgoing, Progress, Range, Request, Source, Transfer,
};

/// A connector that knows how files are had. Exported by `export!(Type, media)`.
pub trait Files {
    /// How the file of an attachment can be had. Where the provider gives out an address for a while only, ask for it here.
    fn fetch(media: Media) -> Result<File, Failure>;

    /// Begin to give the provider a file that will be sent. `idempotency_key` is the same for every attempt.
    fn upload(file: Outgoing, idempotency_key: &str) -> Result<Progress, Failure> {
        let _ = (file, idempotency_key);
        Err(Failure::unsupported("This channel takes no files."))
    }

    /// Go on after a transfer that [`upload`](Files::upload), or this function, asked for.
    fn resume(file: Outgoing, answer: Answer) -> Result<Progress, Failure> {
        let _ = (file, answer);
        Err(Failure::unsupported("This channel takes no files."))
    }
}

impl Request {
    /// A `GET`.
    pub fn get(url: impl Into<String>) -> Self {
        Self { method: "GET".into(), url: url.into(), headers: Vec::new() }
    }

    /// A `POST`.
    pub fn post(url: impl Into<String>) -> Self {
        Self { method: "POST".into(), ..Self::get(url) }
    }

    /// Adds a header; its name in lower case.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push(Header { name: name.into(), value: value.into() });
        self
    }
}

impl File {
    /// The file is what this request brings; nothing more is known of it.
    #[must_use]
    pub fn download(request: Request) -> Self {
        let (mime, filename, size, sha256) = (None, None, None, None);
        Self { source: Source::Download(request), mime, filename, size, sha256, extra: Vec::new() }
    }
}

impl Field {
    /// A field of text.
    pub fn text(name: &str, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: FieldValue::Text(value.into()) }
    }

    /// The field that is the file.
    #[must_use]
    pub fn file(name: &str) -> Self {
        Self { name: name.into(), value: FieldValue::File }
    }
}

impl Transfer {
    /// The whole file, as a form.
    #[must_use]
    pub fn form(request: Request, fields: Vec<Field>) -> Self {
        Self { request, body: Body::Multipart(fields), range: None, context: Vec::new() }
    }

    /// The whole file, as it is.
    #[must_use]
    pub fn bytes(request: Request) -> Self {
        Self { request, body: Body::File, range: None, context: Vec::new() }
    }
}

impl Progress {
    /// The provider has the file, under this id.
    pub fn done(file: Outgoing, id: impl Into<String>) -> Self {
        Self::Done(Media {
            id: Some(id.into()),
            mime: Some(file.mime),
            filename: Some(file.filename),
            size: Some(file.size),
            sha256: Some(file.sha256),
            ..Media::default()
        })
    }
}

/// So that refusals of a transfer are read by the same code as those of any other request.
impl From<Answer> for http::Response {
    fn from(answer: Answer) -> Self {
        let headers = answer.headers.into_iter().map(|header| (header.name, header.value)).collect();
        Self { status: answer.status, headers, body: answer.body }
    }
}

impl Answer {
    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn value(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}
