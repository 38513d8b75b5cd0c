//! What people say of themselves: claims. A claim never makes two customers one; it suggests.
//!
//! Anybody can claim anything, so claims are cheap and contained: of an address so many are kept, and about an identity so many
//! suggestions are open, with places of their own for senders whom a provider vouches for. Further ones are counted.

use super::graph;
use super::rows::{
    BARRED, CLAIM_COUNTS, CLAIMS, Counts, Evidence, Identity, LINKS, Link, POLICY, Rule, SUGGESTION_COUNTS,
    SUGGESTIONS, SUGGESTIONS_MADE, Suggestion, SuggestionState,
};
use crate::apply::{Applier, DomainEvent};
use crate::event::{Identifier, Trust};
use crate::fact::{ClaimPolicy, Outcome};
use crate::ids::IdentityId;
use crate::limits;
use crate::tables::Result;

/// Bytes of the words of a claim that are kept; there can be many.
const CLAIM_TEXT: usize = 200;

impl Applier<'_> {
    pub(crate) fn set_claims(&mut self, claims: ClaimPolicy) -> Result<Outcome> {
        POLICY.put(&mut self.tables, (), &super::rows::Policy { claims })?;
        Ok(Outcome::Done)
    }

    /// Somebody says that an address is theirs. `new_rule` is a claim that the rules before did not see.
    pub(super) fn claim(
        &mut self,
        id: IdentityId,
        about: &Identifier,
        scope: &str,
        trust: Trust,
        mut evidence: Evidence,
        new_rule: bool,
    ) -> Result<()> {
        if self.claim_policy()? == ClaimPolicy::Off {
            return Ok(());
        }
        evidence.verified = self.identity_row(id)?.attested_at.is_some();
        evidence.text = crate::canonical::cut(&evidence.text, CLAIM_TEXT);
        self.keep_claim(id, about, scope, &evidence)?;
        match super::address::find(&self.tables, about, scope)? {
            Some(target) if self.identity_row(target)?.attested_at.is_some() => {
                self.match_claim(id, target, trust, evidence, new_rule)
            }
            _ => Ok(()),
        }
    }

    fn keep_claim(&mut self, id: IdentityId, about: &Identifier, scope: &str, evidence: &Evidence) -> Result<()> {
        if CLAIMS.contains(&self.tables, (&about.kind, scope, &about.value, id))? {
            return Ok(());
        }
        let counted = (&about.kind, scope, &about.value);
        let mut counts = CLAIM_COUNTS.get(&self.tables, counted)?.unwrap_or_default();
        let kept = counts.take(evidence.verified, limits::CLAIMS_VERIFIED, limits::CLAIMS_UNVERIFIED);
        CLAIM_COUNTS.put(&mut self.tables, counted, &counts)?;
        if kept { CLAIMS.put(&mut self.tables, (&about.kind, scope, &about.value, id), evidence) } else { Ok(()) }
    }

    /// The address is proven now: what was claimed of it before gets a meaning.
    pub(super) fn match_earlier_claims(&mut self, about: &Identifier, target: &Identity) -> Result<()> {
        let range = CLAIMS.with((&about.kind, target.scope.as_str(), &about.value));
        let most = (limits::CLAIMS_VERIFIED + limits::CLAIMS_UNVERIFIED) as usize;
        let claims: Vec<_> = CLAIMS.scan(&self.tables, range, false).take(most).collect::<Result<_>>()?;
        for ((.., claimant), evidence) in claims {
            self.match_claim(claimant, target.id, Trust::Claimed, evidence, false)?;
        }
        Ok(())
    }

    /// The address passes to somebody else, whom earlier claims are not about. Facts of old journals are numbered by the suggestions
    /// that come of these, so they keep them.
    pub(crate) fn forget_claims(&mut self, about: &Identity) -> Result<()> {
        if !self.ids.by_place() {
            return Ok(());
        }
        let address = (&about.kind, about.scope.as_str(), &about.value);
        let claims: Vec<_> = CLAIMS.scan(&self.tables, CLAIMS.with(address), false).collect::<Result<_>>()?;
        for ((.., claimant), _) in claims {
            CLAIMS.delete(&mut self.tables, (&about.kind, about.scope.as_str(), &about.value, claimant));
        }
        CLAIM_COUNTS.delete(&mut self.tables, address);
        Ok(())
    }

    fn match_claim(
        &mut self,
        claimant: IdentityId,
        target: IdentityId,
        trust: Trust,
        evidence: Evidence,
        new_rule: bool,
    ) -> Result<()> {
        let known = LINKS.contains(&self.tables, (claimant, target, Rule::Claim.byte()))?;
        if claimant == target || known || self.is_barred(claimant, target)? {
            return Ok(());
        }
        let (a, b) = (self.identity_row(claimant)?, self.identity_row(target)?);
        if a.customer == b.customer || b.shared || a.erased.is_some() || b.erased.is_some() {
            return Ok(());
        }
        let policy = self.claim_policy()?;
        let (a, b) = (self.members(a.customer)?, self.members(b.customer)?);
        match (policy, graph::objection(&a, &b)) {
            (ClaimPolicy::Off, _) => Ok(()),
            (ClaimPolicy::Auto, None) => {
                let (from, to, rule) = (claimant, target, Rule::Agent);
                self.put_link(&Link { from, to, rule, trust, evidence, closed: None, suggestion: None })?;
                self.unite(claimant, target)
            }
            (_, Some(reason)) => self.suggest(claimant, target, evidence, reason, Shown::No, new_rule),
            (_, None) => {
                let reason = String::from("claimed by one, proven for the other");
                self.suggest(claimant, target, evidence, reason, Shown::ToTheOwner, new_rule)
            }
        }
    }

    /// Makes a suggestion, if there is a place for it.
    pub(super) fn suggest(
        &mut self,
        claimant: IdentityId,
        target: IdentityId,
        evidence: Evidence,
        reason: String,
        shown: Shown,
        new_rule: bool,
    ) -> Result<()> {
        if LINKS.contains(&self.tables, (claimant, target, Rule::Claim.byte()))? {
            return Ok(());
        }
        let mut counts = SUGGESTION_COUNTS.get(&self.tables, (target,))?.unwrap_or_default();
        // What an old journal suggested may have been decided.
        let mut made = match self.ids.by_place() {
            true => SUGGESTIONS_MADE.get(&self.tables, (claimant,))?.unwrap_or_default(),
            false => Counts::default(),
        };
        let may_make = self.suggested < limits::SUGGESTIONS_PER_FACT
            && made.verified.saturating_add(made.unverified) < limits::SUGGESTIONS_BY_CLAIMANT;
        let fits =
            may_make && counts.take(evidence.verified, limits::SUGGESTIONS_VERIFIED, limits::SUGGESTIONS_UNVERIFIED);
        if !fits {
            counts.more += u64::from(!may_make);
            self.ids.leave_out();
            return SUGGESTION_COUNTS.put(&mut self.tables, (target,), &counts);
        }
        SUGGESTION_COUNTS.put(&mut self.tables, (target,), &counts)?;
        if self.ids.by_place() {
            made.take(evidence.verified, limits::SUGGESTIONS_BY_CLAIMANT, limits::SUGGESTIONS_BY_CLAIMANT);
            SUGGESTIONS_MADE.put(&mut self.tables, (claimant,), &made)?;
        }
        self.suggested += 1;
        let id = self.ids.suggestion(new_rule)?;
        let (one_way, state) = (shown == Shown::ToTheOwner, SuggestionState::Open);
        let row = Suggestion { id, claimant, target, evidence: evidence.clone(), reason, one_way, state };
        SUGGESTIONS.put(&mut self.tables, (id,), &row)?;
        let (from, to, rule, trust) = (claimant, target, Rule::Claim, Trust::Claimed);
        self.put_link(&Link { from, to, rule, trust, evidence, closed: None, suggestion: Some(id) })?;
        let customer = self.identity_row(target)?.customer;
        self.emit(DomainEvent::SuggestionMade { customer, suggestion: id });
        Ok(())
    }

    /// A suggestion has another state: its place is free, or taken again.
    pub(crate) fn set_suggestion(&mut self, mut row: Suggestion, state: SuggestionState) -> Result<()> {
        let was_open = row.state == SuggestionState::Open;
        let is_open = state == SuggestionState::Open;
        if was_open != is_open {
            let mut counts = SUGGESTION_COUNTS.get(&self.tables, (row.target,))?.unwrap_or_default();
            let place = if row.evidence.verified { &mut counts.verified } else { &mut counts.unverified };
            *place = if is_open { place.saturating_add(1) } else { place.saturating_sub(1) };
            SUGGESTION_COUNTS.put(&mut self.tables, (row.target,), &counts)?;
        }
        row.state = state;
        SUGGESTIONS.put(&mut self.tables, (row.id,), &row)
    }

    pub(super) fn put_link(&mut self, link: &Link) -> Result<()> {
        for (from, to) in self.changed_ends(link) {
            LINKS.put(&mut self.tables, (from, to, link.rule.byte()), link)?;
        }
        Ok(())
    }

    pub(super) fn delete_link(&mut self, link: &Link) {
        for (from, to) in self.changed_ends(link) {
            LINKS.delete(&mut self.tables, (from, to, link.rule.byte()));
        }
    }

    /// Both ways of a link, about whose ends nothing is known any more.
    fn changed_ends(&mut self, link: &Link) -> [(IdentityId, IdentityId); 2] {
        for end in [link.from, link.to] {
            self.proven_by_many.get_mut().remove(&end);
        }
        [(link.from, link.to), (link.to, link.from)]
    }

    pub(super) fn is_barred(&self, a: IdentityId, b: IdentityId) -> Result<bool> {
        BARRED.contains(&self.tables, (a.min(b), a.max(b)))
    }

    fn claim_policy(&self) -> Result<ClaimPolicy> {
        Ok(POLICY.get(&self.tables, ())?.unwrap_or_default().claims)
    }
}

/// Whether the owner of an address may see the claimant's threads while a suggestion is open.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    ToTheOwner,
    No,
}

impl Counts {
    /// Takes a place; false if there is none, and counts that.
    fn take(&mut self, verified: bool, most_verified: u32, most_unverified: u32) -> bool {
        let (taken, most) = match verified {
            true => (&mut self.verified, most_verified),
            false => (&mut self.unverified, most_unverified),
        };
        if *taken < most {
            *taken += 1;
            return true;
        }
        self.more += 1;
        false
    }
}
