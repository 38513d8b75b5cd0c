//! What is said about a person: further addresses, and a profile.

use super::address;
use super::rows::ProfileField;
use super::statement::{MadeBy, Statement};
use crate::apply::{Applier, not_found};
use crate::canonical::cut;
use crate::event::{Hint, Identifier, Subject, Trust};
use crate::fact::Outcome;
use crate::ids::{ChannelId, IdentityId};
use crate::limits;
use crate::tables::Result;

/// About how many bytes of its row a field takes up beside its words.
const FIELD_BYTES: usize = 100;

/// Fields that others never push out of a profile.
const CORE_FIELDS: [&str; 4] = ["avatar", "language", "name", "username"];

impl Applier<'_> {
    /// What a channel told when it was asked about somebody.
    pub(crate) fn apply_fetched_hints(
        &mut self,
        channel: &ChannelId,
        who: &Identifier,
        id: Option<IdentityId>,
        hints: &[Hint],
    ) -> Result<Outcome> {
        let scope = self.scope_of(channel, channel.as_str())?;
        let statement = Statement { channel, scope: &scope, message: None };
        let Some(id) = self.identity_asked_about(statement, who, id)? else {
            return Ok(not_found("identity", format!("{}:{}", who.kind, who.value)));
        };
        let mut row = self.identity_row(id)?;
        row.hints_at = Some(self.at);
        self.store_identity(&row);
        for hint in hints.iter().take(limits::HINTS) {
            self.hint(id, hint, statement)?;
        }
        Ok(Outcome::Done)
    }

    /// Only somebody whom the channel may speak about.
    fn identity_asked_about(
        &self,
        statement: Statement<'_>,
        who: &Identifier,
        id: Option<IdentityId>,
    ) -> Result<Option<IdentityId>> {
        let speaker = statement.speaker();
        for trust in [Trust::Attested, Trust::Claimed] {
            let found = address::find(&self.tables, who, &speaker.scope_of(who, trust))?;
            if found.is_some_and(|found| id.is_none_or(|id| id == found)) {
                return Ok(found);
            }
        }
        Ok(None)
    }

    pub(super) fn hint(&mut self, id: IdentityId, hint: &Hint, statement: Statement<'_>) -> Result<()> {
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
        let evidence = self.evidence(&hint.evidence, statement);
        if !hint.trust.is_proof() {
            let proven = statement.speaker().scope_of(about, Trust::Attested);
            return self.claim(id, about, &proven, hint.trust, evidence, false);
        }
        let scope = statement.speaker().scope_of(about, hint.trust);
        if address::find(&self.tables, about, &scope)?.is_none() {
            if self.made_by_hints >= limits::IDENTITIES_BY_HINTS {
                return self.drop_statement(id);
            }
            self.made_by_hints += 1;
        }
        let other = self.identity(about, hint.trust, statement, MadeBy::Hint)?;
        if other == id { Ok(()) } else { self.link_by_proof(id, other, hint.trust, evidence) }
    }

    fn set_profile(
        &mut self,
        id: IdentityId,
        field: &str,
        value: &str,
        hint: &Hint,
        channel: &ChannelId,
    ) -> Result<()> {
        if field.len() > limits::WORD || value.len() > limits::PROFILE_VALUE {
            return self.drop_statement(id);
        }
        let mut row = self.identity_row(id)?;
        let said_already = row.profile.iter().any(|f| f.field == field && f.value == value && f.trust == hint.trust);
        if said_already {
            return Ok(());
        }
        row.profile.retain(|f| f.field != field);
        let new = ProfileField {
            field: field.to_owned(),
            value: value.to_owned(),
            trust: hint.trust,
            evidence: cut(&hint.evidence, limits::PROFILE_EVIDENCE),
            channel: channel.clone(),
            at: self.at,
        };
        while row.profile.len() >= limits::PROFILE_FIELDS
            || row.profile.iter().chain([&new]).map(size).sum::<usize>() > limits::PROFILE_BYTES
        {
            let others = row.profile.iter().enumerate().filter(|(_, f)| !CORE_FIELDS.contains(&f.field.as_str()));
            let Some(oldest) = others.min_by_key(|(_, f)| f.at).map(|(index, _)| index) else { break };
            row.profile.remove(oldest);
            row.dropped += 1;
        }
        row.profile.push(new);
        row.profile.sort_by(|a, b| a.field.cmp(&b.field));
        if matches!(field, "name" | "username") {
            self.find_by_words(id, value)?;
        }
        self.store_identity(&row);
        Ok(())
    }

    /// Counts a statement that is over the bounds.
    fn drop_statement(&mut self, id: IdentityId) -> Result<()> {
        let mut row = self.identity_row(id)?;
        row.dropped += 1;
        self.store_identity(&row);
        Ok(())
    }
}

/// About how many bytes of its row a field takes up.
fn size(field: &ProfileField) -> usize {
    FIELD_BYTES + field.field.len() + field.value.len() + field.evidence.len() + field.channel.as_str().len()
}
