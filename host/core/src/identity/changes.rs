//! Addresses that pass to somebody else: a number is given to a new owner, a person goes on under another number.

use super::address::{self, REASSIGNED_KINDS};
use super::claims::Shown;
use super::graph;
use super::rows::{BY_ADDRESS, Evidence, Identity, Link, Rule};
use super::statement::{MadeBy, Passed, Statement};
use crate::apply::Applier;
use crate::conversation::rows::TIMELINE;
use crate::effect::Effect;
use crate::event::{Identifier, Trust};
use crate::ids::{IdentityId, Millis};
use crate::tables::Result;

/// What a person writes from the next address may come this much before the change that it follows: channels tell both on their own
/// ways, and in whole seconds. A guess.
const OVERTAKES_BY: u64 = 10 * 60 * 1000;

/// An address that nobody vouched for in this time may have come to another owner.
const RECYCLED_AFTER: u64 = 365 * 24 * 60 * 60 * 1000;

impl Applier<'_> {
    /// Whether an address may belong to somebody else by now.
    pub(super) fn may_have_passed_on(&self, row: &Identity) -> bool {
        REASSIGNED_KINDS.contains(&row.kind.as_str())
            && row.attested_at.is_some_and(|at| self.at.0.saturating_sub(at.0) > RECYCLED_AFTER)
    }

    /// The address belongs to somebody else from here on: the identity that had it is retired, and a new one begins, with a suggestion
    /// between them in case it is the same person after all.
    pub(super) fn pass_on(
        &mut self,
        row: Identity,
        identifier: &Identifier,
        statement: Statement<'_>,
        passed: &Passed<'_>,
    ) -> Result<IdentityId> {
        let before = row.id;
        let scope = row.scope.clone();
        self.retire(row)?;
        let now = self.new_identity(identifier, &scope, passed.trust, MadeBy::Change)?;
        let mut evidence = self.evidence("the same address", statement);
        evidence.verified = true;
        self.suggest(now, before, evidence, passed.reason.to_owned(), Shown::No, true)?;
        Ok(now)
    }

    /// Takes an address from the identity that has it.
    fn retire(&mut self, mut row: Identity) -> Result<()> {
        self.forget_claims(&row)?;
        BY_ADDRESS.delete(&mut self.tables, (&row.kind, row.scope.as_str(), &row.value));
        // Tables of edition 2 have the namespace in place of the scope.
        if !row.is_unproven() && address::was_a_scope(&row.namespace) {
            BY_ADDRESS.delete(&mut self.tables, (&row.kind, &row.namespace, &row.value));
        }
        row.retired_at = Some(self.at);
        self.store_identity(&row);
        // Whoever has the address next in this fact is to be told apart by what the tables say.
        self.write_identities()
    }

    /// The same person goes on under another address since `at`, if the channel said when; the old one may come to belong to somebody
    /// else. Both addresses are the channel's own, so whoever says this speaks about nobody but its own people. A change may come late, and more than once: whoever
    /// has the old address since has nothing to do with it.
    pub(crate) fn rotate(
        &mut self,
        statement: Statement<'_>,
        old: &Identifier,
        new: &Identifier,
        at: Option<Millis>,
        reason: &str,
    ) -> Result<()> {
        let old_scope = statement.speaker().scope_of(old, Trust::Attested);
        let left = address::find(&self.tables, old, &old_scope)?;
        if self.ids.by_place() && self.is_past(statement, left, old, new, at)? {
            return Ok(());
        }
        let at = at.unwrap_or(self.at);
        let next = self.next_address(statement, new, left, at)?;
        self.affect(Effect::Person(statement.channel.clone(), next));
        let Some(left) = left.filter(|left| *left != next) else {
            return Ok(());
        };
        let row = self.identity_row(left)?;
        self.retire(row)?;
        let mut apart = vec![left, next];
        if new.kind != "phone" {
            apart.extend(self.leave_numbers(left, at)?);
        }
        let mut evidence = self.evidence(reason, statement);
        evidence.verified = true;
        self.join_after_change(left, next, evidence)?;
        self.regroup(&apart)
    }

    /// Whether a change is not about whoever has its addresses now. One that says when it happened is about nobody who came later;
    /// one that does not is taken for the same as one that was told before.
    fn is_past(
        &self,
        statement: Statement<'_>,
        left: Option<IdentityId>,
        old: &Identifier,
        new: &Identifier,
        at: Option<Millis>,
    ) -> Result<bool> {
        if let Some(at) = at {
            let began = left.map(|left| self.began(left)).transpose()?;
            return Ok(began.is_some_and(|began| began > at));
        }
        let speaker = statement.speaker();
        let Some(next) = address::find(&self.tables, new, &speaker.scope_of(new, Trust::Attested))? else {
            return Ok(false);
        };
        let scope = speaker.scope_of(old, Trust::Attested);
        for link in graph::every(&self.tables, next) {
            let link = link?;
            if link.rule != Rule::Proof || link.to != next {
                continue;
            }
            let before = self.identity_row(link.from)?;
            let same = (&before.kind, &before.scope, &before.value) == (&old.kind, &scope, &old.value);
            if same && before.retired_at.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Since when somebody has an address: what came late may have been written before the host knew of it.
    fn began(&self, id: IdentityId) -> Result<Millis> {
        let created = self.identity_row(id)?.created_at;
        let first = TIMELINE.scan(&self.tables, TIMELINE.with((id,)), false).next().transpose()?;
        Ok(first.map_or(created, |((_, at, _), _)| at.min(created)))
    }

    /// The identity of the address that a person goes on under. If it was somebody else's before the change, or while the person still
    /// used the old one, it passes on.
    fn next_address(
        &mut self,
        statement: Statement<'_>,
        new: &Identifier,
        left: Option<IdentityId>,
        at: Millis,
    ) -> Result<IdentityId> {
        let trust = Trust::Attested;
        let scope = statement.speaker().scope_of(new, trust);
        if let Some(known) = address::find(&self.tables, new, &scope)?
            && self.is_somebody_elses(known, left, at)?
        {
            let known = self.identity_row(known)?;
            let reason = "somebody else goes on under this address, by what the channel says";
            return self.pass_on(known, new, statement, &Passed { trust, reason });
        }
        self.identity(new, trust, statement, MadeBy::Sender)
    }

    /// Whether an address was another person's when the one who left an address at this time came to it.
    fn is_somebody_elses(&self, known: IdentityId, left: Option<IdentityId>, at: Millis) -> Result<bool> {
        let used_before = self.ids.by_place() && self.began(known)?.0.saturating_add(OVERTAKES_BY) < at.0;
        let Some(left) = left.filter(|left| *left != known) else {
            return Ok(used_before && left.is_none());
        };
        let (left, known) = (self.identity_row(left)?, self.identity_row(known)?);
        let used_until = left.last_activity.or(left.attested_at).unwrap_or(left.created_at);
        Ok(left.customer != known.customer && (used_before || known.created_at <= used_until))
    }

    /// Joins both ends of a change, or suggests it where something speaks against it.
    fn join_after_change(&mut self, left: IdentityId, next: IdentityId, evidence: Evidence) -> Result<()> {
        if self.is_barred(left, next)? {
            return Ok(());
        }
        let (a, b) = (self.identity_row(left)?, self.identity_row(next)?);
        if a.customer != b.customer {
            let (a, b) = (self.members(a.customer)?, self.members(b.customer)?);
            if let Some(reason) = graph::objection(&a, &b) {
                return self.suggest(next, left, evidence, reason, Shown::No, true);
            }
        }
        let (rule, trust) = (Rule::Proof, Trust::Attested);
        self.put_link(&Link { from: left, to: next, rule, trust, evidence, closed: None, suggestion: None })
    }

    /// Whoever left an address left the phone numbers that were proven with it: they pass to whoever proves them next. A number that
    /// somebody else has proven since `at` is theirs already. Gives what is not the person's any more. Facts of old journals only forget
    /// the proof, since they are numbered by what comes of that.
    fn leave_numbers(&mut self, left: IdentityId, at: Millis) -> Result<Vec<IdentityId>> {
        let mut apart = Vec::new();
        for link in graph::joining(&self.tables, left)?.into_iter().filter(graph::is_proof) {
            let number = self.identity_row(graph::other_end(&link, left))?;
            if number.kind != "phone" || number.retired_at.is_some() {
                continue;
            }
            let since = |other: &Link| graph::is_proof(other) && other.evidence.at > at;
            let proven_since = graph::joining(&self.tables, number.id)?.iter().any(since);
            if self.ids.by_place() && !proven_since {
                self.retire(number)?;
            } else {
                self.close(link, "the number was left")?;
                self.forget_proof(number.id)?;
                apart.push(number.id);
            }
        }
        Ok(apart)
    }

    /// Nobody vouches for an address any more.
    fn forget_proof(&mut self, id: IdentityId) -> Result<()> {
        if graph::joining(&self.tables, id)?.iter().any(graph::is_proof) {
            return Ok(());
        }
        let mut row = self.identity_row(id)?;
        row.attested_at = None;
        self.store_identity(&row);
        Ok(())
    }
}
