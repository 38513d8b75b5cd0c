//! What a channel's own ids stand for.
//!
//! Ids are the words of the connector that serves the channel. When it comes to another scope, what had an id before has none any more:
//! it is no repetition of what the new connector brings, and nothing that one says is about it.

use super::rows::{EXTERNAL, EXTERNAL_MESSAGE, External};
use crate::apply::Applier;
use crate::channel::rows::CHANNELS;
use crate::ids::{ChannelId, MessageId, Seq};
use crate::tables::{Read, Result};

/// What an id of this sort stands for on a channel now.
pub(super) fn external(
    tables: &(impl Read + ?Sized),
    channel: &ChannelId,
    sort: u8,
    id: &str,
) -> Result<Option<External>> {
    let Some(found) = EXTERNAL.get(tables, (channel, sort, id))? else {
        return Ok(None);
    };
    Ok(is_of_now(tables, channel, found.seq())?.then_some(found))
}

/// Whether a fact is from the time of who serves the channel now.
pub(super) fn is_of_now(tables: &(impl Read + ?Sized), channel: &ChannelId, seq: Seq) -> Result<bool> {
    Ok(CHANNELS.get(tables, (channel,))?.is_none_or(|row| row.knows(seq)))
}

impl Applier<'_> {
    /// The message that a channel knows by an id.
    pub(crate) fn message_by_external(&self, channel: &ChannelId, id: &str) -> Result<Option<MessageId>> {
        Ok(match external(&self.tables, channel, EXTERNAL_MESSAGE, id)? {
            Some(External::Message(id)) => Some(id),
            _ => None,
        })
    }

    pub(crate) fn set_external(&mut self, channel: &ChannelId, external: &str, id: MessageId) -> Result<()> {
        EXTERNAL.put(&mut self.tables, (channel, EXTERNAL_MESSAGE, external), &External::Message(id))
    }
}
