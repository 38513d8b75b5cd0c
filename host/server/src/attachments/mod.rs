//! The files of messages: fetched from the provider as soon as they are known of, and kept by their sum from then on.
//!
//! A file goes straight from the provider to the store; what the channel grants and the limits allow is checked on the way
//! ([`jackfield_sandbox`]). What became of it is a fact, so that a file is fetched once, whoever wants it.
//!
//! * [`fetch`]: one attempt at one file.
//! * [`worker`]: which files are due; one worker a channel, as for the outbox.
//! * [`upload`]: the other way, before a message is sent.

mod fetch;
pub(crate) mod locks;
pub(crate) mod upload;
mod worker;

use std::io;
use std::sync::Arc;

use jackfield_core::event::Media;
use jackfield_core::fact::Attachment;
use jackfield_core::ids::{ChannelId, MessageId};
use jackfield_core::rows::{File, Message};
use jackfield_core::tables::ReadError;
use jackfield_core::views::operations;
use jackfield_store::AppendError;

use crate::host::Host;
use crate::jobs::supervisor;

/// Why a file cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum AttachmentError {
    /// There is no such message, or it has no such file.
    #[error("{0}")]
    NotFound(String),
    /// The channel or the provider does not give it.
    #[error("{0}")]
    NotGiven(String),
    /// The files' store.
    #[error("the file cannot be kept or read: {0}")]
    Disk(#[from] io::Error),
    /// The journal.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The views.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// The file of a message's part, if it is here. `part` counts from 0.
///
/// # Errors
/// When there is no such file, or it cannot be looked for.
pub async fn kept(host: &Host, message: MessageId, part: u16) -> Result<Option<Attachment>, AttachmentError> {
    let (_, media) = find(host, message, part)?;
    find_stored(host, message, part, &media).await
}

fn find(host: &Host, message: MessageId, part: u16) -> Result<(Message, Media), AttachmentError> {
    let row = operations::message(&host.view(), message)?;
    let row = row.ok_or_else(|| AttachmentError::NotFound(format!("there is no message {message}")))?;
    let none = || AttachmentError::NotFound(format!("part {part} of {message} is no file"));
    let media = row.parts.get(usize::from(part)).and_then(|part| part.media()).cloned().ok_or_else(none)?;
    Ok((row, media))
}

/// The file of a message's part, fetched now if it is not here yet. `part` counts from 0.
///
/// # Errors
/// When it cannot be had.
pub async fn get(host: &Host, message: MessageId, part: u16) -> Result<Attachment, AttachmentError> {
    let (row, media) = find(host, message, part)?;
    if let Some(attachment) = find_stored(host, message, part, &media).await? {
        return Ok(attachment);
    }
    let _turn = host.fetching.take((message, part)).await;
    // Whoever had the turn before may have brought it.
    if let Some(attachment) = find_stored(host, message, part, &media).await? {
        return Ok(attachment);
    }
    if let Some(why) = suspended(host, &row.channel)? {
        return Err(AttachmentError::NotGiven(why));
    }
    let off = || AttachmentError::NotGiven(format!("the channel {} is not switched on", row.channel));
    let channel = host.channels.get(&row.channel).ok_or_else(off)?;
    fetch::fetch(host, &channel, (message, part), media).await?.map_err(|missed| {
        // It stays wanted, or gone; a person asked once more and is told why not.
        AttachmentError::NotGiven(missed.problem.message)
    })
}

/// Why nothing is fetched on a channel for now, whoever asks for it; none if nothing stands in the way.
fn suspended(host: &Host, channel: &ChannelId) -> Result<Option<String>, ReadError> {
    let row = operations::channel(&host.view(), channel)?;
    Ok(row.and_then(|row| match (row.paused, row.parked) {
        (true, _) => Some(format!("the channel {channel} is paused, so nothing is fetched")),
        (false, Some(why)) => Some(format!("the channel {channel} has stopped: {}", why.message)),
        (false, None) => None,
    }))
}

/// The file, if it is kept: one that was fetched, or one that a client brought.
async fn find_stored(
    host: &Host,
    message: MessageId,
    part: u16,
    media: &Media,
) -> Result<Option<Attachment>, AttachmentError> {
    let attachment = match (operations::attachment(&host.view(), message, part)?, media.own()) {
        (Some(File::Kept(attachment)), _) => attachment,
        (_, Some(sha256)) => Attachment {
            sha256: sha256.to_owned(),
            size: media.size.unwrap_or_default(),
            mime: media.mime.clone(),
            filename: media.filename.clone(),
        },
        _ => return Ok(None),
    };
    let found = host.store.blobs().find(&attachment.sha256).await?;
    Ok(found.map(|blob| Attachment { size: blob.size, ..attachment }))
}

/// Fetches what is wanted until the host stops.
pub async fn run(host: Arc<Host>) {
    supervisor::one_for_each(host, "files", worker::run).await;
}
