//! What follows for API keys, and for repeated commands.

use super::rows::{ApiKey, BY_HASH, IDEMPOTENCY, IDEMPOTENCY_BY_TIME, IdempotencyRecord, KEYS};
use super::view::remembered;
use crate::apply::{Applier, actor_name, not_found, refuse};
use crate::effect::Effect;
use crate::fact::{Actor, Fact, Idempotency, Outcome, Role};
use crate::generation::Stage;
use crate::ids::KeyId;
use crate::tables::{Present, Result};

/// The client's own key for a command.
pub(crate) fn idempotency_of(fact: &Fact) -> Option<&Idempotency> {
    match fact {
        Fact::MessageRequested { idempotency, .. }
        | Fact::ActionRequested { idempotency, .. }
        | Fact::MergeRequested { idempotency, .. }
        | Fact::UnlinkRequested { idempotency, .. }
        | Fact::SuggestionDecided { idempotency, .. } => idempotency.as_ref(),
        _ => None,
    }
}

/// Whether whoever has a fact appended decides something by it. What only tells how far a version has come, or that it was refused, is
/// taken to its end.
pub(crate) fn needs_good_key(fact: &Fact) -> bool {
    match fact {
        Fact::GenerationMoved { to, .. } => matches!(to, Stage::Approved | Stage::Active),
        _ => true,
    }
}

impl Applier<'_> {
    /// Whether the actor's key was revoked before this fact, however long ago its request began.
    pub(crate) fn is_key_revoked(&self) -> Result<bool> {
        let Actor::Key(key) = self.actor else { return Ok(false) };
        let row = KEYS.get(&self.tables, (*key,))?;
        Ok(row.is_some_and(|row| row.revoked_at.is_some()))
    }

    /// What came of a command before; a refusal if the key was used for another one.
    pub(crate) fn remembered(&mut self, idempotency: &Idempotency) -> Result<Option<Outcome>> {
        let before = remembered(&self.tables, self.actor, idempotency)?;
        // Repeating a command has the effects of the command: who repeats it may never have seen them.
        if let Some(Outcome::Queued { message, .. }) = &before
            && let Some(row) = self.held_message(*message)?
        {
            self.affect(Effect::Outbox(row.channel.clone()));
        }
        Ok(before)
    }

    /// What is left of a command that was carried out, once what it was about is erased: its key is not good for another command, and
    /// whoever repeats it is told that there is nothing.
    pub(crate) fn remember_redacted(&mut self, Idempotency { key, request }: &Idempotency) -> Result<()> {
        let actor = actor_name(self.actor);
        if IDEMPOTENCY.contains(&self.tables, (&actor, key))? {
            return Ok(());
        }
        let outcome = refuse("not_found", "what this request was about was erased");
        let row = IdempotencyRecord { request: request.clone(), outcome, at: self.at };
        IDEMPOTENCY_BY_TIME.put(&mut self.tables, (self.at, &actor, key), &Present)?;
        IDEMPOTENCY.put(&mut self.tables, (&actor, key), &row)
    }

    /// Remembers what came of a command. A refusal is not remembered: what it complained of may be mended, and the client may try again
    /// with the same key.
    pub(crate) fn remember(&mut self, Idempotency { key, request }: &Idempotency, outcome: &Outcome) -> Result<()> {
        if matches!(outcome, Outcome::Refused(_)) {
            return Ok(());
        }
        let actor = actor_name(self.actor);
        let row = IdempotencyRecord { request: request.clone(), outcome: outcome.clone(), at: self.at };
        IDEMPOTENCY_BY_TIME.put(&mut self.tables, (self.at, &actor, key), &Present)?;
        IDEMPOTENCY.put(&mut self.tables, (&actor, key), &row)
    }

    pub(crate) fn create_key(&mut self, name: &str, role: Role, hash: &str) -> Result<Outcome> {
        let hash = &hash.to_owned();
        if BY_HASH.contains(&self.tables, (hash,))? {
            return Ok(refuse("conflict", "a key with this hash exists already"));
        }
        let id = self.ids.key()?;
        let (created_at, revoked_at) = (self.at, None);
        let row = ApiKey { id, name: name.to_owned(), role, hash: hash.clone(), created_at, revoked_at };
        KEYS.put(&mut self.tables, (id,), &row)?;
        BY_HASH.put(&mut self.tables, (hash,), &id)?;
        Ok(Outcome::KeyCreated { key: id })
    }

    pub(crate) fn revoke_key(&mut self, id: KeyId) -> Result<Outcome> {
        let Some(mut row) = KEYS.get(&self.tables, (id,))? else {
            return Ok(not_found("key", id));
        };
        self.affect(Effect::Key(id));
        if row.revoked_at.is_none() {
            row.revoked_at = Some(self.at);
            KEYS.put(&mut self.tables, (id,), &row)?;
        }
        Ok(Outcome::Done)
    }
}
