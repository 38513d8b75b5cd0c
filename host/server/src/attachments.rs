//! The files of messages: fetched from the provider when somebody first wants them, and kept by their sum from then on.
//!
//! A file goes straight from the provider to the disk; what the channel grants and the limits allow is checked on the way
//! ([`jackfield_sandbox`]). Where it lies is a fact, so that a message's file is fetched once, whoever asks.

use std::io;
use std::path::PathBuf;

use jackfield_core::event::{Media, Part};
use jackfield_core::fact::{Actor, Attachment, Fact};
use jackfield_core::ids::MessageId;
use jackfield_core::keys;
use jackfield_core::rows::{self, Message};
use jackfield_core::tables::ReadError;
use jackfield_core::views::operations;
use jackfield_store::AppendError;
use tokio::fs;
use tokio::io::AsyncWriteExt;

use crate::host::Host;

/// Why a file cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum AttachmentError {
    /// There is no such message, or it has no such file.
    #[error("{0}")]
    NotFound(String),
    /// The channel or the provider does not give it.
    #[error("{0}")]
    NotGiven(String),
    /// The disk.
    #[error("the file cannot be kept or read: {0}")]
    Disk(#[from] io::Error),
    /// The journal.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The views.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// A file that is here.
#[derive(Debug)]
pub struct Here {
    /// What is known of it.
    pub attachment: Attachment,
    /// Its bytes.
    pub file: fs::File,
}

/// The file of a message's part, fetched if it is not here yet. `part` counts from 0.
///
/// # Errors
/// When it cannot be had.
pub async fn get(host: &Host, message: MessageId, part: u16) -> Result<Here, AttachmentError> {
    let row: Option<Message> = rows::get(&host.view(), &keys::message(message))?;
    let row = row.ok_or_else(|| AttachmentError::NotFound(format!("there is no message {message}")))?;
    let none = || AttachmentError::NotFound(format!("part {part} of {message} is no file"));
    let media = row.parts.get(usize::from(part)).and_then(media).cloned().ok_or_else(none)?;
    if let Some(attachment) = operations::attachment(&host.view(), message, part)?
        && let Ok(file) = fs::File::open(path(host, &attachment.sha256)).await
    {
        return Ok(Here { attachment, file });
    }
    let attachment = fetch(host, &row, part, media).await?;
    let file = fs::File::open(path(host, &attachment.sha256)).await?;
    Ok(Here { attachment, file })
}

async fn fetch(host: &Host, message: &Message, part: u16, media: Media) -> Result<Attachment, AttachmentError> {
    let off = || AttachmentError::NotGiven(format!("the channel {} is not switched on", message.channel));
    let channel = host.channels.get(&message.channel).ok_or_else(off)?;
    let (_, line) = channel.serving().ok_or_else(off)?;
    let folder = folder(host);
    fs::create_dir_all(&folder).await?;
    // It has no name before it has its sum; what breaks off leaves nothing that could be taken for a file.
    let unnamed = tempfile::NamedTempFile::new_in(&folder)?;
    let mut sink = fs::File::from_std(unnamed.reopen()?);
    let call = channel.counted("fetch", line.channel.fetch_media(media, &mut sink)).await;
    let call = call.map_err(|error| AttachmentError::NotGiven(error.message))?;
    let fetched = call.result.map_err(|failure| AttachmentError::NotGiven(failure.problem().message.clone()))?;
    sink.flush().await?;
    sink.sync_all().await?;
    unnamed.persist(path(host, &fetched.sha256)).map_err(|error| error.error)?;
    let attachment =
        Attachment { sha256: fetched.sha256, size: fetched.size, mime: fetched.mime, filename: fetched.filename };
    let fact = Fact::AttachmentStored {
        channel: message.channel.clone(),
        message: message.id,
        part,
        attachment: attachment.clone(),
        state: call.effects.state,
    };
    host.append(Actor::Channel(message.channel.clone()), fact).await?;
    Ok(attachment)
}

fn media(part: &Part) -> Option<&Media> {
    match part {
        Part::Image(media) | Part::Audio(media) | Part::Video(media) | Part::File(media) | Part::Sticker(media) => {
            Some(media)
        }
        _ => None,
    }
}

fn folder(host: &Host) -> PathBuf {
    host.config.data().join("files")
}

/// A sum is hexadecimal digits, so it is a file's name.
fn path(host: &Host, sha256: &str) -> PathBuf {
    folder(host).join(sha256)
}
