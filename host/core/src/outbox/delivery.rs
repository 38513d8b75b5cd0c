//! How far a message got. It only moves forward.

use super::rows::{DeliveryState, DeliveryStep, Mark, OUTBOX};
use crate::apply::{Applier, DomainEvent};
use crate::conversation::EventEffect;
use crate::conversation::rows::{Message, SENT_IN_THREAD};
use crate::event::{DeliveryScope, DeliveryUpdate, Problem};
use crate::ids::{MessageId, Millis};
use crate::limits;
use crate::tables::{Present, Result};

impl Applier<'_> {
    /// What a channel says of a message that was sent. It moves the delivery forward or not at all.
    pub(crate) fn apply_update(
        &mut self,
        id: MessageId,
        about: &DeliveryScope,
        update: &DeliveryUpdate,
        at: Millis,
    ) -> Result<EventEffect> {
        if matches!(about, DeliveryScope::ThreadUntil(..)) && self.mark_running(id, update, at)? {
            return Ok(EventEffect::New);
        }
        if !self.change_held(id, |row| row.is_moved_by(about, update) && row.update(update, at))?.unwrap_or_default() {
            return Ok(EventEffect::Duplicate);
        }
        let Some(row) = self.held_message(id)? else { return Ok(EventEffect::Duplicate) };
        // A message that is on its channel does not wait to be sent there, whatever its last attempt came to.
        let waits = OUTBOX.get(&self.tables, (&row.channel, id))?.is_some_and(|outgoing| outgoing.running.is_none());
        if waits && row.is_on_its_channel() {
            self.dequeue(&row.channel, &row.thread.id, id)?;
        }
        if row.is_read() {
            // No mark says more.
            self.leave_thread(&row);
        }
        self.tell_delivery(&row);
        Ok(EventEffect::New)
    }

    /// A mark of the thread may overtake the answer of an attempt. It is kept until the attempt ends; says whether it is.
    fn mark_running(&mut self, id: MessageId, update: &DeliveryUpdate, at: Millis) -> Result<bool> {
        let state = match update {
            DeliveryUpdate::Delivered => DeliveryState::Delivered,
            DeliveryUpdate::Read => DeliveryState::Read,
            _ => return Ok(false),
        };
        let Some(row) = self.held_message(id)?.filter(|row| !row.is_on_its_channel()) else { return Ok(false) };
        let outgoing = OUTBOX.get(&self.tables, (&row.channel, id))?;
        let Some(mut outgoing) = outgoing.filter(|outgoing| outgoing.running.is_some()) else { return Ok(false) };
        if outgoing.mark.is_none_or(|before| before.state.rank() < state.rank()) {
            outgoing.mark = Some(Mark { state, at });
            OUTBOX.put(&mut self.tables, (&row.channel, id), &outgoing)?;
        }
        Ok(true)
    }

    /// Read marks of the thread are about the message from now on, as far as the attempt began before them.
    pub(super) fn enter_thread(&mut self, row: &Message) -> Result<()> {
        match row.started_at().filter(|_| row.action.is_none()) {
            Some(at) => SENT_IN_THREAD.put(&mut self.tables, (&row.channel, &row.thread.id, at, row.id), &Present),
            None => Ok(()),
        }
    }

    /// Read marks are not about the message any more.
    pub(super) fn leave_thread(&mut self, row: &Message) {
        if let Some(at) = row.started_at() {
            SENT_IN_THREAD.delete(&mut self.tables, (&row.channel, &row.thread.id, at, row.id));
        }
    }

    pub(super) fn store_delivery(&mut self, row: Message) {
        self.tell_delivery(&row);
        self.store_message(row);
    }

    pub(super) fn tell_delivery(&mut self, row: &Message) {
        if let Some(state) = row.delivery.as_ref().map(|delivery| delivery.state) {
            self.emit(DomainEvent::DeliveryMoved { message: row.id, identity: row.identity, state });
        }
    }
}

