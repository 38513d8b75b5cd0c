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

    /// Works out anew whose these identities are.
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
                    self.store_identity(&row)?;
                }
            }
            after.insert(customer);
            let row = Customer { members: members.iter().copied().collect() };
            CUSTOMERS.put(&mut self.tables, (customer,), &row)?;
            done.extend(members);
        }
        for gone in before.difference(&after) {
            CUSTOMERS.delete(&mut self.tables, (*gone,));
            if gone.seq() == self.seq {
                // It was made a moment ago, by the same fact: nobody ever saw it.
                continue;
            }
            let customer = self.identity_row((*gone).into())?.customer;
            self.emit(DomainEvent::CustomersMerged { customer, from: *gone });
        }
        for back in after.difference(&before) {
            self.emit(DomainEvent::CustomerSplit(*back));
        }
        Ok(())
    }
}
