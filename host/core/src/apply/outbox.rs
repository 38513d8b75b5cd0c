//! What goes out, and news of it.

use super::messages::Fate;
use super::{Applier, not_found, refuse};
use crate::effect::Effect;
use crate::event::{DeliveryNews, Event, Problem, Thread};
use crate::fact::{Actor, Outcome, SendResult, StateChange};
use crate::ids::{ChannelId, IdentityId, MessageId, Millis};
use crate::keys::{self, Item, Place};
use crate::rows::{self, Channel, Delivery, DeliveryState, DeliveryStep, Direction, Message, MessageAuthor, Outgoing};
use crate::tables::Result;

/// How many steps a delivery remembers.
const MAX_HISTORY: usize = 100;

impl Applier<'_> {
    /// An outbound message without content, queued.
    pub(super) fn outbound(&self, id: MessageId, identity: IdentityId, channel: &Channel, thread: &Thread) -> Message {
        let author = match self.actor {
            Actor::Key(key) => MessageAuthor::Agent { key: *key },
            _ => MessageAuthor::System,
        };
        Message {
            id,
            channel: channel.id.clone(),
            connector: channel.source.connector.clone(),
            thread: thread.clone(),
            external_ids: Vec::new(),
            direction: Direction::Outbound,
            author,
            identity,
            sent_at: self.at,
            received_at: self.at,
            ordered_at: self.at,
            parts: Vec::new(),
            reply_to: None,
            reply_to_external: None,
            edited_at: None,
            deleted_at: None,
            reactions: Vec::new(),
            withdrawn: Vec::new(),
            delivery: Some(Delivery {
                state: DeliveryState::Queued,
                at: self.at,
                attempts: 0,
                error: None,
                class: None,
                history: Vec::new(),
            }),
            extra: Vec::new(),
            action: None,
            own_reaction: None,
            marked_read_at: None,
            echo_of: None,
        }
    }

    pub(super) fn put_in_outbox(&mut self, mut row: Message) -> Result<()> {
        step(&mut row, "queued", self.at, None, None);
        rows::put(self.tables, keys::message(row.id), &row)?;
        let attempts = row.delivery.as_ref().map_or(0, |d| d.attempts);
        let outgoing = Outgoing {
            message: row.id,
            thread: row.thread.id.clone(),
            running: None,
            at: self.at,
            attempts,
            since: self.at,
        };
        self.affect(Effect::Outbox(row.channel.clone()));
        rows::put(self.tables, keys::outbox(&row.channel, row.id), &outgoing)
    }

    /// A person wants another attempt.
    pub(super) fn request_retry(&mut self, id: MessageId) -> Result<Outcome> {
        let Some(mut row) = rows::get::<Message>(self.tables, &keys::message(id))? else {
            return Ok(not_found("message", id));
        };
        let retryable =
            row.delivery.as_ref().is_some_and(|d| matches!(d.state, DeliveryState::Uncertain | DeliveryState::Failed));
        if !retryable {
            return Ok(refuse("conflict", "only a message whose delivery is failed or uncertain can be tried again"));
        }
        if let Some(delivery) = &mut row.delivery {
            delivery.state = DeliveryState::Queued;
            delivery.at = self.at;
            delivery.class = None;
        }
        self.put_in_outbox(row)?;
        let row = rows::need(self.tables, &keys::message(id))?;
        self.tell_delivery(&row)?;
        Ok(Outcome::Queued { message: id })
    }

    pub(super) fn start_send(&mut self, id: MessageId, attempt: u32) -> Result<Outcome> {
        let Some((mut row, mut outgoing)) = self.outgoing(id)? else {
            return Ok(refuse("conflict", "this message does not wait in the outbox"));
        };
        if outgoing.running.is_some() {
            return Ok(refuse("conflict", "an attempt at this message runs already"));
        }
        outgoing.running = Some(attempt);
        outgoing.attempts = attempt;
        rows::put(self.tables, keys::outbox(&row.channel, id), &outgoing)?;
        if let Some(delivery) = &mut row.delivery {
            delivery.attempts = attempt;
            delivery.state = DeliveryState::Sending;
            delivery.at = self.at;
        }
        step(&mut row, "sending", self.at, Some(attempt), None);
        self.store_delivery(&row)?;
        Ok(Outcome::Done)
    }

    pub(super) fn end_send(
        &mut self,
        id: MessageId,
        attempt: u32,
        result: &SendResult,
        events: &[Event],
        state: &[StateChange],
    ) -> Result<Outcome> {
        let Some((mut row, mut outgoing)) = self.outgoing(id)?.filter(|(_, o)| o.running == Some(attempt)) else {
            return Ok(refuse("conflict", "no such attempt at this message runs"));
        };
        let channel = row.channel.clone();
        self.change_state(&channel, state);
        let key = keys::outbox(&channel, id);
        let number = Some(attempt);
        outgoing.running = None;
        match result {
            SendResult::Sent { external_ids } => {
                self.tables.delete(key);
                match &row.action {
                    Some(action) => self.done_to_message(action)?,
                    None => row.external_ids.clone_from(external_ids),
                }
                advance(&mut row, DeliveryState::Sent, self.at, number, None, None);
            }
            SendResult::Retry { at, problem } => {
                outgoing.at = *at;
                rows::put(self.tables, key, &outgoing)?;
                back_to_queue(&mut row, self.at, attempt, problem);
            }
            SendResult::Credentials { problem } => {
                outgoing.at = self.at;
                rows::put(self.tables, key, &outgoing)?;
                back_to_queue(&mut row, self.at, attempt, problem);
                self.park_channel(&channel, problem)?;
            }
            SendResult::Failed { class, problem } => {
                self.tables.delete(key);
                advance(&mut row, DeliveryState::Failed, self.at, number, Some(problem), Some(class));
            }
            SendResult::Uncertain { problem } => {
                self.tables.delete(key);
                advance(&mut row, DeliveryState::Uncertain, self.at, number, Some(problem), None);
            }
        }
        self.store_delivery(&row)?;
        for external in row.external_ids.clone() {
            self.own_external(&channel, &external, id)?;
        }
        let source = rows::need::<Channel>(self.tables, &keys::channel(&channel))?.source;
        for event in events {
            self.event(&channel, &source, event)?;
        }
        Ok(Outcome::Done)
    }

    /// The channel knows our message by this id from now on. An echo that came first under it steps back.
    fn own_external(&mut self, channel: &ChannelId, external: &str, id: MessageId) -> Result<()> {
        if external.is_empty() {
            return Ok(());
        }
        let key = keys::external_message(channel, external);
        if let Some(echo) = rows::get::<MessageId>(self.tables, &key)?
            && echo != id
        {
            let mut row: Message = rows::need(self.tables, &keys::message(echo))?;
            let place = Place { at: row.ordered_at, item: Item::Message(echo) };
            self.tables.delete(keys::timeline(row.identity, place));
            let mut who = self.identity_row(row.identity)?;
            who.messages = who.messages.saturating_sub(1);
            if who.last_message == Some(echo) {
                who.last_message = Some(id);
            }
            self.store_identity(&who)?;
            row.echo_of = Some(id);
            rows::put(self.tables, keys::message(echo), &row)?;
        }
        rows::put(self.tables, key, &id)?;
        self.catch_up(channel, external)
    }

    fn outgoing(&self, id: MessageId) -> Result<Option<(Message, Outgoing)>> {
        let Some(row) = rows::get::<Message>(self.tables, &keys::message(id))? else {
            return Ok(None);
        };
        let outgoing = rows::get::<Outgoing>(self.tables, &keys::outbox(&row.channel, id))?;
        Ok(outgoing.map(|outgoing| (row, outgoing)))
    }

    /// News from the channel. It moves a delivery forward or not at all.
    pub(super) fn news(&mut self, id: MessageId, news: &DeliveryNews, at: Millis) -> Result<Fate> {
        let mut row: Message = rows::need(self.tables, &keys::message(id))?;
        if row.delivery.is_none() {
            return Ok(Fate::Duplicate);
        }
        let moved = match news {
            DeliveryNews::Sent => advance(&mut row, DeliveryState::Sent, at, None, None, None),
            DeliveryNews::Delivered => advance(&mut row, DeliveryState::Delivered, at, None, None, None),
            DeliveryNews::Read => advance(&mut row, DeliveryState::Read, at, None, None, None),
            DeliveryNews::Failed(problem) => {
                advance(&mut row, DeliveryState::Failed, at, None, Some(problem), Some("channel"))
            }
            DeliveryNews::Other(word) => {
                let known = row.delivery.as_ref().is_some_and(|d| d.history.iter().any(|s| s.state == *word));
                if !known {
                    step(&mut row, word, at, None, None);
                }
                !known
            }
        };
        if !moved {
            return Ok(Fate::Duplicate);
        }
        self.store_delivery(&row)?;
        Ok(Fate::New)
    }

    fn store_delivery(&mut self, row: &Message) -> Result<()> {
        rows::put(self.tables, keys::message(row.id), row)?;
        self.tell_delivery(row)
    }

    fn tell_delivery(&mut self, row: &Message) -> Result<()> {
        let customer = self.identity_row(row.identity)?.customer;
        let state = row.delivery.as_ref().map(|d| d.state);
        let state = state.and_then(|s| serde_json::to_value(s).ok()).and_then(|v| v.as_str().map(str::to_owned));
        self.tell("delivery.updated", Some(customer), Some(row.id), &[("state", state.unwrap_or_default())]);
        Ok(())
    }
}

