//! Which identities are one customer, after links among them have changed.

use std::collections::BTreeSet;

use super::graph;
use super::rows::{CUSTOMERS, Closed, Customer, Link};
use crate::apply::{Applier, DomainEvent};
use crate::ids::{CustomerId, IdentityId};
use crate::tables::Result;

impl Applier<'_> {
    /// A link joins its ends no longer.
    pub(super) fn close(&mut self, mut link: Link, reason: &str) -> Result<()> {
        link.closed = Some(Closed { at: self.at, reason: reason.to_owned() });
        self.put_link(&link)
    }

    /// Joins the customers of two identities, between which there is a joining link now. Who they are is known from before, so no other
    /// link is looked at.
    pub(super) fn unite(&mut self, a: IdentityId, b: IdentityId) -> Result<()> {
        let (a, b) = (self.identity_row(a)?.customer, self.identity_row(b)?.customer);
        if a == b {
            return Ok(());
        }
        let (customer, gone) = (a.min(b), a.max(b));
        let mut members = CUSTOMERS.need(&self.tables, (customer,))?.members;
        for id in CUSTOMERS.need(&self.tables, (gone,))?.members {
            let mut row = self.identity_row(id)?;
            row.customer = customer;
            self.store_identity(&row);
            members.push(id);
        }
        members.sort_unstable();
        CUSTOMERS.put(&mut self.tables, (customer,), &Customer { members })?;
        CUSTOMERS.delete(&mut self.tables, (gone,));
        self.tell_merged(customer, gone);
        Ok(())
    }

    fn tell_merged(&mut self, customer: CustomerId, from: CustomerId) {
        // One that was made by the same fact, a moment ago, nobody ever saw.
        if from.seq() != self.seq {
            self.emit(DomainEvent::CustomersMerged { customer, from });
        }
    }

    /// Works out anew whose these identities are, after links between them have ended. They are all that the links joined: what is not
    /// joined with one of them is no part of their customers.
    pub(super) fn regroup(&mut self, touched: &[IdentityId]) -> Result<()> {
        let mut done: BTreeSet<IdentityId> = BTreeSet::new();
        let mut before: BTreeSet<CustomerId> = BTreeSet::new();
        let mut after: BTreeSet<CustomerId> = BTreeSet::new();
        for id in touched {
            if done.contains(id) {
                continue;
            }
            let members = graph::component(&self.tables, *id, Link::joins)?;
            let Some(customer) = members.first().copied().map(CustomerId::from) else {
                continue;
            };
            for member in &members {
                let mut row = self.identity_row(*member)?;
                before.insert(row.customer);
                if row.customer != customer {
                    row.customer = customer;
                    self.store_identity(&row);
                }
            }
            after.insert(customer);
            let row = Customer { members: members.iter().copied().collect() };
            CUSTOMERS.put(&mut self.tables, (customer,), &row)?;
            done.extend(members);
        }
        for gone in before.difference(&after) {
            CUSTOMERS.delete(&mut self.tables, (*gone,));
            let customer = self.identity_row((*gone).into())?.customer;
            self.tell_merged(customer, *gone);
        }
        for back in after.difference(&before) {
            self.emit(DomainEvent::CustomerSplit(*back));
        }
        Ok(())
    }
}
