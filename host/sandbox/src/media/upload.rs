//! From the host's store to a provider.

use std::io;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::header::{CONTENT_TYPE, HeaderValue};
use jackfield_core::event::{Media, Problem};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::time::Instant;
use wasmtime::Store;
use wasmtime::component::Instance;

use super::form::{FileBody, around};
use super::{Upload, failure, labels};
use crate::bindings::exports::media as wit;
use crate::bindings::inward::media::{Form, Progress, Transfer};
use crate::bindings::types;
use crate::channel::{Channel, there, unsupported};
use crate::connector::Exports;
use crate::egress::files::{self, TransferError};
use crate::egress::record::Record;
use crate::failure::Failure;
use crate::run::call::{Call, Entry, enter, place};
use crate::run::error::CallError;
use crate::run::guest::Guest;

/// Transfers for one file. Pieces of a mebibyte make 25 of the largest file by default.
const TRANSFERS: usize = 100;

impl Channel {
    /// Gives a file to the provider, and returns the attachment that stands for it in a message that is sent. `key` is the same for
    /// every attempt. Nobody sees an upload that is not sent, so a failed one may be made again.
    ///
    /// # Errors
    ///
    /// When a call of the connector came to nothing. What the network did wrong is a [`Failure`]; what the provider said, the connector
    /// makes one of.
    pub async fn upload_media(&self, file: &Upload, key: &str) -> Result<Call<Media>, CallError> {
        if self.connector.exports.media.is_none() {
            return Ok(unsupported("This connector cannot upload files."));
        }
        let limits = &self.bound.limits;
        if file.size > files::length(limits.media_bytes) {
            let refused = failure(TransferError::TooLarge, &self.bound);
            return Ok(Call { result: Err(refused), effects: crate::report::Effects::default() });
        }
        let _place = place(&self.bound.media_places, limits).await?;
        let deadline = Instant::now() + limits.media_wall;
        let record = Record::default();
        let mut call = self.ask(Ask::Upload(outgoing(file), key.to_owned())).await?;
        let mut transfers = 0;
        loop {
            let Call { result, mut effects } = call;
            let transfer = match result {
                Ok(Progress::Transfer(transfer)) if transfers < TRANSFERS => transfer,
                other => {
                    record.add_to(&mut effects.usage);
                    return Ok(ended(other, effects));
                }
            };
            transfers += 1;
            let context = transfer.context.clone();
            let answer = match self.make(file, transfer, &record, deadline).await {
                Ok(answer) => answer,
                Err(failure) => {
                    record.add_to(&mut effects.usage);
                    return Ok(ended(Err(failure), effects));
                }
            };
            let headers = answer.headers.into_iter().map(|(name, value)| types::Header { name, value }).collect();
            let answer = wit::Answer { status: answer.status, headers, body: answer.body, context };
            let next = self.ask(Ask::Resume(outgoing(file), answer)).await.map_err(|mut error| {
                error.usage.add(&effects.usage);
                record.add_to(&mut error.usage);
                error
            })?;
            effects.absorb(next.effects);
            call = Call { result: next.result, effects };
        }
    }

    async fn ask(&self, ask: Ask) -> Result<Call<Progress>, CallError> {
        let raw = enter(&self.connector, &self.bound, &self.instances, true, ask).await?;
        self.settle(raw, |intake, progress| intake.progress(progress))
    }

    /// Makes one transfer.
    async fn make(
        &self,
        file: &Upload,
        transfer: Transfer,
        record: &Record,
        deadline: Instant,
    ) -> Result<files::Answer, Failure> {
        let mut wanted = transfer.wanted;
        // The last of equal pieces is shorter.
        let (offset, left) = transfer.range.unwrap_or((0, file.size));
        let left = left.min(file.size.saturating_sub(offset));
        if left == 0 && file.size > 0 {
            return Err(rejected("The connector asked for a part of the file that is not there."));
        }
        let mime = labels::mime(&file.mime).unwrap_or_else(|| "application/octet-stream".to_owned());
        let (before, after, content_type) = match transfer.form {
            Form::File => (Bytes::new(), Bytes::new(), mime),
            Form::Multipart(fields) => {
                let boundary = boundary()
                    .ok_or_else(|| failure(TransferError::Local(io::Error::other("no random numbers")), &self.bound))?;
                let filename = labels::filename(&file.filename).unwrap_or_else(|| "file".to_owned());
                let (before, after) = around(&fields, &filename, &mime, &boundary)
                    .ok_or_else(|| rejected("The connector's form has to hold the file exactly once."))?;
                (before, after, format!("multipart/form-data; boundary={boundary}"))
            }
        };
        let given = wanted.headers.contains_key(CONTENT_TYPE) && before.is_empty();
        if !given && let Ok(value) = HeaderValue::from_str(&content_type) {
            wanted.headers.insert(CONTENT_TYPE, value);
        }
        let content = file.content.open(offset).map_err(|e| failure(TransferError::Local(e), &self.bound))?;
        let body = FileBody { before, file: content, left, after };
        files::transfer(&self.bound, record, wanted, body, deadline)
            .await
            .map_err(|trouble| failure(trouble, &self.bound))
    }
}

fn ended(result: Result<Progress, Failure>, mut effects: crate::report::Effects) -> Call<Media> {
    let result = match result {
        Ok(Progress::Done(media)) => Ok(media),
        Ok(Progress::Transfer(_)) => {
            Err(rejected(&format!("The connector asked for more than {TRANSFERS} transfers of one file.")))
        }
        Ok(Progress::Unknown(name)) => {
            let message = format!("This host does not know the transfer `{name}`; use a newer Jackfield.");
            Err(Failure::Unsupported(Problem { message, code: None }))
        }
        Err(failure) => Err(failure),
    };
    if result.is_err() {
        effects.state.clear();
    }
    Call { result, effects }
}

fn rejected(message: &str) -> Failure {
    Failure::Rejected(Problem { message: message.to_owned(), code: None })
}

/// So long and so random that no file holds it.
fn boundary() -> Option<String> {
    let mut random = [0; 24];
    SystemRandom::new().fill(&mut random).ok()?;
    Some(format!("jackfield-{}", HEXLOWER.encode(&random)))
}

fn outgoing(file: &Upload) -> wit::Outgoing {
    wit::Outgoing {
        kind: file.kind.clone(),
        filename: file.filename.clone(),
        mime: file.mime.clone(),
        size: file.size,
        sha256: file.sha256.clone(),
        extra: Vec::new(),
    }
}

enum Ask {
    Upload(wit::Outgoing, String),
    Resume(wit::Outgoing, wit::Answer),
}

impl Entry for Ask {
    type Output = Result<wit::Progress, types::Failure>;

    async fn call(
        self,
        store: &mut Store<Guest>,
        instance: &Instance,
        exports: &Exports,
    ) -> wasmtime::Result<Self::Output> {
        let media = there(exports.media.as_ref())?.load(&mut *store, instance)?;
        match self {
            Self::Upload(file, key) => media.call_upload(&mut *store, &file, &key).await,
            Self::Resume(file, answer) => media.call_resume(&mut *store, &file, &answer).await,
        }
    }
}
