//! What follows when a person is erased.

use std::collections::BTreeSet;

use super::rows::{ERASURES, Erasure};
use super::view::customer_of;
use crate::apply::{Applier, DomainEvent, actor_name, not_found};
use crate::conversation::rows::MESSAGES;
use crate::effect::Effect;
use crate::fact::Outcome;
use crate::files::rows::WANTED;
use crate::identity::graph;
use crate::identity::rows::{
    BY_ACTIVITY, BY_ADDRESS, BY_WORD, CUSTOMERS, IDENTITIES, Identity, Rule, SUGGESTIONS, SuggestionState,
};
use crate::identity::search::words;
use crate::ids::{ChannelId, CustomerId, IdentityId, MessageId, Seq};
use crate::outbox::rows::OUTBOX;
use crate::tables::Result;

/// How many messages that wait, and how many files, are looked at. What waits behind them is left out when its turn comes.
const LOOKED_AT: usize = 10_000;

impl Applier<'_> {
    /// Erases whoever is this customer, or, in a journal that was rewritten, those who were: what is left of the facts may not say any
    /// more whose identities they are.
    pub(crate) fn erase_customer(&mut self, asked: CustomerId, listed: &[IdentityId]) -> Result<Outcome> {
        let (customer, identities) = match listed {
            [] => {
                let Some(customer) = customer_of(&self.tables, asked)? else {
                    return Ok(not_found("customer", asked));
                };
                (customer, CUSTOMERS.need(&self.tables, (customer,))?.members)
            }
            listed => (asked, listed.to_vec()),
        };
        let mut members = Vec::new();
        for id in &identities {
            members.extend(IDENTITIES.get(&self.tables, (*id,))?.filter(|row| row.erased.is_none()));
        }
        self.stop_what_waits(&members)?;
        for member in &members {
            self.close_suggestions(member.id)?;
        }
        for member in &members {
            self.erase_identity(member)?;
        }
        for member in &members {
            self.leave_customer(member)?;
        }
        let row =
            Erasure { seq: self.seq, customer, identities, at: self.at, actor: actor_name(self.actor), ended_at: None };
        ERASURES.put(&mut self.tables, (self.seq,), &row)?;
        self.affect(Effect::Erasures);
        self.emit(DomainEvent::CustomerErased(customer));
        Ok(Outcome::Erased { erasure: self.seq })
    }

    fn leave_customer(&mut self, member: &Identity) -> Result<()> {
        let Some(mut row) = CUSTOMERS.get(&self.tables, (member.customer,))? else { return Ok(()) };
        row.members.retain(|id| *id != member.id);
        if row.members.is_empty() {
            CUSTOMERS.delete(&mut self.tables, (member.customer,));
            return Ok(());
        }
        CUSTOMERS.put(&mut self.tables, (member.customer,), &row)
    }

    pub(crate) fn end_erasure(&mut self, erasure: Seq) -> Result<Outcome> {
        let Some(mut row) = ERASURES.get(&self.tables, (erasure,))? else {
            return Ok(not_found("erasure", erasure));
        };
        row.ended_at = row.ended_at.or(Some(self.at));
        self.emit(DomainEvent::ErasureEnded(row.customer));
        ERASURES.put(&mut self.tables, (erasure,), &row)?;
        Ok(Outcome::Done)
    }

    /// Nobody finds the identity any more, and whoever has its address from now on is another one. The address itself stays in the row
    /// until the tables are built again: what is to be erased is found by it.
    fn erase_identity(&mut self, before: &Identity) -> Result<()> {
        for scope in [&before.scope, &before.namespace] {
            let address = (&before.kind, scope, &before.value);
            if BY_ADDRESS.get(&self.tables, address)? == Some(before.id) {
                BY_ADDRESS.delete(&mut self.tables, address);
                // They were about the person. An address that was left has those of who got it.
                self.forget_claims(before)?;
            }
        }
        let named = before.profile.iter().map(|field| &field.value);
        for word in named.chain([&before.value]).flat_map(|text| words(text)) {
            BY_WORD.delete(&mut self.tables, (&word, before.id));
        }
        if let Some(at) = before.last_activity {
            BY_ACTIVITY.delete(&mut self.tables, (at, before.id));
        }
        let mut row = before.clone();
        row.erased = Some(self.seq);
        row.raw = None;
        row.profile.clear();
        row.channels.clear();
        (row.last_activity, row.last_message, row.last_message_at) = (None, None, None);
        (row.last_outbound, row.waiting_since, row.hints_at) = (None, None, None);
        (row.messages, row.dropped) = (0, 0);
        self.store_identity(&row);
        Ok(())
    }

    fn close_suggestions(&mut self, id: IdentityId) -> Result<()> {
        for link in graph::links(&self.tables, id)?.into_iter().filter(|link| link.rule == Rule::Claim) {
            let Some(suggestion) = link.suggestion else { continue };
            let row = SUGGESTIONS.get(&self.tables, (suggestion,))?;
            if let Some(row) = row.filter(|row| row.state == SuggestionState::Open) {
                self.set_suggestion(row, SuggestionState::Rejected)?;
            }
        }
        Ok(())
    }

    fn stop_what_waits(&mut self, members: &[Identity]) -> Result<()> {
        let gone: BTreeSet<IdentityId> = members.iter().map(|member| member.id).collect();
        let channels: BTreeSet<&ChannelId> = members.iter().flat_map(|member| member.channels.keys()).collect();
        let (mut messages, mut files) = (LOOKED_AT, LOOKED_AT);
        for channel in channels {
            self.stop_sending(channel, &mut messages, &gone)?;
            self.stop_fetching(channel, &mut files, &gone)?;
        }
        Ok(())
    }

    /// What waits in the outbox is not sent. An attempt that runs comes to its end.
    fn stop_sending(&mut self, channel: &ChannelId, left: &mut usize, gone: &BTreeSet<IdentityId>) -> Result<()> {
        let rows = OUTBOX.scan(&self.tables, OUTBOX.with((channel,)), false).take(*left);
        let waiting: Vec<_> = rows.map(|row| Ok(row?.1)).collect::<Result<_>>()?;
        *left -= waiting.len();
        for outgoing in waiting.into_iter().filter(|outgoing| outgoing.running.is_none()) {
            if self.is_of(outgoing.identity, outgoing.message, gone)? {
                self.dequeue(channel, &outgoing.thread, outgoing.message)?;
            }
        }
        Ok(())
    }

    fn stop_fetching(&mut self, channel: &ChannelId, left: &mut usize, gone: &BTreeSet<IdentityId>) -> Result<()> {
        let rows = WANTED.scan(&self.tables, WANTED.with((channel,)), false).take(*left);
        let wanted: Vec<_> = rows.map(|row| Ok(row?.1)).collect::<Result<_>>()?;
        *left -= wanted.len();
        for row in wanted {
            if self.is_of(row.identity, row.message, gone)? {
                self.unwant(channel, (row.message, row.part))?;
            }
        }
        Ok(())
    }

    /// Whether a message is with one of these. Rows of edition 3 do not say it.
    fn is_of(&self, known: Option<IdentityId>, message: MessageId, gone: &BTreeSet<IdentityId>) -> Result<bool> {
        let with = match known {
            Some(identity) => Some(identity),
            None => MESSAGES.get(&self.tables, (message,))?.map(|row| row.identity),
        };
        Ok(with.is_some_and(|identity| gone.contains(&identity)))
    }
}
