//! What the host reads to send.

use super::rows::{DUE, OUTBOX, Outgoing};
use crate::channel::rows::CHANNELS;
use crate::conversation::rows::{Direction, Item, MESSAGES, Message, TIMELINE};
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

/// How far back in a person's timeline it is looked for a message on the channel.
const LOOKED_BACK: usize = 1_000;

/// Whether the person of a message was on its channel since who serves that now came to it. If not, the thread and the address are the
/// words of another connector, and what is written there is not for this one.
///
/// # Errors
/// When the tables cannot be read.
pub fn was_there_since(tables: &impl Read, message: &Message) -> Result<bool> {
    let since = CHANNELS.get(tables, (&message.channel,))?.and_then(|channel| channel.scope_since);
    let Some(since) = since.filter(|since| message.identity.seq() < *since) else { return Ok(true) };
    for row in TIMELINE.scan(tables, TIMELINE.with((message.identity,)), true).take(LOOKED_BACK) {
        let ((.., item), _) = row?;
        let Item::Message(id) = item else { continue };
        if id.seq() < since {
            continue;
        }
        let of_person = |row: &Message| row.direction == Direction::Inbound && row.channel == message.channel;
        if MESSAGES.get(tables, (id,))?.as_ref().is_some_and(of_person) {
            return Ok(true);
        }
    }
    Ok(false)
}
