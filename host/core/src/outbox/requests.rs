//! A client wants to send a message: where it goes, and whether it may go there.
//!
//! A message goes to an address of the customer's own, never to one that was merely claimed. Unless the client says otherwise it goes to
//! the thread in which the customer last wrote with nobody else listening: never by itself to a group or a public thread.

use crate::apply::{Applier, DomainEvent, not_found, refuse, refuse_with};
use crate::channel::rows::{CHANNELS, Channel};
use crate::conversation::rows::{Direction, MESSAGES, Message, MessageAuthor, SENT_IN_THREAD};
use crate::event::{Part, Thread};
use crate::fact::{Actor, Destination, Newest, Outcome, Via};
use crate::identity::graph;
use crate::identity::rows::{Identity, ThreadAddress};
use crate::ids::{ChannelId, CustomerId, IdentityId, MessageId, Millis};
use crate::outbox::rows::{Delivery, DeliveryState};
use crate::tables::{Present, Result};

/// Where a message goes.
struct Address<'a> {
    identity: &'a Identity,
    channel: Channel,
    thread: Thread,
    last_inbound: Option<Millis>,
}

/// A thread of a customer.
#[derive(Clone)]
struct Candidate<'a> {
    identity: &'a Identity,
    channel: &'a ChannelId,
    thread: ThreadAddress,
}

/// What the client said about where a message is to go.
#[derive(Clone, Copy)]
struct Wish<'a> {
    via: Option<&'a Via>,
    answered: Option<&'a Message>,
    thread: Option<&'a str>,
}

impl Applier<'_> {
    /// Puts a message in the outbox, if it may be sent at all.
    pub(crate) fn request_message(
        &mut self,
        customer: CustomerId,
        parts: &[Part],
        via: Option<&Via>,
        reply_to: Option<MessageId>,
        thread: Option<&str>,
    ) -> Result<Outcome> {
        let Some(customer) = graph::resolve(&self.tables, customer)? else {
            return Ok(not_found("customer", customer));
        };
        let members = graph::members(&self.tables, customer)?;
        let answered = match reply_to {
            None => None,
            Some(id) => match MESSAGES.get(&self.tables, (id,))? {
                Some(m) if members.iter().any(|i| i.id == m.identity) => Some(m),
                _ => return Ok(refuse("not_found", &format!("customer {customer} has no message {id}"))),
            },
        };
        let address = match self.address(&members, Wish { via, answered: answered.as_ref(), thread })? {
            Ok(address) => address,
            Err(refused) => return Ok(refused),
        };
        if let Some(refused) = objection(&address, parts, self.at) {
            return Ok(refused);
        }
        let to = Some(Box::new(destination(&address, &members)));
        let on_channel = answered.as_ref().filter(|m| m.channel == address.channel.id);
        let id = self.ids.message()?;
        let row = Message {
            parts: parts.to_vec(),
            reply_to,
            reply_to_external: on_channel.and_then(|m| m.external_ids.first().cloned()),
            ..self.outbound(id, address.identity.id, &address.channel, &address.thread)
        };
        SENT_IN_THREAD.put(&mut self.tables, (&row.channel, &row.thread.id, self.at, id), &Present)?;
        self.enter_timeline(&row)?;
        self.enqueue(row)?;
        self.emit(DomainEvent::MessageQueued { customer, message: id });
        Ok(Outcome::Queued { message: id, to })
    }

    /// An outbound message without content, queued.
    pub(super) fn outbound(&self, id: MessageId, identity: IdentityId, channel: &Channel, thread: &Thread) -> Message {
        let author = match self.actor {
            Actor::Key(key) => MessageAuthor::Agent { key: *key },
            _ => MessageAuthor::System,
        };
        let connector = &channel.source.connector;
        let delivery = Delivery {
            state: DeliveryState::Queued,
            at: self.at,
            attempts: 0,
            error: None,
            class: None,
            history: Vec::new(),
        };
        Message {
            delivery: Some(delivery),
            ..Message::new(id, &channel.id, connector, thread, Direction::Outbound, author, identity, self.at)
        }
    }

    /// The address to use: never one that was merely claimed, since only the customer's own identities are looked at.
    fn address<'a>(
        &self,
        members: &'a [Identity],
        wish: Wish<'a>,
    ) -> Result<std::result::Result<Address<'a>, Outcome>> {
        let Candidate { identity, channel, thread } = match choose(members, wish) {
            Ok(chosen) => chosen,
            Err(refused) => return Ok(Err(refused)),
        };
        if identity.retired_at.is_some() {
            let message = "the customer has left this address for another one";
            return Ok(Err(refuse("recipient_gone", message)));
        }
        let Some(channel) = CHANNELS.get(&self.tables, (channel,))? else {
            return Ok(Err(refuse("no_address", &format!("the channel {channel} is not configured any more"))));
        };
        let ThreadAddress { thread, last_inbound } = thread;
        Ok(Ok(Address { identity, channel, thread, last_inbound }))
    }
}

