//! What the host reads to fetch files.

use std::collections::BTreeSet;

use super::rows::{DUE, FILES, File, WANTED, Wanted};
use crate::channel::rows::CHANNELS;
use crate::conversation::rows::{MESSAGES, Message};
use crate::fact::MessageAction;
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

/// The files that are due to be fetched from a channel at a time, what is due longest first, and when the next one is due after that. Those
/// that a former connector of the channel told of are none.
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
    let serves = CHANNELS.get(tables, (channel,))?;
    for row in DUE.scan(tables, DUE.with((channel,)), false) {
        let ((_, at, message, part), _) = row?;
        if serves.as_ref().is_some_and(|row| !row.knows(message.seq())) {
            continue;
        }
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

/// The sums of all files that a message names, or that were fetched for one. Looks at every message.
///
/// # Errors
/// When the tables cannot be read.
pub fn referenced(tables: &impl Read) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for row in FILES.scan(tables, FILES.all(), false) {
        if let File::Kept(attachment) = row?.1 {
            found.insert(attachment.sha256);
        }
    }
    for row in MESSAGES.scan(tables, MESSAGES.all(), false) {
        found.extend(named_in(&row?.1));
    }
    Ok(found)
}

/// The sums of the files that a message names itself: those that clients brought, also for an edit that waits to be sent.
pub(crate) fn named_in(message: &Message) -> impl Iterator<Item = String> + '_ {
    let edit = match message.action.as_ref().map(|action| &action.action) {
        Some(MessageAction::Edit { parts }) => parts.as_slice(),
        _ => &[],
    };
    let parts = message.parts.iter().chain(edit);
    parts.filter_map(|part| part.media()?.sha256.clone())
}
