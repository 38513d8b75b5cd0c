//! Attempts to send a message, from the start of one to its end.

use super::requests::FORMER_THREAD;
use super::rows::{DeliveryState, Mark, OUTBOX, Outgoing};
use crate::apply::{Applier, not_found, refuse};
use crate::channel::rows::CHANNELS;
use crate::conversation::Origin;
use crate::conversation::rows::Message;
use crate::event::{Event, Problem, Sender};
use crate::fact::{Outcome, SendResult, Source, StateChange};
use crate::ids::{ChannelId, IdentityId, MessageId};
use crate::limits;
use crate::tables::Result;

/// What is said of an address that passed to somebody else, or that the customer gave up.
const LEFT_ADDRESS: &str = "the customer has left this address for another one";

/// What is said of a message that was deleted.
pub(super) const TAKEN_BACK: &str = "this message was deleted";

impl Applier<'_> {
    /// A person wants another attempt.
    pub(crate) fn request_retry(&mut self, id: MessageId) -> Result<Outcome> {
        let Some(row) = self.held_message(id)? else {
            return Ok(not_found("message", id));
        };
        let mut row = Message::clone(&row);
        if self.identity_row(row.identity)?.erased.is_some() {
            return Ok(not_found("message", id));
        }
        if OUTBOX.get(&self.tables, (&row.channel, id))?.is_some_and(|outgoing| outgoing.running.is_some()) {
            return Ok(refuse("conflict", "an attempt at this message runs; wait for its end"));
        }
        let retryable =
            row.delivery.as_ref().is_some_and(|d| matches!(d.state, DeliveryState::Uncertain | DeliveryState::Failed));
        if !retryable {
            return Ok(refuse("conflict", "only a message whose delivery is failed or uncertain can be tried again"));
        }
        if let Some(gone) = self.left_address(row.identity)? {
            return Ok(gone);
        }
        if let Some(gone) = self.former_thread(&row)? {
            return Ok(gone);
        }
        if self.is_taken_back(&row) {
            return Ok(refuse("conflict", TAKEN_BACK));
        }
        self.leave_thread(&row);
        row.former_ids.append(&mut row.external_ids);
        row.former_ids.drain(..row.former_ids.len().saturating_sub(limits::EXTERNAL_IDS));
        if let Some(delivery) = &mut row.delivery {
            delivery.state = DeliveryState::Queued;
            delivery.at = self.at;
            delivery.class = None;
        }
        self.tell_delivery(&row);
        self.enqueue(row)?;
        Ok(Outcome::Queued { message: id, to: None })
    }

    /// The refusal of what is to go to an address that the customer has left: it may be somebody else's by now. Old journals sent it.
    pub(super) fn left_address(&self, identity: IdentityId) -> Result<Option<Outcome>> {
        let is_left = self.ids.by_place() && self.identity_row(identity)?.retired_at.is_some();
        Ok(is_left.then(|| refuse("recipient_gone", LEFT_ADDRESS)))
    }

    pub(crate) fn start_send(&mut self, id: MessageId, attempt: u32) -> Result<Outcome> {
        let Some((mut row, mut outgoing)) = self.outgoing(id)? else {
            return Ok(refuse("conflict", "this message does not wait in the outbox"));
        };
        if outgoing.running.is_some() {
            return Ok(refuse("conflict", "an attempt at this message runs already"));
        }
        if row.is_on_its_channel() {
            self.dequeue(&row.channel, &row.thread.id, id)?;
            return Ok(refuse("conflict", "the channel has this message already"));
        }
        if self.identity_row(row.identity)?.erased.is_some() {
            self.dequeue(&row.channel, &row.thread.id, id)?;
            return Ok(refuse("conflict", "the customer was erased"));
        }
        if let Some(gone) = self.left_address(row.identity)? {
            self.give_up(row, "recipient_gone", LEFT_ADDRESS)?;
            return Ok(gone);
        }
        if let Some(gone) = self.former_thread(&row)? {
            self.give_up(row, "no_address", FORMER_THREAD)?;
            return Ok(gone);
        }
        if self.is_taken_back(&row) {
            self.give_up(row, "deleted", TAKEN_BACK)?;
            return Ok(refuse("conflict", TAKEN_BACK));
        }
        outgoing.running = Some(attempt);
        outgoing.attempts = attempt;
        self.set_outgoing(&row.channel, &outgoing)?;
        if let Some(delivery) = &mut row.delivery {
            delivery.attempts = attempt;
            delivery.started_at = Some(self.at);
            delivery.state = DeliveryState::Sending;
            delivery.at = self.at;
        }
        row.step("sending", self.at, Some(attempt), None);
        self.enter_thread(&row)?;
        self.store_delivery(row);
        Ok(Outcome::Done)
    }

    /// Whether there is nothing left of a message to be sent. Old journals sent it.
    fn is_taken_back(&self, row: &Message) -> bool {
        self.ids.by_place() && row.deleted_at.is_some()
    }

    /// What waits is not sent.
    fn give_up(&mut self, mut row: Message, class: &str, why: &str) -> Result<()> {
        self.dequeue(&row.channel, &row.thread.id, row.id)?;
        let problem = Problem { message: why.to_owned(), code: None };
        row.fail(DeliveryState::Failed, self.at, None, &problem, Some(class));
        self.store_delivery(row);
        Ok(())
    }

    pub(crate) fn end_send(
        &mut self,
        id: MessageId,
        attempt: u32,
        result: &SendResult,
        source: Option<&Source>,
        events: &[Event],
        state: &[StateChange],
    ) -> Result<Outcome> {
        let Some((mut row, mut outgoing)) = self.outgoing(id)?.filter(|(_, o)| o.running == Some(attempt)) else {
            return Ok(refuse("conflict", "no such attempt at this message runs"));
        };
        let channel = row.channel.clone();
        // Ids, events and credentials of a connector that another one took over from mean nothing to that one.
        let is_served = self.is_served_by(&channel, source)?;
        self.change_state(&channel, source, state)?;
        outgoing.running = None;
        let mark = outgoing.mark.take();
        let number = Some(attempt);
        match result {
            SendResult::Sent { external_ids } => {
                self.dequeue(&channel, &row.thread.id, id)?;
                match &row.action {
                    Some(action) => self.done_to_message(action)?,
                    None => row.external_ids = external_ids.iter().take(limits::EXTERNAL_IDS).cloned().collect(),
                }
                row.move_to(DeliveryState::Sent, self.at, number, None, None);
                if let Some(Mark { state, at }) = mark {
                    row.move_to(state, at, None, None, None);
                }
            }
            SendResult::Retry { at, problem } => {
                outgoing.at = *at;
                self.back_to_queue(&mut row, &outgoing, problem)?;
            }
            SendResult::Credentials { problem } => {
                outgoing.at = self.at;
                self.back_to_queue(&mut row, &outgoing, problem)?;
                if is_served {
                    self.park_channel(&channel, problem)?;
                }
            }
            SendResult::Failed { class, problem } => {
                self.dequeue(&channel, &row.thread.id, id)?;
                row.fail(DeliveryState::Failed, self.at, number, problem, Some(class));
            }
            SendResult::Uncertain { problem } => {
                self.dequeue(&channel, &row.thread.id, id)?;
                row.fail(DeliveryState::Uncertain, self.at, number, problem, None);
            }
        }
        // No mark says more, or none is about what the channel does not have.
        if !row.is_on_its_channel() || row.is_read() {
            self.leave_thread(&row);
        }
        let externals = row.external_ids.clone();
        self.store_delivery(row);
        if is_served {
            self.learn_from_send(&channel, Some((id, &externals)), events)?;
        }
        Ok(Outcome::Done)
    }

    /// What the end of an attempt came to besides, where the message was erased.
    pub(crate) fn end_erased_send(
        &mut self,
        channel: &ChannelId,
        people: &[Sender],
        source: Option<&Source>,
        events: &[Event],
        state: &[StateChange],
        problem: Option<&Problem>,
    ) -> Result<Outcome> {
        self.change_state(channel, source, state)?;
        let is_served = self.is_served_by(channel, source)?;
        if let Some(problem) = problem.filter(|_| is_served) {
            self.park_channel(channel, problem)?;
        }
        if !is_served {
            return Ok(Outcome::Done);
        }
        if let Some(row) = CHANNELS.get(&self.tables, (channel,))? {
            let origin = Origin { channel, connector: &row.source.connector, scope: row.scope() };
            for person in people.iter().take(limits::EXTERNAL_IDS * limits::EARLY) {
                self.sender(person, origin.statement(None))?;
            }
        }
        self.learn_from_send(channel, None, events)?;
        Ok(Outcome::Done)
    }

    /// The message waits for its next attempt, unless the channel has said meanwhile that it has it.
    fn back_to_queue(&mut self, row: &mut Message, outgoing: &Outgoing, problem: &Problem) -> Result<()> {
        if row.is_on_its_channel() {
            return self.dequeue(&row.channel, &row.thread.id, row.id);
        }
        if let Some(delivery) = &mut row.delivery {
            delivery.state = DeliveryState::Queued;
            delivery.at = self.at;
            delivery.error = Some(problem.clone());
        }
        row.step("queued", self.at, Some(outgoing.attempts), Some(problem));
        self.set_outgoing(&row.channel, outgoing)
    }

    /// The ids that the channel gave the message, and what its answer said besides.
    fn learn_from_send(
        &mut self,
        channel: &ChannelId,
        sent: Option<(MessageId, &[String])>,
        events: &[Event],
    ) -> Result<()> {
        let Some(row) = CHANNELS.get(&self.tables, (channel,))? else {
            return Ok(());
        };
        let origin = Origin { channel, connector: &row.source.connector, scope: row.scope() };
        if let Some((id, externals)) = sent {
            for external in externals {
                self.own_external(origin, external, id)?;
            }
        }
        for (index, event) in events.iter().take(limits::EVENTS).enumerate() {
            self.ids.at_event(index);
            self.event(origin, event)?;
        }
        Ok(())
    }

    fn outgoing(&self, id: MessageId) -> Result<Option<(Message, Outgoing)>> {
        let Some(row) = self.held_message(id)? else {
            return Ok(None);
        };
        let outgoing = OUTBOX.get(&self.tables, (&row.channel, id))?;
        Ok(outgoing.map(|outgoing| (Message::clone(&row), outgoing)))
    }
}
