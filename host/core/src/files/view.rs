//! What the host reads to fetch files.

use super::rows::{DUE, FILES, File, WANTED, Wanted};
use crate::ids::{ChannelId, MessageId, Millis};
use crate::tables::{Read, Result};

/// What became of the file of a message's part; none while nothing did.
///
/// # Errors
/// When the tables cannot be read.
pub fn file(tables: &impl Read, message: MessageId, part: u16) -> Result<Option<File>> {
    FILES.get(tables, (message, part))
}

/// Whether the file of a message's part is to be fetched.
///
/// # Errors
/// When the tables cannot be read.
pub fn wanted(tables: &impl Read, channel: &ChannelId, message: MessageId, part: u16) -> Result<Option<Wanted>> {
    WANTED.get(tables, (channel, message, part))
}

/// The files that are due to be fetched from a channel at a time, what is due longest first, and when the next one is due after that.
///
/// # Errors
/// When the tables cannot be read.
pub fn due(
    tables: &impl Read,
    channel: &ChannelId,
    now: Millis,
    limit: usize,
) -> Result<(Vec<Wanted>, Option<Millis>)> {
    let mut due = Vec::new();
    for row in DUE.scan(tables, DUE.with((channel,)), false) {
        let ((_, at, message, part), _) = row?;
        if at > now {
            return Ok((due, Some(at)));
        }
        if due.len() == limit {
            return Ok((due, Some(now)));
        }
        due.extend(WANTED.get(tables, (channel, message, part))?);
    }
    Ok((due, None))
}
