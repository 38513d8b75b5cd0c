//! What joins identities to customers by itself: proofs do; claims only suggest.
//!
//! Nothing here moves a message: messages belong to identities for ever, and a customer is only what the links say.

use super::Applier;
use crate::event::{Identifier, Trust};
use crate::fact::ClaimPolicy;
use crate::graph;
use crate::ids::{IdentityId, Millis, SuggestionId};
use crate::keys;
use crate::rows::{self, Evidence, Link, Policy, Rule, Suggestion, SuggestionState};
use crate::tables::Result;

/// An address that nobody vouched for in this time may have come to another owner.
const RECYCLED_AFTER: u64 = 365 * 24 * 60 * 60 * 1000;
/// An address that this many others prove to be theirs is a shared one: a shop's tablet, a switchboard.
const SHARED_BY: usize = 8;

impl Applier<'_> {
    /// A provider vouches that two addresses are one person's.
    pub(super) fn prove(
        &mut self,
        from: IdentityId,
        to: IdentityId,
        trust: Trust,
        evidence: Evidence,
        last_proof: Option<Millis>,
    ) -> Result<()> {
        if self.tables.get(&keys::link(from, to, Rule::Proof.byte()))?.is_some() || self.is_barred(from, to)? {
            return Ok(());
        }
        let (a, b) = (self.identity_row(from)?, self.identity_row(to)?);
        if a.shared || b.shared {
            return Ok(());
        }
        let proofs = graph::links(self.tables, to)?.iter().filter(|link| graph::is_proof(link)).count();
        if proofs >= SHARED_BY {
            return self.quarantine(to);
        }
        if a.customer != b.customer {
            let recycled = last_proof.is_some_and(|at| self.at.0.saturating_sub(at.0) > RECYCLED_AFTER);
            let objection = if recycled {
                Some(String::from("nobody vouched for this address for a year; it may have another owner now"))
            } else {
                let (a, b) = (graph::members(self.tables, a.customer)?, graph::members(self.tables, b.customer)?);
                graph::objection(&a, &b)
            };
            if let Some(reason) = objection {
                return self.suggest(from, to, evidence, reason, false);
            }
        }
        self.put_link(&Link { from, to, rule: Rule::Proof, trust, evidence, closed: None, suggestion: None })?;
        self.regroup(&[from, to])
    }

    /// Somebody says that an address is theirs.
    pub(super) fn claim(&mut self, id: IdentityId, about: &Identifier, trust: Trust, evidence: Evidence) -> Result<()> {
        if self.policy()?.claims == ClaimPolicy::Off {
            return Ok(());
        }
        let key = keys::claim(about, id);
        if self.tables.get(&key)?.is_none() {
            rows::put(self.tables, key, &evidence)?;
        }
        match self.find_identity(about)? {
            Some(target) if self.identity_row(target)?.attested_at.is_some() => {
                self.match_claim(id, target, trust, evidence)
            }
            _ => Ok(()),
        }
    }

    /// The address is proven now: what was claimed of it before gets a meaning.
    pub(super) fn match_earlier_claims(&mut self, about: &Identifier, target: IdentityId) -> Result<()> {
        let claims: Vec<_> = self.tables.scan(keys::claims_of(about), false).collect::<Result<_>>()?;
        for (key, value) in claims {
            if let Some(claimant) = keys::claimant(&key) {
                self.match_claim(claimant, target, Trust::Claimed, rows::decode(&value)?)?;
            }
        }
        Ok(())
    }

    fn match_claim(
        &mut self,
        claimant: IdentityId,
        target: IdentityId,
        trust: Trust,
        evidence: Evidence,
    ) -> Result<()> {
        let known = self.tables.get(&keys::link(claimant, target, Rule::Claim.byte()))?.is_some();
        if claimant == target || known || self.is_barred(claimant, target)? {
            return Ok(());
        }
        let (a, b) = (self.identity_row(claimant)?, self.identity_row(target)?);
        if a.customer == b.customer || b.shared {
            return Ok(());
        }
        let policy = self.policy()?.claims;
        let (a, b) = (graph::members(self.tables, a.customer)?, graph::members(self.tables, b.customer)?);
        match (policy, graph::objection(&a, &b)) {
            (ClaimPolicy::Off, _) => Ok(()),
            (ClaimPolicy::Auto, None) => {
                let link = Link {
                    from: claimant,
                    to: target,
                    rule: Rule::Agent,
                    trust,
                    evidence,
                    closed: None,
                    suggestion: None,
                };
                self.put_link(&link)?;
                self.regroup(&[claimant, target])
            }
            (_, Some(reason)) => self.suggest(claimant, target, evidence, reason, false),
            (_, None) => {
                let reason = String::from("claimed by one, proven for the other");
                self.suggest(claimant, target, evidence, reason, true)
            }
        }
    }

    fn suggest(
        &mut self,
        claimant: IdentityId,
        target: IdentityId,
        evidence: Evidence,
        reason: String,
        one_way: bool,
    ) -> Result<()> {
        if self.tables.get(&keys::link(claimant, target, Rule::Claim.byte()))?.is_some() {
            return Ok(());
        }
        let id = SuggestionId::new(self.seq, self.next_item()?);
        let state = SuggestionState::Open;
        let row = Suggestion { id, claimant, target, evidence: evidence.clone(), reason, one_way, state };
        rows::put(self.tables, keys::suggestion(id), &row)?;
        let trust = Trust::Claimed;
        let suggestion = Some(id);
        self.put_link(&Link {
            from: claimant,
            to: target,
            rule: Rule::Claim,
            trust,
            evidence,
            closed: None,
            suggestion,
        })?;
        let customer = self.identity_row(target)?.customer;
        self.tell("suggestion.created", Some(customer), None, &[("suggestion", id.to_string())]);
        Ok(())
    }

    pub(super) fn put_link(&mut self, link: &Link) -> Result<()> {
        rows::put(self.tables, keys::link(link.from, link.to, link.rule.byte()), link)?;
        rows::put(self.tables, keys::link(link.to, link.from, link.rule.byte()), link)
    }

    fn is_barred(&self, a: IdentityId, b: IdentityId) -> Result<bool> {
        Ok(self.tables.get(&keys::barred(a, b))?.is_some())
    }

    fn policy(&self) -> Result<Policy> {
        Ok(rows::get(self.tables, &keys::policy())?.unwrap_or_default())
    }
}
