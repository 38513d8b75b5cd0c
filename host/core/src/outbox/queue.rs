//! Messages that wait to be sent.
//!
//! Order is kept within a thread: only the oldest message of a thread, its head, may be sent, and only heads stand in the index of what
//! is due. While an attempt at a head runs, nothing of its thread is due.

use super::rows::{DUE, HEADS, Head, OUTBOX, Outgoing, QUEUES};
use crate::apply::Applier;
use crate::conversation::rows::Message;
use crate::effect::Effect;
use crate::ids::{ChannelId, MessageId, Millis};
use crate::tables::{Present, Result};

/// Due at once.
const NOW: Millis = Millis(0);

impl Applier<'_> {
    /// Puts a message in the outbox, due at once.
    pub(super) fn enqueue(&mut self, mut row: Message) -> Result<()> {
        row.step("queued", self.at, None, None);
        let outgoing = Outgoing {
            message: row.id,
            identity: Some(row.identity),
            thread: row.thread.id.clone(),
            running: None,
            at: NOW,
            attempts: row.delivery.as_ref().map_or(0, |d| d.attempts),
            since: self.at,
            mark: None,
        };
        QUEUES.put(&mut self.tables, (&row.channel, &row.thread.id, row.id), &Present)?;
        self.set_outgoing(&row.channel, &outgoing)?;
        self.store_message(row);
        Ok(())
    }

    /// Changes what is known of a message in the outbox.
    pub(super) fn set_outgoing(&mut self, channel: &ChannelId, outgoing: &Outgoing) -> Result<()> {
        OUTBOX.put(&mut self.tables, (channel, outgoing.message), outgoing)?;
        self.settle_head(channel, &outgoing.thread)
    }

    /// Takes a message out of the outbox.
    pub(crate) fn dequeue(&mut self, channel: &ChannelId, thread: &str, message: MessageId) -> Result<()> {
        OUTBOX.delete(&mut self.tables, (channel, message));
        QUEUES.delete(&mut self.tables, (channel, thread, message));
        self.settle_head(channel, thread)
    }

    /// Has the index of what is due tell of the head of a thread, if it waits.
    fn settle_head(&mut self, channel: &ChannelId, thread: &str) -> Result<()> {
        let first = QUEUES.scan(&self.tables, QUEUES.with((channel, thread)), false).next().transpose()?;
        let head = match first {
            Some(((.., message), _)) => OUTBOX.get(&self.tables, (channel, message))?,
            None => None,
        };
        let due = head.filter(|head| head.running.is_none());
        let due = due.map(|head| Head { message: head.message, at: head.at });
        let before = HEADS.get(&self.tables, (channel, thread))?;
        if before == due {
            return Ok(());
        }
        if let Some(Head { message, at }) = before {
            DUE.delete(&mut self.tables, (channel, at, message));
        }
        match due {
            Some(head) => {
                HEADS.put(&mut self.tables, (channel, thread), &head)?;
                DUE.put(&mut self.tables, (channel, head.at, head.message), &Present)?;
                self.affect(Effect::Outbox(channel.clone()));
            }
            None => HEADS.delete(&mut self.tables, (channel, thread)),
        }
        Ok(())
    }
}
