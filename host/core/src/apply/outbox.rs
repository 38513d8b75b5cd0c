//! What goes out, and news of it.

use super::messages::Fate;
use super::{Applier, not_found, refuse, refuse_with};
use crate::event::{DeliveryNews, Event, Part, Problem, Thread};
use crate::fact::{Actor, Outcome, SendResult, StateChange, Via};
use crate::graph;
use crate::ids::{ChannelId, CustomerId, IdentityId, MessageId, Millis};
use crate::keys::{self, Item, Place};
use crate::rows::{
    self, Channel, Delivery, DeliveryState, DeliveryStep, Direction, Identity, Message, MessageAuthor, Outgoing,
};
use crate::tables::Result;

/// How many steps a delivery remembers.
const MAX_HISTORY: usize = 100;

/// Where a message goes.
struct Address {
    identity: IdentityId,
    channel: Channel,
    thread: Thread,
    last_inbound: Option<Millis>,
}

impl Applier<'_> {
    /// Puts a message in the outbox, if it may be sent at all.
    pub(super) fn request_message(
        &mut self,
        customer: CustomerId,
        parts: &[Part],
        via: Option<&Via>,
        reply_to: Option<MessageId>,
    ) -> Result<Outcome> {
        let Some(customer) = graph::resolve(self.tables, customer)? else {
            return Ok(not_found("customer", customer));
        };
        let members = graph::members(self.tables, customer)?;
        let answered = match reply_to {
            None => None,
            Some(id) => match rows::get::<Message>(self.tables, &keys::message(id))? {
                Some(m) if members.iter().any(|i| i.id == m.identity) => Some(m),
                _ => return Ok(refuse("not_found", &format!("customer {customer} has no message {id}"))),
            },
        };
        let address = match self.address(&members, via, answered.as_ref())? {
            Ok(address) => address,
            Err(refused) => return Ok(refused),
        };
        if let Some(refused) = objection(&address, parts, self.at) {
            return Ok(refused);
        }
        let external =
            answered.filter(|m| m.channel == address.channel.id).and_then(|m| m.external_ids.first().cloned());
        let id = MessageId::new(self.seq, self.next_item()?);
        self.enqueue(id, &address, parts, reply_to, external)?;
        self.tell("message.queued", Some(customer), Some(id), &[]);
        Ok(Outcome::Queued { message: id })
    }

    fn enqueue(
        &mut self,
        id: MessageId,
        address: &Address,
        parts: &[Part],
        reply_to: Option<MessageId>,
        reply_to_external: Option<String>,
    ) -> Result<()> {
        let row = Message {
            parts: parts.to_vec(),
            reply_to,
            reply_to_external,
            ..self.outbound(id, address.identity, &address.channel, &address.thread)
        };
        self.tables.put(keys::sent_in_thread(&row.channel, &row.thread.id, self.at, id), Vec::new());
        self.enter_timeline(&row)?;
        self.put_in_outbox(row)
    }

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
        rows::put(self.tables, keys::outbox(&row.channel, row.id), &outgoing)
    }

    /// The address to use: never one that was merely claimed, since only the customer's own identities are looked at.
    fn address(
        &self,
        members: &[Identity],
        via: Option<&Via>,
        answered: Option<&Message>,
    ) -> Result<std::result::Result<Address, Outcome>> {
        let chosen = match (via, answered) {
            (Some(Via::Identity(id)), _) => match members.iter().find(|i| i.id == *id) {
                Some(identity) => latest_channel(identity).map(|channel| (identity, channel)),
                None => {
                    let message = "this identity is not one of the customer's own; \
                                   a possible identity can be written to only after its link was accepted";
                    return Ok(Err(refuse("not_own_identity", message)));
                }
            },
            (Some(Via::Channel(channel)), _) => {
                let there = members.iter().filter(|i| i.channels.contains_key(channel));
                there.max_by_key(|i| i.channels[channel].last_inbound).map(|identity| (identity, channel))
            }
            (None, Some(message)) => {
                members.iter().find(|i| i.id == message.identity).map(|identity| (identity, &message.channel))
            }
            (None, None) => {
                let reached = members.iter().filter(|i| i.retired_at.is_none());
                let reached = reached.filter_map(|i| latest_channel(i).map(|channel| (i, channel)));
                reached.max_by_key(|(i, channel)| i.channels[*channel].last_inbound)
            }
        };
        let Some((identity, channel)) = chosen else {
            let message = "the customer has never written on such a channel, so there is no address to send to";
            return Ok(Err(refuse("no_address", message)));
        };
        if identity.retired_at.is_some() {
            let message = "the customer has left this address for another one";
            return Ok(Err(refuse("recipient_gone", message)));
        }
        let Some(row) = rows::get::<Channel>(self.tables, &keys::channel(channel))? else {
            return Ok(Err(refuse("no_address", &format!("the channel {channel} is not configured any more"))));
        };
        let presence = identity.channels.get(channel);
        let thread = match (answered.filter(|m| via.is_none() && m.channel == *channel), presence) {
            (Some(message), _) => message.thread.clone(),
            (None, Some(presence)) => presence.thread.clone(),
            (None, None) => Thread { id: identity.value.clone(), kind: String::from("direct") },
        };
        let last_inbound = presence.and_then(|p| p.last_inbound);
        Ok(Ok(Address { identity: identity.id, channel: row, thread, last_inbound }))
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

/// Why these parts cannot be sent to this address now.
fn objection(address: &Address, parts: &[Part], now: Millis) -> Option<Outcome> {
    let channel = &address.channel;
    let rules = &channel.rules;
    if !rules.sends {
        return Some(refuse("unsupported", &format!("the channel {} only receives", channel.id)));
    }
    if let Some(part) = parts.iter().find(|part| !rules.content.iter().any(|kind| kind == part_kind(part))) {
        let message = format!("the channel {} cannot send a part of type {}", channel.id, part_kind(part));
        return Some(refuse_with("unsupported", &message, &[("can_send", rules.content.join(","))]));
    }
    if let Some(limit) = rules.text_limit {
        let longest = parts.iter().filter_map(Part::text).map(|text| limit.measure(text)).max().unwrap_or(0);
        if longest > limit.max as usize {
            let unit = format!("{:?}", limit.unit).to_lowercase();
            let message =
                format!("the text has {longest} {unit}; the channel {} takes {} at most", channel.id, limit.max);
            return Some(refuse("too_long", &message));
        }
    }
    let window = rules.reply_window_ms?;
    let open = address.last_inbound.is_some_and(|at| now.0.saturating_sub(at.0) <= window);
    let template = parts.iter().all(|part| matches!(part, Part::Template { .. }));
    if open || (template && rules.templates) {
        return None;
    }
    let hours = window / 3_600_000;
    let (remedy, offered) = match rules.templates {
        true => ("send a part of type template instead", "template"),
        false => ("wait until the customer writes again, or use another channel", "wait"),
    };
    let message =
        format!("the customer last wrote more than {hours} hours ago, so the channel takes no free text; {remedy}");
    let closed = address.last_inbound.map(|at| Millis(at.0 + window).rfc3339()).unwrap_or_default();
    Some(refuse_with("window_closed", &message, &[("closed_at", closed), ("instead", offered.to_owned())]))
}

/// The name of a part's type, as in JSON.
fn part_kind(part: &Part) -> &str {
    match part {
        Part::Text { .. } => "text",
        Part::Image(_) => "image",
        Part::Audio(_) => "audio",
        Part::Video(_) => "video",
        Part::File(_) => "file",
        Part::Sticker(_) => "sticker",
        Part::Location { .. } => "location",
        Part::Contact { .. } => "contact",
        Part::Interaction { .. } => "interaction",
        Part::Template { .. } => "template",
        Part::Other { name, .. } => name,
    }
}

fn latest_channel(identity: &Identity) -> Option<&ChannelId> {
    identity.channels.iter().max_by_key(|(_, presence)| presence.last_inbound).map(|(channel, _)| channel)
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
