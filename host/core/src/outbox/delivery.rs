//! How far a message got. It only moves forward.

use std::rc::Rc;

use super::rows::{DeliveryState, DeliveryStep, OUTBOX};
use crate::apply::{Applier, DomainEvent};
use crate::conversation::EventEffect;
use crate::conversation::rows::{MESSAGES, Message};
use crate::event::{DeliveryUpdate, Problem};
use crate::ids::{MessageId, Millis};
use crate::limits;
use crate::tables::Result;

impl Applier<'_> {
    /// What a channel says of a message that was sent. It moves the delivery forward or not at all.
    pub(crate) fn apply_update(&mut self, id: MessageId, update: &DeliveryUpdate, at: Millis) -> Result<EventEffect> {
        let Some(mut row) = MESSAGES.get(&self.tables, (id,))? else {
            return Ok(EventEffect::Duplicate);
        };
        if row.delivery.is_none() {
            return Ok(EventEffect::Duplicate);
        }
        let moved = match update {
            DeliveryUpdate::Sent => row.advance(DeliveryState::Sent, at),
            DeliveryUpdate::Delivered => row.advance(DeliveryState::Delivered, at),
            DeliveryUpdate::Read => row.advance(DeliveryState::Read, at),
            DeliveryUpdate::Failed(problem) => row.fail(DeliveryState::Failed, at, None, problem, Some("channel")),
            DeliveryUpdate::Other(word) => {
                let word = crate::canonical::cut(word, limits::WORD);
                let known = row.delivery.as_ref().is_some_and(|d| d.history.iter().any(|s| s.state == word));
                if !known {
                    row.step(&word, at, None, None);
                }
                !known
            }
        };
        if !moved {
            return Ok(EventEffect::Duplicate);
        }
        // A message that is on its channel does not wait to be sent there, whatever its last attempt came to.
        let waits = OUTBOX.get(&self.tables, (&row.channel, id))?.is_some_and(|outgoing| outgoing.running.is_none());
        if waits && row.is_on_its_channel() {
            self.dequeue(&row.channel, &row.thread.id, id)?;
        }
        self.store_delivery(row)?;
        Ok(EventEffect::New)
    }

    pub(super) fn store_delivery(&mut self, row: Message) -> Result<()> {
        MESSAGES.put(&mut self.tables, (row.id,), &row)?;
        self.emit(DomainEvent::DeliveryMoved(Rc::new(row)));
        Ok(())
    }
}

impl Message {
    /// Whether the channel has the message, by what it said.
    pub(super) fn is_on_its_channel(&self) -> bool {
        use DeliveryState::{Delivered, Read, Sent};
        self.delivery.as_ref().is_some_and(|d| matches!(d.state, Sent | Delivered | Read))
    }

    /// Moves the delivery forward; says whether it moved.
    pub(super) fn advance(&mut self, to: DeliveryState, at: Millis) -> bool {
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
