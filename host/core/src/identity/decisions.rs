//! What people decide about links: accepting, rejecting, merging, and taking all of that back.

use std::collections::BTreeSet;

use super::graph;
use super::rows::{BARRED, CUSTOMERS, Evidence, LINKS, Link, Rule, SUGGESTIONS, Suggestion, SuggestionState};
use crate::apply::{Applier, DomainEvent, actor_name, not_found, refuse};
use crate::event::Trust;
use crate::fact::Outcome;
use crate::ids::{CustomerId, IdentityId, SuggestionId};
use crate::tables::{Present, Result};

impl Applier<'_> {
    /// An agent's decision on a suggestion: the one of the pair where that is said, since ids are counted within a fact.
    pub(crate) fn decide(
        &mut self,
        asked: SuggestionId,
        pair: Option<(IdentityId, IdentityId)>,
        accept: bool,
        reason: &str,
    ) -> Result<Outcome> {
        let Some(row) = self.suggestion_of(asked, pair)? else {
            return Ok(not_found("suggestion", asked));
        };
        let id = row.id;
        let wanted = if accept { SuggestionState::Accepted } else { SuggestionState::Rejected };
        let (claimant, target) = (row.claimant, row.target);
        if self.identity_row(claimant)?.erased.is_some() || self.identity_row(target)?.erased.is_some() {
            return Ok(not_found("suggestion", id));
        }
        if row.state == wanted {
            return self.decided(target);
        }
        if row.state == SuggestionState::Accepted {
            return Ok(refuse("conflict", "this suggestion was accepted; unlink the identity to undo that first"));
        }
        let pair = (claimant.min(target), claimant.max(target));
        if accept {
            if let Some(refused) = self.objection_of(claimant, target)? {
                return Ok(refused);
            }
            BARRED.delete(&mut self.tables, pair);
            self.agent_link(claimant, target, reason, Some(id))?;
        } else {
            BARRED.put(&mut self.tables, pair, &Present)?;
        }
        self.set_suggestion(row, wanted)?;
        if accept {
            self.unite(claimant, target)?;
        }
        let customer = self.identity_row(target)?.customer;
        self.emit(DomainEvent::SuggestionDecided { customer, suggestion: id, accepted: accept });
        self.decided(target)
    }

    fn suggestion_of(&self, id: SuggestionId, pair: Option<(IdentityId, IdentityId)>) -> Result<Option<Suggestion>> {
        let Some((claimant, target)) = pair else {
            return SUGGESTIONS.get(&self.tables, (id,));
        };
        let link = LINKS.get(&self.tables, (claimant, target, Rule::Claim.byte()))?;
        match link.and_then(|link| link.suggestion) {
            Some(id) => Ok(SUGGESTIONS.get(&self.tables, (id,))?.filter(|row| row.claimant == claimant)),
            None => Ok(None),
        }
    }

    fn decided(&self, target: IdentityId) -> Result<Outcome> {
        Ok(Outcome::Decided { customer: self.identity_row(target)?.customer })
    }

    /// An agent says that two customers are one person.
    pub(crate) fn merge(&mut self, a: CustomerId, b: CustomerId, reason: &str) -> Result<Outcome> {
        let Some(a_now) = graph::resolve(&self.tables, a)? else {
            return Ok(not_found("customer", a));
        };
        let Some(b_now) = graph::resolve(&self.tables, b)? else {
            return Ok(not_found("customer", b));
        };
        if a_now == b_now {
            return Ok(Outcome::Merged { customer: a_now });
        }
        let (a, b) = (IdentityId::from(a_now), IdentityId::from(b_now));
        if let Some(refused) = self.objection_of(a, b)? {
            return Ok(refused);
        }
        self.agent_link(a, b, reason, None)?;
        self.unite(a, b)?;
        Ok(Outcome::Merged { customer: self.identity_row(a)?.customer })
    }

    fn objection_of(&self, a: IdentityId, b: IdentityId) -> Result<Option<Outcome>> {
        let (a, b) = (self.identity_row(a)?.customer, self.identity_row(b)?.customer);
        if a == b {
            return Ok(None);
        }
        let (a, b) = (self.members(a)?, self.members(b)?);
        Ok(graph::objection(&a, &b).map(|why| refuse("conflict", &format!("these customers cannot be one: {why}"))))
    }

    fn agent_link(
        &mut self,
        from: IdentityId,
        to: IdentityId,
        reason: &str,
        suggestion: Option<SuggestionId>,
    ) -> Result<()> {
        let evidence = Evidence {
            seq: self.seq,
            at: self.at,
            text: reason.to_owned(),
            channel: None,
            message: None,
            actor: Some(actor_name(self.actor)),
            verified: false,
        };
        self.put_link(&Link { from, to, rule: Rule::Agent, trust: Trust::Agent, evidence, closed: None, suggestion })
    }

    /// Takes an address, and all that is proven to be the same person, out of a customer.
    ///
    /// What people decided is taken back without a trace in the views, so that they are what they were before. Only where everything
    /// is proven is a proof closed, and its ends barred, so that the next message does not join them again.
    pub(crate) fn unlink(&mut self, customer: CustomerId, id: IdentityId, reason: &str) -> Result<Outcome> {
        let Some(customer) = graph::resolve(&self.tables, customer)? else {
            return Ok(not_found("customer", customer));
        };
        let members = CUSTOMERS.need(&self.tables, (customer,))?.members;
        if !members.contains(&id) {
            return Ok(refuse("not_found", &format!("customer {customer} has no identity {id}")));
        }
        if members.len() == 1 {
            return Ok(refuse("conflict", &format!("identity {id} is all there is of customer {customer}")));
        }
        let proven = graph::component(&self.tables, id, graph::is_proof)?;
        if proven.contains(&customer.into()) {
            self.take_out(id, &proven, reason)?;
        } else {
            self.cut_off(customer.into(), id)?;
        }
        self.regroup(&members)?;
        let now = self.identity_row(id)?.customer;
        let mut rest = now;
        for member in &members {
            let theirs = self.identity_row(*member)?.customer;
            if theirs != now {
                rest = theirs;
                break;
            }
        }
        Ok(Outcome::Unlinked { customer: now, rest })
    }

    /// Takes the people who are proven to be the one the customer is named after out of all that was decided, or, where nothing was
    /// decided, the address out of what is proven.
    fn take_out(&mut self, id: IdentityId, proven: &BTreeSet<IdentityId>, reason: &str) -> Result<()> {
        let decided = self.links_out_of(proven)?;
        if decided.is_empty() {
            return self.close_proofs(id, reason);
        }
        decided.iter().try_for_each(|link| self.take_back(link))
    }

    /// Takes back the decision that joined an address to the rest: the last one on every path to it. Whatever was joined to the
    /// address on its own side stays with it, so undoing a merge leaves an earlier one as it was.
    fn cut_off(&mut self, root: IdentityId, id: IdentityId) -> Result<()> {
        while let Some(path) = graph::path(&self.tables, root, id)? {
            let Some(link) = path.iter().rev().find(|link| link.rule == Rule::Agent) else {
                break;
            };
            self.take_back(link)?;
        }
        Ok(())
    }

    fn links_out_of(&self, inside: &BTreeSet<IdentityId>) -> Result<Vec<Link>> {
        let mut found = Vec::new();
        for id in inside {
            let links = graph::joining(&self.tables, *id)?;
            found.extend(links.into_iter().filter(|l| !inside.contains(&graph::other_end(l, *id))));
        }
        Ok(found)
    }

    fn take_back(&mut self, link: &Link) -> Result<()> {
        self.delete_link(link);
        if link.trust < Trust::Agent {
            // The policy made it by itself and would do so again.
            self.bar(link)?;
        }
        if let Some(id) = link.suggestion {
            let row = SUGGESTIONS.need(&self.tables, (id,))?;
            self.set_suggestion(row, SuggestionState::Open)?;
        }
        Ok(())
    }

    fn bar(&mut self, link: &Link) -> Result<()> {
        BARRED.put(&mut self.tables, (link.from.min(link.to), link.from.max(link.to)), &Present)
    }

    fn close_proofs(&mut self, id: IdentityId, reason: &str) -> Result<()> {
        for link in graph::joining(&self.tables, id)? {
            self.bar(&link)?;
            self.close(link, reason)?;
        }
        Ok(())
    }
}
