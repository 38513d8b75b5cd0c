//! What facts mean to the outside.

use std::collections::BTreeMap;

use super::public::Public;
use super::rows::{PUBLIC_EVENTS, PublicEvent, SKIPPED, Skipped};
use crate::apply::{Applier, DomainEvent, actor_name};
use crate::canonical::cut;
use crate::conversation::rows::Direction;
use crate::fact::Entry;
use crate::ids::{CustomerId, IdentityId, MessageId};
use crate::limits;
use crate::tables::{Result, Write};

/// Bytes of the reason that is kept of a skipped fact.
const SKIP_REASON: usize = 500;

impl Applier<'_> {
    pub(crate) fn feed_hears(&mut self, event: &DomainEvent) -> Result<()> {
        match event {
            DomainEvent::MessageStored { message, identity, direction } => {
                let word = if *direction == Direction::Inbound { "message.received" } else { "message.echoed" };
                self.tell_of_message(word, (*message, *identity), &[])
            }
            DomainEvent::MessageChanged { message, identity } | DomainEvent::FileSettled { message, identity } => {
                self.tell_of_message("message.updated", (*message, *identity), &[])
            }
            DomainEvent::DeliveryMoved { message, identity, state } => {
                let about = [("state", state.word().to_owned())];
                self.tell_of_message("delivery.updated", (*message, *identity), &about)
            }
            DomainEvent::MessageQueued { customer, message } => {
                self.tell("message.queued", Some(*customer), Some(*message), &[]);
                Ok(())
            }
            DomainEvent::TouchpointRecorded { customer, touchpoint } => {
                self.tell("touchpoint.recorded", Some(*customer), None, &[("touchpoint", touchpoint.to_string())]);
                Ok(())
            }
            DomainEvent::SuggestionMade { customer, suggestion } => {
                self.tell("suggestion.created", Some(*customer), None, &[("suggestion", suggestion.to_string())]);
                Ok(())
            }
            DomainEvent::SuggestionDecided { customer, suggestion, accepted } => {
                let word = if *accepted { "suggestion.accepted" } else { "suggestion.rejected" };
                self.tell(word, Some(*customer), None, &[("suggestion", suggestion.to_string())]);
                Ok(())
            }
            DomainEvent::CustomersMerged { customer, from } => {
                self.tell("customer.merged", Some(*customer), None, &[("from", from.to_string())]);
                Ok(())
            }
            // The customer is nobody's any more, so it is named as what was erased.
            DomainEvent::CustomerErased(customer) => {
                self.tell("customer.erased", None, None, &[("customer", customer.to_string())]);
                Ok(())
            }
            DomainEvent::ErasureEnded(customer) => {
                self.tell("erasure.ended", None, None, &[("customer", customer.to_string())]);
                Ok(())
            }
            DomainEvent::CustomerSplit(customer) => {
                self.tell("customer.unmerged", Some(*customer), None, &[]);
                Ok(())
            }
            other => {
                self.tell_of_operations(other);
                Ok(())
            }
        }
    }

    fn tell_of_operations(&mut self, event: &DomainEvent) {
        let channel = |id: &crate::ids::ChannelId| ("channel", id.to_string());
        match event {
            DomainEvent::TouchpointChanged(id) => {
                self.tell("touchpoint.updated", None, None, &[("touchpoint", id.to_string())]);
            }
            DomainEvent::OtherSaid { channel: id, touchpoint, name } => {
                let about = [("touchpoint", touchpoint.to_string()), ("name", name.clone()), channel(id)];
                self.tell("channel.other", None, None, &about);
            }
            DomainEvent::ChannelSet(id) => self.tell("channel.updated", None, None, &[channel(id)]),
            DomainEvent::ChannelParked { channel: id, reason } => {
                self.tell("channel.parked", None, None, &[channel(id), ("reason", reason.clone())]);
            }
            DomainEvent::ChannelPaused(id) => self.tell("channel.paused", None, None, &[channel(id)]),
            DomainEvent::ChannelResumed(id) => self.tell("channel.resumed", None, None, &[channel(id)]),
            DomainEvent::GenerationMoved { connector, generation, stage } => {
                let about = [
                    ("connector", connector.clone()),
                    ("generation", generation.to_string()),
                    ("stage", stage.word().to_owned()),
                ];
                self.tell("connector.updated", None, None, &about);
            }
            DomainEvent::ConnectorRemoved(name) => {
                self.tell("connector.removed", None, None, &[("connector", name.clone())]);
            }
            DomainEvent::DeliveryParked { channel: id, parked, reason } => {
                let about = [channel(id), ("parked", parked.to_string()), ("reason", reason.clone())];
                self.tell("delivery.parked", None, None, &about);
            }
            DomainEvent::ParkedClosed(id) => {
                self.tell("delivery.discarded", None, None, &[("parked", id.to_string())]);
            }
            _ => {}
        }
    }

    fn tell_of_message(
        &mut self,
        kind: &str,
        (message, identity): (MessageId, IdentityId),
        about: &[(&str, String)],
    ) -> Result<()> {
        let customer = self.identity_row(identity)?.customer;
        self.tell(kind, Some(customer), Some(message), about);
        Ok(())
    }

    fn tell(&mut self, kind: &str, customer: Option<CustomerId>, message: Option<MessageId>, about: &[(&str, String)]) {
        let word = |(name, value): &(&str, String)| ((*name).to_owned(), cut(value, limits::PROFILE_VALUE));
        let about: BTreeMap<String, String> = about.iter().map(word).collect();
        if !self.public.told.insert((kind.to_owned(), customer, message, about.clone())) {
            return;
        }
        if self.public.events.len() >= limits::PUBLIC_EVENTS {
            self.public.more += 1;
            return;
        }
        self.public.events.push(PublicEvent { kind: kind.to_owned(), at: self.at, customer, message, about });
    }

    pub(crate) fn store_public_events(&mut self) -> Result<()> {
        let Public { mut events, more, left_out, .. } = std::mem::take(&mut self.public);
        for (kind, more) in [("events.left_out", more), ("changes.left_out", left_out)] {
            if more > 0 {
                let about = BTreeMap::from([(String::from("more"), more.to_string())]);
                events.push(PublicEvent { kind: kind.to_owned(), at: self.at, customer: None, message: None, about });
            }
        }
        if events.is_empty() {
            return Ok(());
        }
        PUBLIC_EVENTS.put(&mut self.tables, (self.seq,), &events)
    }
}

/// Notes that a fact was skipped, and gives the reason as it is kept.
pub(crate) fn note_skipped(tables: &mut dyn Write, entry: &Entry, reason: &str) -> Result<String> {
    let reason = cut(reason, SKIP_REASON);
    let row = Skipped { seq: entry.seq, at: entry.at, actor: actor_name(&entry.actor), reason: reason.clone() };
    SKIPPED.put(tables, (entry.seq,), &row)?;
    let about = BTreeMap::from([(String::from("reason"), reason.clone())]);
    let kind = String::from("fact.skipped");
    let event = PublicEvent { kind, at: entry.at, customer: None, message: None, about };
    PUBLIC_EVENTS.put(tables, (entry.seq,), &vec![event])?;
    Ok(reason)
}
