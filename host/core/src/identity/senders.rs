//! The identity of a sender, made if it is new.

use std::rc::Rc;

use super::address;
use super::rows::{BY_ACTIVITY, BY_ADDRESS, BY_WORD, CUSTOMERS, Customer, Evidence, IDENTITIES, Identity};
use super::search::words;
use super::statement::{MadeBy, Passed, Statement};
use crate::apply::Applier;
use crate::channel::rows::CHANNELS;
use crate::event::{Identifier, Sender, Trust};
use crate::ids::{ChannelId, CustomerId, IdentityId, Millis};
use crate::limits;
use crate::tables::{Present, ReadError, Result};

impl Applier<'_> {
    /// The scope whose people a channel speaks about.
    pub(crate) fn scope_of(&self, channel: &ChannelId, connector: &str) -> Result<String> {
        let row = CHANNELS.get(&self.tables, (channel,))?;
        Ok(row.map_or_else(|| connector.to_owned(), |row| row.scope().to_owned()))
    }

    /// The identity of a sender, made if it is new, with everything its hints say.
    pub(crate) fn sender(&mut self, sender: &Sender, statement: Statement<'_>) -> Result<IdentityId> {
        let id = self.identity(&sender.identity, sender.trust, statement, MadeBy::Sender)?;
        if !sender.trust.is_proof() {
            self.claim_own_address(id, sender, statement)?;
        }
        for hint in sender.hints.iter().take(limits::HINTS) {
            self.hint(id, hint, statement)?;
        }
        Ok(id)
    }

    pub(super) fn evidence(&self, text: &str, statement: Statement<'_>) -> Evidence {
        Evidence {
            seq: self.seq,
            at: self.at,
            text: text.to_owned(),
            channel: Some(statement.channel.clone()),
            message: statement.message,
            actor: None,
            verified: false,
        }
    }

    /// Who gives an address without proof claims it, wherever somebody else may have proven it.
    fn claim_own_address(&mut self, id: IdentityId, sender: &Sender, statement: Statement<'_>) -> Result<()> {
        let proven = statement.speaker().scope_of(&sender.identity, Trust::Attested);
        let somebody_has_it = address::find(&self.tables, &sender.identity, &proven)?.is_some();
        if !somebody_has_it && !address::is_global(&sender.identity.kind) {
            return Ok(());
        }
        let evidence = self.evidence("given as the sender's own address", statement);
        self.claim(id, &sender.identity, &proven, sender.trust, evidence, true)
    }

    /// The row of an identity, to change it.
    pub(crate) fn identity_row(&self, id: IdentityId) -> Result<Identity> {
        Ok((*self.known_identity(id)?).clone())
    }

    /// The row of an identity. One fact looks at the same few again and again, so they are decoded once.
    fn known_identity(&self, id: IdentityId) -> Result<Rc<Identity>> {
        if let Some(row) = self.identities.borrow().get(&id) {
            return Ok(Rc::clone(row));
        }
        let row = Rc::new(IDENTITIES.need(&self.tables, (id,))?);
        self.identities.borrow_mut().insert(id, Rc::clone(&row));
        Ok(row)
    }

    /// The identities of a customer, oldest first.
    pub(super) fn members(&self, customer: CustomerId) -> Result<Vec<Rc<Identity>>> {
        let row = CUSTOMERS.need(&self.tables, (customer,))?;
        row.members.iter().map(|id| self.known_identity(*id)).collect()
    }

    /// Changes the row of an identity. It is written once, when the fact is done, however often the fact changes it.
    pub(crate) fn store_identity(&mut self, row: &Identity) {
        self.identities.get_mut().insert(row.id, Rc::new(row.clone()));
        self.changed_identities.insert(row.id);
    }

    /// Writes what was changed.
    pub(crate) fn write_identities(&mut self) -> Result<()> {
        for id in std::mem::take(&mut self.changed_identities) {
            let row = self.known_identity(id)?;
            IDENTITIES.put(&mut self.tables, (id,), &row)?;
            self.tables.check()?;
        }
        Ok(())
    }

    /// The identity that has this address now, made if there is none.
    pub(super) fn identity(
        &mut self,
        identifier: &Identifier,
        trust: Trust,
        statement: Statement<'_>,
        by: MadeBy,
    ) -> Result<IdentityId> {
        let scope = statement.speaker().scope_of(identifier, trust);
        let Some(id) = address::find(&self.tables, identifier, &scope)? else {
            return self.new_identity(identifier, &scope, trust, by);
        };
        let row = self.identity_row(id)?;
        if trust.is_proof() && self.may_have_passed_on(&row) {
            let reason = "nobody vouched for this address for a year; it may have another owner now";
            return self.pass_on(row, identifier, statement, &Passed { trust, reason });
        }
        self.attest(row, identifier, trust)?;
        Ok(id)
    }

    pub(super) fn new_identity(
        &mut self,
        identifier: &Identifier,
        scope: &str,
        trust: Trust,
        by: MadeBy,
    ) -> Result<IdentityId> {
        let id = match by {
            MadeBy::Sender => {
                // Before there were scopes, what was given without proof landed on whoever had the address.
                let extra = scope.starts_with('?')
                    && BY_ADDRESS.contains(&self.tables, (&identifier.kind, "", &identifier.value))?;
                self.ids.sender(extra)?
            }
            MadeBy::Hint | MadeBy::Change => self.ids.spoken_of()?,
        };
        if self.changed_identities.contains(&id) || IDENTITIES.contains(&self.tables, (id,))? {
            return Err(ReadError::Broken(format!("the identity {id} is there already")));
        }
        let customer = CustomerId::from(id);
        let row = Identity {
            id,
            kind: identifier.kind.clone(),
            namespace: identifier.namespace.clone(),
            scope: scope.to_owned(),
            value: identifier.value.clone(),
            raw: identifier.raw.clone(),
            trust,
            customer,
            created_at: self.at,
            attested_at: None,
            retired_at: None,
            shared: address::is_shared_by_nature(identifier),
            channels: Default::default(),
            profile: Vec::new(),
            hints_at: None,
            last_activity: None,
            last_message: None,
            last_message_at: None,
            last_outbound: None,
            waiting_since: None,
            messages: 0,
            dropped: 0,
            erased: None,
        };
        BY_ADDRESS.put(&mut self.tables, (&identifier.kind, scope, &identifier.value), &id)?;
        CUSTOMERS.put(&mut self.tables, (customer,), &Customer { members: vec![id] })?;
        self.find_by_words(id, &identifier.value)?;
        self.store_identity(&row);
        self.attest(row, identifier, trust)?;
        Ok(id)
    }

    /// Records that a provider vouches for an address. The first time, everybody who claimed it before becomes a suggestion.
    pub(super) fn attest(&mut self, mut row: Identity, identifier: &Identifier, trust: Trust) -> Result<()> {
        if !trust.is_proof() {
            return Ok(());
        }
        /// That a provider vouches is recorded this often, so that a busy address does not change with every message.
        const DAY: u64 = 24 * 60 * 60 * 1000;
        let first = row.attested_at.is_none();
        if first || row.attested_at.is_some_and(|at| self.at.0.saturating_sub(at.0) > DAY) {
            row.attested_at = Some(self.at);
            row.trust = row.trust.max(trust);
            self.store_identity(&row);
        }
        if first { self.match_earlier_claims(identifier, &row) } else { Ok(()) }
    }

    pub(super) fn find_by_words(&mut self, id: IdentityId, text: &str) -> Result<()> {
        for word in words(text) {
            BY_WORD.put(&mut self.tables, (&word, id), &Present)?;
        }
        Ok(())
    }

    /// Takes note that something happened with an identity, at a time that only ever moves its activity forward.
    pub(crate) fn bump_activity(&mut self, row: &mut Identity, at: Millis) -> Result<()> {
        if row.last_activity.is_some_and(|before| before >= at) {
            return Ok(());
        }
        if let Some(before) = row.last_activity {
            BY_ACTIVITY.delete(&mut self.tables, (before, row.id));
        }
        row.last_activity = Some(at);
        BY_ACTIVITY.put(&mut self.tables, (at, row.id), &Present)
    }
}
