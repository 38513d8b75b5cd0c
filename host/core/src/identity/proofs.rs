//! What joins identities by itself: a provider vouches that two addresses are one person's.

use std::collections::BTreeMap;

use super::address::issuer;
use super::claims::Shown;
use super::graph;
use super::rows::{Evidence, LINKS, Link, Rule};
use crate::apply::{Applier, not_found, refuse};
use crate::event::Trust;
use crate::fact::Outcome;
use crate::ids::IdentityId;
use crate::limits;
use crate::tables::Result;

impl Applier<'_> {
    /// Joins two addresses of which a provider says that they are one person's, unless something speaks against it.
    pub(super) fn link_by_proof(
        &mut self,
        from: IdentityId,
        to: IdentityId,
        trust: Trust,
        mut evidence: Evidence,
    ) -> Result<()> {
        if LINKS.contains(&self.tables, (from, to, Rule::Proof.byte()))? || self.is_barred(from, to)? {
            return Ok(());
        }
        let (a, b) = (self.identity_row(from)?, self.identity_row(to)?);
        if a.shared || b.shared {
            return Ok(());
        }
        if self.is_proven_by_many(to)? {
            return self.quarantine(to);
        }
        evidence.verified = true;
        if a.customer != b.customer {
            let (a, b) = (self.members(a.customer)?, self.members(b.customer)?);
            if let Some(reason) = graph::objection(&a, &b) {
                return self.suggest(from, to, evidence, reason, Shown::No, false);
            }
        }
        self.put_link(&Link { from, to, rule: Rule::Proof, trust, evidence, closed: None, suggestion: None })?;
        self.unite(from, to)
    }

    /// Whether so many others prove an address to be theirs that it is a shared one: a shop's tablet, a switchboard. One issuer of
    /// addresses counts for a few only, so that no connector can make somebody else's address a shared one by itself.
    fn is_proven_by_many(&self, id: IdentityId) -> Result<bool> {
        if let Some(known) = self.proven_by_many.borrow().get(&id) {
            return Ok(*known);
        }
        let by_many = self.count_proofs(id)?;
        self.proven_by_many.borrow_mut().insert(id, by_many);
        Ok(by_many)
    }

    fn count_proofs(&self, id: IdentityId) -> Result<bool> {
        let mut by_issuer: BTreeMap<String, usize> = BTreeMap::new();
        for link in graph::joining(&self.tables, id)?.iter().filter(|link| graph::is_proof(link)) {
            let other = self.identity_row(graph::other_end(link, id))?;
            *by_issuer.entry(issuer(&other.scope).to_owned()).or_default() += 1;
        }
        let proofs: usize = by_issuer.values().map(|proofs| (*proofs).min(limits::SHARED_BY_ONE_ISSUER)).sum();
        Ok(proofs >= limits::SHARED_BY)
    }

    /// An address turned out to be shared: it no longer joins anybody.
    fn quarantine(&mut self, id: IdentityId) -> Result<()> {
        let mut row = self.identity_row(id)?;
        row.shared = true;
        self.store_identity(&row);
        let mut apart = vec![id];
        for link in graph::joining(&self.tables, id)?.into_iter().filter(graph::is_proof) {
            apart.push(graph::other_end(&link, id));
            self.close(link, "several people use this address")?;
        }
        self.regroup(&apart)
    }

    /// An agent says that an address is one person's after all. What joined it before does not come back by itself; the next proof
    /// counts again.
    pub(crate) fn clear_shared(&mut self, id: IdentityId) -> Result<Outcome> {
        if super::rows::IDENTITIES.get(&self.tables, (id,))?.is_none() {
            return Ok(not_found("identity", id));
        }
        let mut row = self.identity_row(id)?;
        if !std::mem::take(&mut row.shared) {
            return Ok(refuse("conflict", "this address is not taken for a shared one"));
        }
        self.store_identity(&row);
        let links = graph::every(&self.tables, id).collect::<Result<Vec<_>>>()?;
        for link in links.iter().filter(|link| link.rule == Rule::Proof && link.closed.is_some()) {
            self.delete_link(link);
        }
        Ok(Outcome::Done)
    }
}
