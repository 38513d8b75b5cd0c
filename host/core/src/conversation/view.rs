//! What the host itself reads of messages.

use super::externals::external;
use super::rows::{EXTERNAL_EVENT, EXTERNAL_MESSAGE, MESSAGES, Message};
use crate::channel::rows::CHANNELS;
use crate::event::{Event, EventBody};
use crate::identity::rows::IDENTITIES;
use crate::ids::{ChannelId, MessageId};
use crate::tables::{Read, Result};

/// A message's row, as it is stored; none if its person was erased.
///
/// # Errors
/// When the tables cannot be read.
pub fn row(tables: &impl Read, id: MessageId) -> Result<Option<Message>> {
    match MESSAGES.get(tables, (id,))? {
        Some(row) if IDENTITIES.need(tables, (row.identity,))?.erased.is_some() => Ok(None),
        row => Ok(row),
    }
}

/// Whether nothing in these events of a connector is new, so that there is nothing to append. What was seen stays seen, so this never turns
/// false while one connector serves the channel. What a former one says is not compared with the ids of the one that serves.
///
/// # Errors
/// When the tables cannot be read.
pub fn all_seen(tables: &impl Read, channel: &ChannelId, connector: &str, events: &[Event]) -> Result<bool> {
    if CHANNELS.get(tables, (channel,))?.is_some_and(|row| row.source.connector != connector) {
        return Ok(false);
    }
    for event in events {
        let by_event = !event.id.is_empty() && external(tables, channel, EXTERNAL_EVENT, &event.id)?.is_some();
        let by_message = match &event.body {
            EventBody::Message(m) if !m.id.is_empty() => external(tables, channel, EXTERNAL_MESSAGE, &m.id)?.is_some(),
            _ => false,
        };
        if !by_event && !by_message {
            return Ok(false);
        }
    }
    Ok(true)
}
