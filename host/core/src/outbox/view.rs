//! What the host reads to send.

use super::rows::{DUE, OUTBOX, Outgoing};
use crate::conversation::rows::{MESSAGES, Message};
use crate::identity::rows::{IDENTITIES, Identity};
use crate::ids::{ChannelId, MessageId, Millis};
use crate::tables::{Read, Result};

/// What waits in a channel's outbox, oldest first.
///
/// # Errors
/// When the tables cannot be read.
pub fn outbox(tables: &impl Read, channel: &ChannelId, limit: usize) -> Result<Vec<Outgoing>> {
    OUTBOX.scan(tables, OUTBOX.with((channel,)), false).take(limit).map(|row| Ok(row?.1)).collect()
}

/// What is due on a channel at a time, what is due longest first, and when the next one is due after that. Only one message of a thread
/// is ever due.
///
/// # Errors
/// When the tables cannot be read.
pub fn due(
    tables: &impl Read,
    channel: &ChannelId,
    now: Millis,
    limit: usize,
) -> Result<(Vec<MessageId>, Option<Millis>)> {
    let mut due = Vec::new();
    for row in DUE.scan(tables, DUE.with((channel,)), false) {
        let ((_, at, message), _) = row?;
        if at > now {
            return Ok((due, Some(at)));
        }
        if due.len() == limit {
            return Ok((due, Some(now)));
        }
        due.push(message);
    }
    Ok((due, None))
}

/// A message with everything that sending it takes.
#[derive(Clone, Debug)]
pub struct ToSend {
    /// The message.
    pub message: Message,
    /// The address it goes to.
    pub to: Identity,
    /// Where it stands in the outbox.
    pub outgoing: Outgoing,
}

/// A message of the outbox; none if it is not there any more.
///
/// # Errors
/// When the tables cannot be read.
pub fn to_send(tables: &impl Read, id: MessageId) -> Result<Option<ToSend>> {
    let Some(message) = MESSAGES.get(tables, (id,))? else {
        return Ok(None);
    };
    let Some(outgoing) = OUTBOX.get(tables, (&message.channel, id))? else {
        return Ok(None);
    };
    let Some(to) = IDENTITIES.get(tables, (message.identity,))? else {
        return Ok(None);
    };
    Ok(Some(ToSend { message, to, outgoing }))
}