/// Moves a delivery forward; says whether it moved.
fn advance(
    row: &mut Message,
    to: DeliveryState,
    at: Millis,
    attempt: Option<u32>,
    error: Option<&Problem>,
    class: Option<&str>,
) -> bool {
    let Some(delivery) = &mut row.delivery else {
        return false;
    };
    if to.rank() <= delivery.state.rank() {
        return false;
    }
    delivery.state = to;
    delivery.at = at;
    delivery.error = error.cloned();
    delivery.class = class.map(str::to_owned);
    let word = match to {
        DeliveryState::Queued => "queued",
        DeliveryState::Sending => "sending",
        DeliveryState::Uncertain => "uncertain",
        DeliveryState::Sent => "sent",
        DeliveryState::Failed => "failed",
        DeliveryState::Delivered => "delivered",
        DeliveryState::Read => "read",
    };
    step(row, word, at, attempt, error);
    true
}

fn back_to_queue(row: &mut Message, at: Millis, attempt: u32, problem: &Problem) {
    if let Some(delivery) = &mut row.delivery {
        delivery.state = DeliveryState::Queued;
        delivery.at = at;
        delivery.error = Some(problem.clone());
    }
    step(row, "queued", at, Some(attempt), Some(problem));
}

fn step(row: &mut Message, state: &str, at: Millis, attempt: Option<u32>, error: Option<&Problem>) {
    if let Some(delivery) = &mut row.delivery
        && delivery.history.len() < MAX_HISTORY
    {
        delivery.history.push(DeliveryStep { state: state.to_owned(), at, attempt, error: error.cloned() });
    }
}
