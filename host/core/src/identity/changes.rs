//! Addresses that pass to somebody else: a number is given to a new owner, a person goes on under another number.

use super::address::{self, REASSIGNED_KINDS};
use super::claims::Shown;
use super::graph;
use super::rows::{BY_ADDRESS, Evidence, Identity, Link, Rule};
use super::statement::{MadeBy, Passed, Statement};
use crate::apply::Applier;
use crate::effect::Effect;
use crate::event::{Identifier, Trust};
use crate::ids::IdentityId;
use crate::tables::Result;

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
        if !row.scope.starts_with('?') && address::was_a_scope(&row.namespace) {
            BY_ADDRESS.delete(&mut self.tables, (&row.kind, &row.namespace, &row.value));
        }
        row.retired_at = Some(self.at);
        self.store_identity(&row)
    }

    /// The same person goes on under another address; the old one may come to belong to somebody else. Both addresses are the
    /// channel's own, so whoever says this speaks about nobody but its own people.
    pub(crate) fn rotate(
        &mut self,
        statement: Statement<'_>,
        old: &Identifier,
        new: &Identifier,
        reason: &str,
    ) -> Result<()> {
        let trust = Trust::Attested;
        let old_scope = statement.speaker().scope_of(old, trust);
        let left = address::find(&self.tables, old, &old_scope)?;
        let next = self.next_address(statement, new, left)?;
        self.affect(Effect::Person(statement.channel.clone(), next));
        let Some(left) = left.filter(|left| *left != next) else {
            return Ok(());
        };
        let row = self.identity_row(left)?;
        self.retire(row)?;
        let mut apart = vec![left, next];
        if new.kind != "phone" {
            apart.extend(self.leave_numbers(left)?);
        }
        let mut evidence = self.evidence(reason, statement);
        evidence.verified = true;
        self.join_after_change(left, next, evidence)?;
        self.regroup(&apart)
    }

    /// The identity of the address that a person goes on under. If it was somebody else's while the person still used the old one, it
    /// passes on.
    fn next_address(
        &mut self,
        statement: Statement<'_>,
        new: &Identifier,
        left: Option<IdentityId>,
    ) -> Result<IdentityId> {
        let trust = Trust::Attested;
        let scope = statement.speaker().scope_of(new, trust);
        if let (Some(left), Some(known)) = (left, address::find(&self.tables, new, &scope)?) {
            let (left, known) = (self.identity_row(left)?, self.identity_row(known)?);
            let used_until = left.last_activity.or(left.attested_at).unwrap_or(left.created_at);
            if left.id != known.id && left.customer != known.customer && known.created_at <= used_until {
                let reason = "somebody else goes on under this address, by what the channel says";
                return self.pass_on(known, new, statement, &Passed { trust, reason });
            }
        }
        self.identity(new, trust, statement, MadeBy::Sender)
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

    /// Whoever left an address left the phone numbers that were proven with it: they pass to whoever proves them next. Gives what is not
    /// the person's any more. Facts of old journals only forget the proof, since they are numbered by what comes of that.
    fn leave_numbers(&mut self, left: IdentityId) -> Result<Vec<IdentityId>> {
        let mut apart = Vec::new();
        for link in graph::links(&self.tables, left)?.into_iter().filter(graph::is_proof) {
            let number = self.identity_row(graph::other_end(&link, left))?;
            if number.kind != "phone" || number.retired_at.is_some() {
                continue;
            }
            if self.ids.by_place() {
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
        if graph::links(&self.tables, id)?.iter().any(graph::is_proof) {
            return Ok(());
        }
        let mut row = self.identity_row(id)?;
        row.attested_at = None;
        self.store_identity(&row)
    }
}
