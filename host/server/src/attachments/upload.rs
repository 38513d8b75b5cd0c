//! Files that a client brought, given to the provider before the message that holds them is sent.

use std::io;
use std::pin::Pin;
use std::sync::Arc;

use jackfield_core::event::{Media, Part, Problem};
use jackfield_core::fact::{Source, StateChange};
use jackfield_sandbox::{CallError, Failure, FileContent, Upload};
use jackfield_store::Blobs;
use tokio::io::AsyncRead;

use crate::channels::{Answered, ChannelRuntime};
use crate::host::Host;

/// Why a file is not with the provider. Nobody has seen anything of the message, whatever it is.
#[derive(Debug)]
pub(crate) enum UploadFailure {
    /// The connector, or the provider, said so.
    Failed(Failure),
    /// The call came to nothing.
    Broke(CallError),
}

/// What the calls of an attempt wrote to the channel's state.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// The code that made the last of them.
    pub source: Option<Source>,
    /// In order.
    pub state: Vec<StateChange>,
}

impl Written {
    pub(crate) fn add(&mut self, source: Source, state: Vec<StateChange>) {
        self.source = Some(source);
        self.state.extend(state);
    }
}

/// Gives the provider every file of these parts that this host keeps, and puts what the channel calls it into the part. What the calls
/// wrote to the channel's state. `key` is the same for every attempt at the message.
pub(crate) async fn upload_parts(
    host: &Host,
    channel: &ChannelRuntime,
    parts: &mut [Part],
    key: &str,
) -> Result<Written, UploadFailure> {
    let mut written = Written::default();
    for (number, part) in parts.iter_mut().enumerate() {
        let kind = part.kind().to_owned();
        let Some(media) = part.media_mut().filter(|media| media.own().is_some()) else { continue };
        let file = upload(host, kind, media).await?;
        let Answered { source, ended } = channel.upload(&file, &format!("{key}-{number}")).await;
        let call = ended.map_err(UploadFailure::Broke)?;
        let given = call.result.map_err(UploadFailure::Failed)?;
        written.add(source, call.effects.state);
        // What the client said of it stays; where it is now is the channel's to say.
        (media.id, media.url) = (given.id, given.url);
        media.mime = given.mime.or_else(|| media.mime.take());
    }
    Ok(written)
}

/// The host stopped before the provider had it.
pub(crate) fn interrupted() -> UploadFailure {
    again(String::from("The host stopped before the provider had the message's file."))
}

fn again(message: String) -> UploadFailure {
    UploadFailure::Failed(Failure::Retry { after_ms: None, problem: Problem { message, code: None } })
}

async fn upload(host: &Host, kind: String, media: &Media) -> Result<Upload, UploadFailure> {
    let sha256 = media.own().unwrap_or_default();
    let found = host.store.blobs().find(sha256).await;
    let found = found.map_err(|error| again(format!("The host cannot read the file: {error}.")))?;
    let blob = found.ok_or_else(|| {
        let message = format!("The file {sha256} is not kept by this host any more.");
        UploadFailure::Failed(Failure::Rejected(Problem { message, code: None }))
    })?;
    Ok(Upload {
        kind,
        filename: media.filename.clone().unwrap_or_else(|| String::from("file")),
        mime: media.mime.clone().unwrap_or_else(|| String::from("application/octet-stream")),
        size: blob.size,
        content: Arc::new(Kept { blobs: host.store.blobs().clone(), sha256: blob.sha256.clone() }),
        sha256: blob.sha256,
    })
}

struct Kept {
    blobs: Blobs,
    sha256: String,
}

impl FileContent for Kept {
    fn open(&self, offset: u64) -> io::Result<Pin<Box<dyn AsyncRead + Send>>> {
        Ok(self.blobs.read(&self.sha256, offset))
    }
}
