//! What joins identities to customers, and what takes them apart again.
//!
//! Nothing here moves a message: messages belong to identities for ever, and a customer is only what the links say.

use std::collections::BTreeSet;

use super::{Applier, actor_name, not_found, refuse};
use crate::event::{Identifier, Trust};
use crate::fact::{ClaimPolicy, Outcome};
use crate::graph;
use crate::ids::{ChannelId, CustomerId, IdentityId, Millis, SuggestionId};
use crate::keys;
use crate::rows::{self, Closed, Customer, Evidence, Link, Policy, Rule, Suggestion, SuggestionState};
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

    /// An agent's decision on a suggestion.
    pub(super) fn decide(&mut self, id: SuggestionId, accept: bool, reason: &str) -> Result<Outcome> {
        let Some(mut row) = rows::get::<Suggestion>(self.tables, &keys::suggestion(id))? else {
            return Ok(not_found("suggestion", id));
        };
        let wanted = if accept { SuggestionState::Accepted } else { SuggestionState::Rejected };
        if row.state == wanted {
            return self.decided(&row);
        }
        if row.state == SuggestionState::Accepted {
            return Ok(refuse("conflict", "this suggestion was accepted; unlink the identity to undo that first"));
        }
        if accept {
            if let Some(refused) = self.objection_of(row.claimant, row.target)? {
                return Ok(refused);
            }
            self.tables.delete(keys::barred(row.claimant, row.target));
            self.agent_link(row.claimant, row.target, reason, Some(id))?;
        } else {
            self.tables.put(keys::barred(row.claimant, row.target), Vec::new());
        }
        row.state = wanted;
        rows::put(self.tables, keys::suggestion(id), &row)?;
        if accept {
            self.regroup(&[row.claimant, row.target])?;
        }
        let word = if accept { "suggestion.accepted" } else { "suggestion.rejected" };
        self.tell(word, Some(self.identity_row(row.target)?.customer), None, &[("suggestion", id.to_string())]);
        self.decided(&row)
    }

    fn decided(&self, row: &Suggestion) -> Result<Outcome> {
        Ok(Outcome::Decided { customer: self.identity_row(row.target)?.customer })
    }

    /// An agent says that two customers are one person.
    pub(super) fn merge(&mut self, a: CustomerId, b: CustomerId, reason: &str) -> Result<Outcome> {
        let Some(a_now) = graph::resolve(self.tables, a)? else {
            return Ok(not_found("customer", a));
        };
        let Some(b_now) = graph::resolve(self.tables, b)? else {
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
        self.regroup(&[a, b])?;
        Ok(Outcome::Merged { customer: self.identity_row(a)?.customer })
    }

    fn objection_of(&self, a: IdentityId, b: IdentityId) -> Result<Option<Outcome>> {
        let (a, b) = (self.identity_row(a)?.customer, self.identity_row(b)?.customer);
        if a == b {
            return Ok(None);
        }
        let (a, b) = (graph::members(self.tables, a)?, graph::members(self.tables, b)?);
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
        };
        self.put_link(&Link { from, to, rule: Rule::Agent, trust: Trust::Agent, evidence, closed: None, suggestion })
    }

    /// Takes an address, and all that is proven to be the same person, out of a customer.
    ///
    /// What people decided is taken back without a trace in the views, so that they are what they were before. Only where everything
    /// is proven is a proof closed, and its ends barred, so that the next message does not join them again.
    pub(super) fn unlink(&mut self, customer: CustomerId, id: IdentityId, reason: &str) -> Result<Outcome> {
        let Some(customer) = graph::resolve(self.tables, customer)? else {
            return Ok(not_found("customer", customer));
        };
        let members = rows::need::<Customer>(self.tables, &keys::customer(customer))?.members;
        if !members.contains(&id) {
            return Ok(refuse("not_found", &format!("customer {customer} has no identity {id}")));
        }
        if members.len() == 1 {
            return Ok(refuse("conflict", &format!("identity {id} is all there is of customer {customer}")));
        }
        let proven = graph::component(self.tables, id, graph::is_proof)?;
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
        while let Some(path) = graph::path(self.tables, root, id)? {
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
            let links = graph::links(self.tables, *id)?;
            found.extend(links.into_iter().filter(|l| l.joins() && !inside.contains(&graph::other_end(l, *id))));
        }
        Ok(found)
    }

    fn take_back(&mut self, link: &Link) -> Result<()> {
        self.tables.delete(keys::link(link.from, link.to, link.rule.byte()));
        self.tables.delete(keys::link(link.to, link.from, link.rule.byte()));
        if link.trust < Trust::Agent {
            // The policy made it by itself and would do so again.
            self.tables.put(keys::barred(link.from, link.to), Vec::new());
        }
        if let Some(id) = link.suggestion {
            let mut row: Suggestion = rows::need(self.tables, &keys::suggestion(id))?;
            row.state = SuggestionState::Open;
            rows::put(self.tables, keys::suggestion(id), &row)?;
        }
        Ok(())
    }

    fn close_proofs(&mut self, id: IdentityId, reason: &str) -> Result<()> {
        for link in graph::links(self.tables, id)?.into_iter().filter(Link::joins) {
            self.tables.put(keys::barred(link.from, link.to), Vec::new());
            self.close(link, reason)?;
        }
        Ok(())
    }

    fn close(&mut self, mut link: Link, reason: &str) -> Result<()> {
        link.closed = Some(Closed { at: self.at, reason: reason.to_owned() });
        self.put_link(&link)
    }

    /// An address turned out to be shared: it no longer joins anybody.
    fn quarantine(&mut self, id: IdentityId) -> Result<()> {
        let mut row = self.identity_row(id)?;
        row.shared = true;
        self.store_identity(&row)?;
        let links: Vec<Link> = graph::links(self.tables, id)?.into_iter().filter(graph::is_proof).collect();
        let mut apart = vec![id];
        for link in links {
            apart.push(graph::other_end(&link, id));
            self.close(link, "several people use this address")?;
        }
        self.regroup(&apart)
    }

    /// The same person goes on under another address; the old one may come to belong to somebody else.
    pub(super) fn rotate(
        &mut self,
        channel: &ChannelId,
        old: &Identifier,
        new: &Identifier,
        reason: &str,
    ) -> Result<()> {
        let next = self.identity(new, Trust::Attested)?;
        let Some(left) = self.find_identity(old)?.filter(|left| *left != next) else {
            return Ok(());
        };
        let evidence = Evidence {
            seq: self.seq,
            at: self.at,
            text: reason.to_owned(),
            channel: Some(channel.clone()),
            message: None,
            actor: None,
        };
        self.tables.delete(keys::identity_by_key(old));
        let mut row = self.identity_row(left)?;
        row.retired_at = Some(self.at);
        self.store_identity(&row)?;
        let mut apart = vec![left, next];
        for link in graph::links(self.tables, left)?.into_iter().filter(graph::is_proof) {
            let other = graph::other_end(&link, left);
            if self.identity_row(other)?.kind == "phone" && new.kind != "phone" {
                self.close(link, "the number was left")?;
                self.forget_proof(other)?;
                apart.push(other);
            }
        }
        let trust = Trust::Attested;
        let proof = Rule::Proof;
        self.put_link(&Link { from: left, to: next, rule: proof, trust, evidence, closed: None, suggestion: None })?;
        self.regroup(&apart)
    }

    /// Nobody vouches for an address any more.
    fn forget_proof(&mut self, id: IdentityId) -> Result<()> {
        if graph::links(self.tables, id)?.iter().any(graph::is_proof) {
            return Ok(());
        }
        let mut row = self.identity_row(id)?;
        row.attested_at = None;
        self.store_identity(&row)
    }

    fn put_link(&mut self, link: &Link) -> Result<()> {
        rows::put(self.tables, keys::link(link.from, link.to, link.rule.byte()), link)?;
        rows::put(self.tables, keys::link(link.to, link.from, link.rule.byte()), link)
    }

    fn is_barred(&self, a: IdentityId, b: IdentityId) -> Result<bool> {
        Ok(self.tables.get(&keys::barred(a, b))?.is_some())
    }

    fn policy(&self) -> Result<Policy> {
        Ok(rows::get(self.tables, &keys::policy())?.unwrap_or_default())
    }

    /// Works out anew whose these identities are, after links among them have changed.
    fn regroup(&mut self, touched: &[IdentityId]) -> Result<()> {
        let mut done: BTreeSet<IdentityId> = BTreeSet::new();
        let mut before: BTreeSet<CustomerId> = BTreeSet::new();
        let mut after: BTreeSet<CustomerId> = BTreeSet::new();
        for id in touched {
            if done.contains(id) {
                continue;
            }
            let members = graph::component(self.tables, *id, Link::joins)?;
            let Some(customer) = members.first().copied().map(CustomerId::from) else {
                continue;
            };
            for member in &members {
                let mut row = self.identity_row(*member)?;
                before.insert(row.customer);
                if row.customer != customer {
                    row.customer = customer;
                    self.store_identity(&row)?;
                }
            }
            after.insert(customer);
            let row = Customer { members: members.iter().copied().collect() };
            rows::put(self.tables, keys::customer(customer), &row)?;
            done.extend(members);
        }
        for gone in before.difference(&after) {
            self.tables.delete(keys::customer(*gone));
            if gone.seq() == self.seq {
                // It was made a moment ago, by the same fact: nobody ever saw it.
                continue;
            }
            let now = self.identity_row((*gone).into())?.customer;
            self.tell("customer.merged", Some(now), None, &[("from", gone.to_string())]);
        }
        for back in after.difference(&before) {
            self.tell("customer.unmerged", Some(*back), None, &[]);
        }
        Ok(())
    }
}
