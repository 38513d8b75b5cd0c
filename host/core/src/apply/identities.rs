//! Who an address is, and what hints say of it.

use super::Applier;
use crate::canonical;
use crate::event::{Hint, Identifier, Sender, Subject, Trust};
use crate::fact::Outcome;
use crate::ids::{ChannelId, CustomerId, IdentityId, MessageId, Millis};
use crate::keys;
use crate::rows::{self, Customer, Evidence, Identity, ProfileField};
use crate::tables::Result;

/// What a statement about a person came with.
#[derive(Clone, Copy)]
pub(super) struct Statement<'a> {
    pub(super) channel: &'a ChannelId,
    pub(super) message: Option<MessageId>,
}

impl Applier<'_> {
    /// The identity of a sender, made if it is new, with everything its hints say.
    pub(super) fn sender(&mut self, sender: &Sender, statement: Statement<'_>) -> Result<IdentityId> {
        let id = self.identity(&sender.identity, sender.trust)?;
        for hint in &sender.hints {
            self.hint(id, hint, statement)?;
        }
        Ok(id)
    }

    /// What a channel told when asked about somebody.
    pub(super) fn learn(&mut self, channel: &ChannelId, who: &Identifier, hints: &[Hint]) -> Result<Outcome> {
        let Some(id) = self.find_identity(who)? else {
            return Ok(super::not_found("identity", format!("{}:{}", who.kind, who.value)));
        };
        let mut row = self.identity_row(id)?;
        row.hints_at = Some(self.at);
        self.store_identity(&row)?;
        for hint in hints {
            self.hint(id, hint, Statement { channel, message: None })?;
        }
        Ok(Outcome::Done)
    }

    pub(super) fn find_identity(&self, identifier: &Identifier) -> Result<Option<IdentityId>> {
        rows::get(self.tables, &keys::identity_by_key(identifier))
    }

    /// The row of an identity. One fact looks at the same few again and again, so they are decoded once.
    pub(super) fn identity_row(&self, id: IdentityId) -> Result<Identity> {
        if let Some(row) = self.identities.borrow().get(&id) {
            return Ok(row.clone());
        }
        let row: Identity = rows::need(self.tables, &keys::identity(id))?;
        self.identities.borrow_mut().insert(id, row.clone());
        Ok(row)
    }

    pub(super) fn store_identity(&mut self, row: &Identity) -> Result<()> {
        self.identities.get_mut().insert(row.id, row.clone());
        rows::put(self.tables, keys::identity(row.id), row)
    }

    /// The identity that has this address now, made if there is none.
    pub(super) fn identity(&mut self, identifier: &Identifier, trust: Trust) -> Result<IdentityId> {
        match self.find_identity(identifier)? {
            None => self.new_identity(identifier, trust),
            Some(id) => {
                let row = self.identity_row(id)?;
                self.vouch(row, identifier, trust)?;
                Ok(id)
            }
        }
    }

    fn new_identity(&mut self, identifier: &Identifier, trust: Trust) -> Result<IdentityId> {
        let id = IdentityId::new(self.seq, self.next_item()?);
        let customer = CustomerId::from(id);
        let row = Identity {
            id,
            kind: identifier.kind.clone(),
            namespace: identifier.namespace.clone(),
            value: identifier.value.clone(),
            raw: identifier.raw.clone(),
            trust,
            customer,
            created_at: self.at,
            attested_at: None,
            retired_at: None,
            shared: canonical::is_shared_by_nature(identifier),
            channels: Default::default(),
            profile: Vec::new(),
            hints_at: None,
            last_activity: None,
            last_message: None,
            last_outbound: None,
            waiting_since: None,
            messages: 0,
        };
        rows::put(self.tables, keys::identity_by_key(identifier), &id)?;
        rows::put(self.tables, keys::customer(customer), &Customer { members: vec![id] })?;
        self.find_by_words(id, &identifier.value);
        self.store_identity(&row)?;
        self.vouch(row, identifier, trust)?;
        Ok(id)
    }

    /// Records that somebody vouches for an address. The first time, everybody who claimed it before becomes a suggestion.
    fn vouch(&mut self, mut row: Identity, identifier: &Identifier, trust: Trust) -> Result<()> {
        if !trust.is_proof() {
            return Ok(());
        }
        /// Vouching is recorded this often, so that a busy address does not change with every message.
        const DAY: u64 = 24 * 60 * 60 * 1000;
        let first = row.attested_at.is_none();
        if first || row.attested_at.is_some_and(|at| self.at.0.saturating_sub(at.0) > DAY) {
            row.attested_at = Some(self.at);
            row.trust = row.trust.max(trust);
            self.store_identity(&row)?;
        }
        if first { self.match_earlier_claims(identifier, row.id) } else { Ok(()) }
    }

    fn hint(&mut self, id: IdentityId, hint: &Hint, statement: Statement<'_>) -> Result<()> {
        let (field, value) = match &hint.about {
            Subject::Identifier(identifier) => return self.hint_identifier(id, identifier, hint, statement),
            Subject::Name(value) => ("name", value),
            Subject::Username(value) => ("username", value),
            Subject::Avatar(value) => ("avatar", value),
            Subject::Language(value) => ("language", value),
            Subject::Other(property) => (property.name.as_str(), &property.value),
        };
        self.set_profile(id, field, value, hint, statement.channel)
    }

    fn hint_identifier(
        &mut self,
        id: IdentityId,
        about: &Identifier,
        hint: &Hint,
        statement: Statement<'_>,
    ) -> Result<()> {
        let evidence = Evidence {
            seq: self.seq,
            at: self.at,
            text: hint.evidence.clone(),
            channel: Some(statement.channel.clone()),
            message: statement.message,
            actor: None,
        };
        if !hint.trust.is_proof() {
            return self.claim(id, about, hint.trust, evidence);
        }
        // Reading the age of the last proof must come before this one counts as proof.
        let before = match self.find_identity(about)? {
            Some(other) => self.identity_row(other)?.attested_at,
            None => None,
        };
        let other = self.identity(about, hint.trust)?;
        if other == id { Ok(()) } else { self.prove(id, other, hint.trust, evidence, before) }
    }

    fn set_profile(
        &mut self,
        id: IdentityId,
        field: &str,
        value: &str,
        hint: &Hint,
        channel: &ChannelId,
    ) -> Result<()> {
        let mut row = self.identity_row(id)?;
        let said_already = row.profile.iter().any(|f| f.field == field && f.value == value && f.trust == hint.trust);
        if said_already {
            return Ok(());
        }
        row.profile.retain(|f| f.field != field);
        row.profile.push(ProfileField {
            field: field.to_owned(),
            value: value.to_owned(),
            trust: hint.trust,
            evidence: hint.evidence.clone(),
            channel: channel.clone(),
            at: self.at,
        });
        row.profile.sort_by(|a, b| a.field.cmp(&b.field));
        if matches!(field, "name" | "username") {
            self.find_by_words(id, value);
        }
        self.store_identity(&row)
    }

    fn find_by_words(&mut self, id: IdentityId, text: &str) {
        for word in words(text) {
            self.tables.put(keys::name_token(&word, id), Vec::new());
        }
    }

    /// Takes note that something happened with an identity, at a time that only ever moves its activity forward.
    pub(super) fn touch(&mut self, row: &mut Identity, at: Millis) {
        if row.last_activity.is_some_and(|before| before >= at) {
            return;
        }
        if let Some(before) = row.last_activity {
            self.tables.delete(keys::activity(before, row.id));
        }
        row.last_activity = Some(at);
        self.tables.put(keys::activity(at, row.id), Vec::new());
    }
}

/// The words of a text by which it can be found: lower case, letters and digits.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> {
    /// A name has few words; more would only cost.
    const MOST: usize = 8;
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).take(MOST).map(|word| {
        let lower = word.to_lowercase();
        lower.chars().take(32).collect()
    })
}
