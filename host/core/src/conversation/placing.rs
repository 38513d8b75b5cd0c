//! A message enters the timeline of its identity, or leaves it, and what the identity's row says of its last messages follows.

use super::rows::{Direction, Item, Message, MessageAuthor, TIMELINE};
use crate::apply::Applier;
use crate::identity::rows::{BY_ACTIVITY, ChannelAddress, Identity};
use crate::ids::{IdentityId, MessageId, Millis, Seq};
use crate::limits;
use crate::tables::{Present, Result};

impl Applier<'_> {
    /// Puts a message in its identity's timeline and takes note of it there.
    pub(crate) fn enter_timeline(&mut self, message: &Message) -> Result<()> {
        let (identity, at) = (message.identity, message.ordered_at);
        TIMELINE.put(&mut self.tables, (identity, at, Item::Message(message.id)), &Present)?;
        let mut row = self.identity_row(identity)?;
        row.messages += 1;
        let before = row.last_message_at.or_else(|| row.last_message.and(row.last_activity));
        if before.is_none_or(|before| at >= before) {
            row.last_message = Some(message.id);
            row.last_message_at = Some(at);
        }
        self.bump_activity(&mut row, at)?;
        self.note_address(&mut row, message)?;
        note_waiting(&mut row, message);
        self.store_identity(&row);
        Ok(())
    }

    /// Takes a message out of its identity's timeline. `instead` stands for it there already; where nothing does, the row says what it
    /// said before the message, as far as the latest entries tell.
    pub(crate) fn leave_timeline(&mut self, message: &Message, instead: Option<MessageId>) -> Result<()> {
        TIMELINE.delete(&mut self.tables, (message.identity, message.ordered_at, Item::Message(message.id)));
        let mut row = self.identity_row(message.identity)?;
        row.messages = row.messages.saturating_sub(1);
        match instead {
            Some(_) if row.last_message == Some(message.id) => row.last_message = instead,
            Some(_) => {}
            None => self.recall_latest(&mut row)?,
        }
        self.store_identity(&row);
        Ok(())
    }

    /// Works out from the timeline what happened last, and since when the person waits.
    fn recall_latest(&mut self, row: &mut Identity) -> Result<()> {
        if let Some(before) = row.last_activity {
            BY_ACTIVITY.delete(&mut self.tables, (before, row.id));
        }
        (row.last_activity, row.last_message, row.last_message_at) = (None, None, None);
        (row.last_outbound, row.waiting_since) = (None, None);
        for (at, item) in self.latest(row.id)? {
            row.last_activity = row.last_activity.max(Some(at));
            let Item::Message(id) = item else { continue };
            if !self.may_change_more() {
                break;
            }
            let Some(message) = self.held_message(id)? else { continue };
            if row.last_message.is_none() {
                (row.last_message, row.last_message_at) = (Some(id), Some(at));
            }
            match (message.direction, &message.author) {
                (Direction::Outbound, _) => {
                    row.last_outbound = Some(at);
                    break;
                }
                (Direction::Inbound, MessageAuthor::Customer) => row.waiting_since = Some(at),
                (Direction::Inbound, _) => {}
            }
        }
        match row.last_activity {
            Some(at) => BY_ACTIVITY.put(&mut self.tables, (at, row.id), &Present),
            None => Ok(()),
        }
    }

    /// Where the person can be written to. What another connector called a thread before is none any more.
    fn note_address(&self, row: &mut Identity, message: &Message) -> Result<()> {
        let written_at = (message.author == MessageAuthor::Customer).then_some(message.ordered_at);
        let count = row.channels.len();
        let since = if self.ids.by_place() { self.seq } else { Seq::default() };
        match row.channels.get_mut(&message.channel) {
            Some(known) if self.is_known_on(&message.channel, known.since)? => known.note(&message.thread, written_at),
            Some(former) => *former = ChannelAddress::new(&message.thread, written_at, since),
            None if count >= limits::CHANNELS_OF_IDENTITY => row.dropped += 1,
            None => {
                let address = ChannelAddress::new(&message.thread, written_at, since);
                row.channels.insert(message.channel.clone(), address);
            }
        }
        Ok(())
    }

    /// The latest entries of a timeline, newest first.
    fn latest(&self, identity: IdentityId) -> Result<Vec<(Millis, Item)>> {
        let rows = TIMELINE.scan(&self.tables, TIMELINE.with((identity,)), true).take(limits::RECALLED);
        rows.map(|row| row.map(|((_, at, item), _)| (at, item))).collect()
    }
}

/// Whether the person waits for an answer.
fn note_waiting(row: &mut Identity, message: &Message) {
    match (message.direction, &message.author) {
        (Direction::Inbound, MessageAuthor::Customer) => {
            let answered = row.last_outbound.is_some_and(|at| at >= message.ordered_at);
            if !answered {
                let first = row.waiting_since.map_or(message.ordered_at, |at| at.min(message.ordered_at));
                row.waiting_since = Some(first);
            }
        }
        (Direction::Inbound, _) => {}
        (Direction::Outbound, _) => {
            row.last_outbound = row.last_outbound.max(Some(message.ordered_at));
            if row.waiting_since.is_some_and(|at| at <= message.ordered_at) {
                row.waiting_since = None;
            }
        }
    }
}
