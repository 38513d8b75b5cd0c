//! Which identities are one customer, after links among them have changed; and addresses that stop linking.

use std::collections::BTreeSet;

use super::Applier;
use crate::effect::Effect;
use crate::event::{Identifier, Trust};
use crate::graph;
use crate::ids::{ChannelId, CustomerId, IdentityId};
use crate::keys;
use crate::rows::{self, Customer, Evidence, Link, Rule};
use crate::tables::Result;

impl Applier<'_> {
    /// An address turned out to be shared: it no longer joins anybody.
    pub(super) fn quarantine(&mut self, id: IdentityId) -> Result<()> {
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
        self.affect(Effect::Person(channel.clone(), new.clone()));
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

    /// Works out anew whose these identities are, after links among them have changed.
    pub(super) fn regroup(&mut self, touched: &[IdentityId]) -> Result<()> {
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
