//! A client wants to send a message: where it goes, and whether it may go there.

use super::{Applier, not_found, refuse, refuse_with};
use crate::event::{Part, Thread};
use crate::fact::{Outcome, Via};
use crate::graph;
use crate::ids::{ChannelId, CustomerId, IdentityId, MessageId, Millis};
use crate::keys;
use crate::rows::{self, Channel, Identity, Message};
use crate::tables::Result;

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
}

/// Why these parts cannot be sent to this address now.
fn objection(address: &Address, parts: &[Part], now: Millis) -> Option<Outcome> {
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

fn latest_channel(identity: &Identity) -> Option<&ChannelId> {
    identity.channels.iter().max_by_key(|(_, presence)| presence.last_inbound).map(|(channel, _)| channel)
}
