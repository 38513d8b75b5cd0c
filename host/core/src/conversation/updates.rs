//! What is said of a message that may not have come yet, and read marks of whole threads.

use super::early::{self, EarlyPlace};
use super::externals::is_of_now;
use super::inbound::{EventEffect, Origin};
use super::rows::{EARLY, EARLY_BY_AGE, EarlyUpdate, SENT_IN_THREAD};
use crate::apply::Applier;
use crate::event::{DeliveryScope, DeliveryUpdate, EventBody, Property};
use crate::ids::{ChannelId, Millis};
use crate::limits;
use crate::tables::Result;

impl Applier<'_> {
    /// Something about a message, by the channel's id of it.
    pub(super) fn about_message(
        &mut self,
        origin: Origin<'_>,
        external: &str,
        body: &EventBody,
    ) -> Result<EventEffect> {
        if external.is_empty() {
            let name = String::from("without_message_id");
            let value = serde_json::to_string(body).unwrap_or_default();
            self.other(origin.channel, &Property { name, value })?;
            return Ok(EventEffect::New);
        }
        if !self.may_change_more() {
            return Ok(EventEffect::Duplicate);
        }
        match self.message_by_external(origin.channel, external)? {
            Some(id) => self.change_message(origin, id, body),
            None => self.buffer_update(origin.channel, external, body),
        }
    }

    fn buffer_update(&mut self, channel: &ChannelId, external: &str, body: &EventBody) -> Result<EventEffect> {
        let range = EARLY.with((channel, external));
        let kept: Vec<_> = EARLY.scan(&self.tables, range, false).take(limits::EARLY).collect::<Result<_>>()?;
        let waiting: Vec<&EventBody> = kept.iter().map(|(_, before)| before).collect();
        let place = match self.ids.by_place() {
            true => early::place(&waiting, body),
            false => early::place_before(&waiting, body),
        };
        match place {
            EarlyPlace::None => return Ok(EventEffect::Duplicate),
            EarlyPlace::Behind => {}
            EarlyPlace::InsteadOf(index) => {
                if let Some(((.., seq, index), _)) = kept.get(index) {
                    EARLY.delete(&mut self.tables, (channel, external, *seq, *index));
                    EARLY_BY_AGE.delete(&mut self.tables, (*seq, *index));
                }
            }
        }
        let index = self.ids.early()?;
        EARLY.put(&mut self.tables, (channel, external, self.seq, index), body)?;
        let early = EarlyUpdate { channel: channel.clone(), id: external.to_owned(), at: self.at };
        EARLY_BY_AGE.put(&mut self.tables, (self.seq, index), &early)?;
        Ok(EventEffect::New)
    }

    /// Applies what came before the message itself did. What waited for one that another connector would have brought is not about it.
    pub(crate) fn drain_pending(&mut self, origin: Origin<'_>, external: &str) -> Result<()> {
        if external.is_empty() {
            return Ok(());
        }
        // Not counted: most messages have nothing that waits for them, and only reading it tells.
        if !self.has_room_for_changes() {
            return Ok(());
        }
        let range = EARLY.with((origin.channel, external));
        let early: Vec<_> = EARLY.scan(&self.tables, range, false).take(limits::EARLY).collect::<Result<_>>()?;
        for ((channel, id, seq, index), body) in early {
            EARLY.delete(&mut self.tables, (&channel, &id.0, seq, index));
            EARLY_BY_AGE.delete(&mut self.tables, (seq, index));
            if !is_of_now(&self.tables, &channel, seq)? {
                continue;
            }
            if let Some(message) = self.message_by_external(origin.channel, external)? {
                self.change_message(origin, message, &body)?;
            }
        }
        Ok(())
    }

    /// What the channel took for a thread up to a time got this far. What lies further back than a read mark is about has updates of its
    /// own, and is forgotten.
    pub(super) fn apply_read_watermark(
        &mut self,
        channel: &ChannelId,
        about: &DeliveryScope,
        state: &DeliveryUpdate,
        at: Millis,
    ) -> Result<()> {
        let DeliveryScope::ThreadUntil(thread, until) = about else { return Ok(()) };
        if self.read_marks >= limits::READ_MARKS_PER_FACT {
            return Ok(());
        }
        let end = Millis(until.0.saturating_add(1));
        let range = SENT_IN_THREAD.before((channel, thread), Some((channel, thread, end)));
        let most = limits::READ_MARK * 2;
        let sent: Vec<_> = SENT_IN_THREAD.scan(&self.tables, range, true).take(most).collect::<Result<_>>()?;
        for (index, ((channel, thread, sent_at, id), _)) in sent.into_iter().enumerate() {
            if self.read_marks >= limits::READ_MARKS_PER_FACT {
                return Ok(());
            }
            self.read_marks += 1;
            if !self.may_change_more() {
                return Ok(());
            }
            if index < limits::READ_MARK {
                self.apply_update(id, about, state, at)?;
            } else {
                SENT_IN_THREAD.delete(&mut self.tables, (&channel, &thread.0, sent_at, id));
            }
        }
        Ok(())
    }
}
