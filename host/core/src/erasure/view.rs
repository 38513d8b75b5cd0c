//! What the host reads about erasures.

use super::plan::Plan;
use super::rows::{ERASURES, Erasure};
use crate::identity::graph;
use crate::identity::rows::{IDENTITIES, Identity};
use crate::ids::{CustomerId, IdentityId, ParkedId, Seq};
use crate::parked::rows::{BY_CHANNEL, PARKED};
use crate::tables::{Read, Result};

/// The oldest erasure that has not come to its end.
///
/// # Errors
/// When the tables cannot be read.
pub fn open(tables: &impl Read) -> Result<Option<Erasure>> {
    for row in ERASURES.scan(tables, ERASURES.all(), false) {
        let (_, row) = row?;
        if row.ended_at.is_none() {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// The erasure of a customer, by any id that the customer had; none if the customer was not erased.
///
/// # Errors
/// When the tables cannot be read.
pub fn erasure_of(tables: &impl Read, customer: CustomerId) -> Result<Option<Erasure>> {
    let id = IdentityId::from(customer);
    if let Some(row) = IDENTITIES.get(tables, (id,))? {
        return row.erased.map_or(Ok(None), |erasure| ERASURES.get(tables, (erasure,)));
    }
    // What is left of the facts may make nobody of this id any more.
    for row in ERASURES.scan(tables, ERASURES.all(), true) {
        let (_, row) = row?;
        if row.identities.contains(&id) {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// The customer that an identity's id stands for, if it was not erased. No id that stands for somebody by way of a message counts: it may
/// stand for nobody once the message is gone.
pub(super) fn customer_of(tables: &impl Read, id: CustomerId) -> Result<Option<CustomerId>> {
    let row = IDENTITIES.get(tables, (IdentityId::from(id),))?;
    Ok(row.filter(|row| row.erased.is_none()).map(|row| row.customer))
}

/// An erasure, by the fact that began it.
///
/// # Errors
/// When the tables cannot be read.
pub fn erasure(tables: &impl Read, seq: Seq) -> Result<Option<Erasure>> {
    ERASURES.get(tables, (seq,))
}

/// A parked delivery of the provider that names an address of a customer, if there is one, and the customer's identities; none if there is
/// no such customer. A delivery may hold what others wrote as well. Whatever else is parked keeps nobody from being erased: a stranger
/// can name anybody, and an item is one person's.
///
/// # Errors
/// When the tables cannot be read.
pub fn parked_of(tables: &impl Read, customer: CustomerId) -> Result<Option<(Vec<Identity>, Option<ParkedId>)>> {
    let Some(customer) = customer_of(tables, customer)? else {
        return Ok(None);
    };
    let members = graph::members(tables, customer)?;
    let values = Plan::needles(&members);
    for row in BY_CHANNEL.scan(tables, BY_CHANNEL.all(), false) {
        let ((_, id), _) = row?;
        let Some(row) = PARKED.get(tables, (id,))?.filter(|row| row.verified) else { continue };
        if row.request.iter().any(|request| values.are_in_request(request)) {
            return Ok(Some((members, Some(id))));
        }
    }
    Ok(Some((members, None)))
}
