//! A client wants to send a message: where it goes, and whether it may go there.
//!
//! A message goes to an address of the customer's own, never to one that was merely claimed.

use std::collections::BTreeSet;

use super::choice::{Candidate, Wish, threads};
use super::{before, choice};
use crate::apply::{Applier, DomainEvent, not_found, refuse, refuse_with};
use crate::channel::rows::{CHANNELS, Channel};
use crate::conversation::is_too_large;
use crate::conversation::rows::{Direction, Message, MessageAuthor};
use crate::event::{Part, Thread};
use crate::fact::{Actor, Destination, Newest, Outcome, Via};
use crate::identity::graph;
use crate::identity::rows::{Identity, ThreadAddress};
use crate::ids::{ChannelId, CustomerId, IdentityId, MessageId, Millis};
use crate::limits;
use crate::outbox::rows::{Delivery, DeliveryState};
use crate::tables::Result;

/// What is said of a thread that another connector told of.
pub(super) const FORMER_THREAD: &str = "another connector serves the channel now, to which this thread may be somebody else's; the customer has to write there first";

/// Where a message goes.
struct Address<'a> {
    identity: &'a Identity,
    channel: Channel,
    thread: Thread,
    last_inbound: Option<Millis>,
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
        let mut members = graph::members(&self.tables, customer)?;
        self.leave_out_former_threads(&mut members)?;
        let via = self.via_known(via)?;
        let answered = match reply_to {
            None => None,
            Some(id) => match self.held_message(id)? {
                Some(m) if members.iter().any(|i| i.id == m.identity) => Some(m),
                _ => return Ok(refuse("not_found", &format!("customer {customer} has no message {id}"))),
            },
        };
        if let Some(answered) = answered.as_ref().filter(|_| via.is_none() && thread.is_none())
            && let Some(gone) = self.former_thread(answered)?
        {
            return Ok(gone);
        }
        let address = match self.address(&members, Wish { via: via.as_ref(), answered: answered.as_deref(), thread })? {
            Ok(address) => address,
            Err(refused) => return Ok(refused),
        };
        if let Some(refused) = objection(&address, parts, self.at) {
            return Ok(refused);
        }
        let to = Some(Box::new(destination(&address, &members)));
        let on_channel =
            answered.as_ref().filter(|m| m.channel == address.channel.id && address.channel.knows(m.id.seq()));
        let id = self.ids.message()?;
        let row = Message {
            parts: parts.to_vec(),
            reply_to,
            reply_to_external: on_channel.and_then(|m| m.external_ids.first().cloned()),
            ..self.outbound(id, address.identity.id, &address.channel, &address.thread)
        };
        self.enter_timeline(&row)?;
        self.enqueue(row)?;
        self.emit(DomainEvent::MessageQueued { customer, message: id });
        Ok(Outcome::Queued { message: id, to })
    }

    /// Threads that a former connector of a channel told of are no addresses: to who serves it now they are somebody else's.
    fn leave_out_former_threads(&self, members: &mut [Identity]) -> Result<()> {
        if !self.ids.by_place() {
            return Ok(());
        }
        let channels: BTreeSet<ChannelId> = members.iter().flat_map(|member| member.channels.keys().cloned()).collect();
        for channel in channels {
            let Some(serves) = CHANNELS.get(&self.tables, (&channel,))? else { continue };
            for member in &mut *members {
                member.channels.retain(|on, address| *on != channel || serves.knows(address.since));
            }
        }
        Ok(())
    }

    /// The refusal of what is to go where a former connector of the channel brought a message, or was to bring it. Old journals sent it.
    pub(super) fn former_thread(&self, row: &Message) -> Result<Option<Outcome>> {
        let is_known = !self.ids.by_place() || self.is_known_on(&row.channel, row.id.seq())?;
        let message = format!("{FORMER_THREAD}; the channel is {}", row.channel);
        Ok((!is_known).then(|| refuse("no_address", &message)))
    }

    /// With the id that the identity has in these tables.
    fn via_known(&self, via: Option<&Via>) -> Result<Option<Via>> {
        Ok(match via {
            Some(Via::Identity(id)) => {
                let row = graph::known(&self.tables, *id)?;
                Some(Via::Identity(row.map_or(*id, |row| row.id)))
            }
            other => other.cloned(),
        })
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
            started_at: None,
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
        if let Some(Via::Identity(id)) = wish.via
            && !members.iter().any(|i| i.id == *id)
        {
            let message = "this identity is not one of the customer's own; \
                           a possible identity can be written to only after its link was accepted";
            return Ok(Err(refuse("not_own_identity", message)));
        }
        let chosen = if self.ids.by_place() { choice::choose(members, wish) } else { before::choose(members, wish) };
        let Candidate { identity, channel, thread } = match chosen {
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

/// The refusal of more than the row of a message holds.
pub(super) fn too_large() -> Outcome {
    refuse("too_long", &format!("a message may have {} bytes, written as JSON", limits::MESSAGE_BYTES))
}

/// Why these parts cannot be sent to this address now.
fn objection(address: &Address<'_>, parts: &[Part], now: Millis) -> Option<Outcome> {
    let channel = &address.channel;
    let rules = &channel.rules;
    if !rules.sends {
        return Some(refuse("unsupported", &format!("the channel {} only receives", channel.id)));
    }
    if is_too_large(parts) {
        return Some(too_large());
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