/// The thread to write to.
fn choose<'a>(members: &'a [Identity], wish: Wish<'a>) -> std::result::Result<Candidate<'a>, Outcome> {
    if let Some(Via::Identity(id)) = wish.via
        && !members.iter().any(|i| i.id == *id)
    {
        let message = "this identity is not one of the customer's own; \
                       a possible identity can be written to only after its link was accepted";
        return Err(refuse("not_own_identity", message));
    }
    if let Some(answered) = wish.answered.filter(|_| wish.via.is_none() && wish.thread.is_none()) {
        return answering(members, answered);
    }
    let wanted = |c: &Candidate<'_>| match wish.via {
        Some(Via::Identity(id)) => c.identity.id == *id,
        Some(Via::Channel(channel)) => c.channel == channel,
        None => true,
    };
    let mut candidates: Vec<Candidate<'_>> = threads(members).filter(wanted).collect();
    if candidates.is_empty() {
        let message = "the customer has never written on such a channel, so there is no address to send to";
        return Err(refuse("no_address", message));
    }
    match wish.thread {
        Some(thread) => candidates.retain(|c| c.thread.thread.id == thread),
        None => candidates.retain(|c| c.thread.thread.is_direct()),
    }
    // An address that was left is named only where there is no other one.
    let newest = |left: bool| {
        let of = candidates.iter().filter(|c| c.identity.retired_at.is_some() == left);
        of.max_by_key(|c| (c.thread.last_inbound, c.identity.id)).cloned()
    };
    newest(false).or_else(|| newest(true)).ok_or_else(|| {
        let message = "the customer has written there only where others listen; name the message that is answered in \
                       `reply_to`, or the thread in `thread`, to write there";
        refuse("no_direct_thread", message)
    })
}

/// The thread of a message, whoever listens there: the client chose it.
fn answering<'a>(members: &'a [Identity], answered: &'a Message) -> std::result::Result<Candidate<'a>, Outcome> {
    let Some(identity) = members.iter().find(|i| i.id == answered.identity) else {
        return Err(refuse("no_address", "the address of this message is not the customer's any more"));
    };
    let known = identity.channels.get(&answered.channel).and_then(|a| a.of_kind(&answered.thread.kind));
    let last_inbound = known.and_then(|known| known.last_inbound);
    let thread = ThreadAddress { thread: answered.thread.clone(), last_inbound };
    Ok(Candidate { identity, channel: &answered.channel, thread })
}

/// Every thread in which a customer was last seen, one of each kind, on each channel.
fn threads(members: &[Identity]) -> impl Iterator<Item = Candidate<'_>> {
    members.iter().flat_map(|identity| {
        identity.channels.iter().flat_map(move |(channel, address)| {
            let before = ThreadAddress { thread: address.thread.clone(), last_inbound: address.last_inbound };
            let known = address.threads.iter().cloned();
            let all = known.chain(address.threads.is_empty().then_some(before));
            all.map(move |thread| Candidate { identity, channel, thread })
        })
    })
}

fn destination(address: &Address<'_>, members: &[Identity]) -> Destination {
    let reached = threads(members).filter(|c| c.identity.retired_at.is_none() && c.thread.last_inbound.is_some());
    let newest = reached.max_by_key(|c| c.thread.last_inbound);
    let elsewhere = newest.filter(|c| {
        (c.identity.id, c.channel, &c.thread.thread) != (address.identity.id, &address.channel.id, &address.thread)
    });
    Destination {
        channel: address.channel.id.clone(),
        identity: address.identity.id,
        kind: address.identity.kind.clone(),
        value: address.identity.value.clone(),
        thread: address.thread.clone(),
        newest: elsewhere.map(|c| Newest {
            channel: c.channel.clone(),
            identity: c.identity.id,
            thread: c.thread.thread.clone(),
        }),
    }
}

/// Why these parts cannot be sent to this address now.
fn objection(address: &Address<'_>, parts: &[Part], now: Millis) -> Option<Outcome> {
    let channel = &address.channel;
    let rules = &channel.rules;
    if !rules.sends {
        return Some(refuse("unsupported", &format!("the channel {} only receives", channel.id)));
    }
    if let Some(part) = parts.iter().find(|part| !rules.content.iter().any(|kind| kind == part.kind())) {
        let message = format!("the channel {} cannot send a part of type {}", channel.id, part.kind());
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