impl Message {
    /// Whether the channel has the message, by what it said.
    pub(super) fn is_on_its_channel(&self) -> bool {
        use DeliveryState::{Delivered, Read, Sent};
        self.delivery.as_ref().is_some_and(|d| matches!(d.state, Sent | Delivered | Read))
    }

    pub(super) fn is_read(&self) -> bool {
        self.delivery.as_ref().is_some_and(|delivery| delivery.state == DeliveryState::Read)
    }

    fn started_at(&self) -> Option<Millis> {
        self.delivery.as_ref().and_then(|delivery| delivery.started_at)
    }

    /// Whether an update may move the delivery at all. Of an attempt before the last one only that it arrived counts. That somebody has
    /// seen a thread does not say that the message got there: it takes no failure back, and nothing out of the outbox.
    fn is_moved_by(&self, about: &DeliveryScope, update: &DeliveryUpdate) -> bool {
        match about {
            DeliveryScope::Message(id) => {
                let has_arrived = matches!(update, DeliveryUpdate::Delivered | DeliveryUpdate::Read);
                self.delivery.is_some() && (has_arrived || self.external_ids.contains(id))
            }
            DeliveryScope::ThreadUntil(..) => self.is_on_its_channel(),
        }
    }

    /// Moves the delivery by what a channel says; says whether it moved.
    fn update(&mut self, update: &DeliveryUpdate, at: Millis) -> bool {
        match update {
            DeliveryUpdate::Sent => self.advance(DeliveryState::Sent, at),
            DeliveryUpdate::Delivered => self.advance(DeliveryState::Delivered, at),
            DeliveryUpdate::Read => self.advance(DeliveryState::Read, at),
            DeliveryUpdate::Failed(problem) => self.fail(DeliveryState::Failed, at, None, problem, Some("channel")),
            DeliveryUpdate::Other(word) => {
                let word = crate::canonical::cut(word, limits::WORD);
                let known = self.delivery.as_ref().is_some_and(|d| d.history.iter().any(|s| s.state == word));
                if !known {
                    self.step(&word, at, None, None);
                }
                !known
            }
        }
    }

    /// Moves the delivery forward; says whether it moved.
    fn advance(&mut self, to: DeliveryState, at: Millis) -> bool {
        self.move_to(to, at, None, None, None)
    }

    /// Moves the delivery to where something went wrong; says whether it moved.
    pub(super) fn fail(
        &mut self,
        to: DeliveryState,
        at: Millis,
        attempt: Option<u32>,
        problem: &Problem,
        class: Option<&str>,
    ) -> bool {
        self.move_to(to, at, attempt, Some(problem), class)
    }

    pub(super) fn move_to(
        &mut self,
        to: DeliveryState,
        at: Millis,
        attempt: Option<u32>,
        problem: Option<&Problem>,
        class: Option<&str>,
    ) -> bool {
        let Some(delivery) = self.delivery.as_mut().filter(|delivery| to.rank() > delivery.state.rank()) else {
            return false;
        };
        (delivery.state, delivery.at) = (to, at);
        delivery.error = problem.cloned();
        delivery.class = class.map(str::to_owned);
        self.step(to.word(), at, attempt, problem);
        true
    }

    /// Notes a step of the delivery. The latest are kept.
    pub(super) fn step(&mut self, state: &str, at: Millis, attempt: Option<u32>, error: Option<&Problem>) {
        if let Some(delivery) = &mut self.delivery {
            if delivery.history.len() >= limits::HISTORY {
                let surplus = delivery.history.len() + 1 - limits::HISTORY;
                delivery.history.drain(..surplus);
            }
            delivery.history.push(DeliveryStep { state: state.to_owned(), at, attempt, error: error.cloned() });
        }
    }
}

impl DeliveryState {
    /// The word for it in a history.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Uncertain => "uncertain",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Read => "read",
        }
    }
}
