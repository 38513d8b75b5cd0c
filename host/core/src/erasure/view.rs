//! What the host reads about erasures.

use super::plan::Plan;
use super::rows::{ERASURES, Erasure};
use crate::identity::graph;
use crate::identity::rows::{IDENTITIES, Identity};
use crate::ids::{CustomerId, IdentityId, ParkedId};
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
    match IDENTITIES.get(tables, (IdentityId::from(customer),))?.and_then(|row| row.erased) {
        Some(erasure) => ERASURES.get(tables, (erasure,)),
        None => Ok(None),
    }
}

/// A parked delivery that names an address of a customer, if there is one, and the customer's identities; none if there is no such
/// customer.
///
/// # Errors
/// When the tables cannot be read.
pub fn parked_of(tables: &impl Read, customer: CustomerId) -> Result<Option<(Vec<Identity>, Option<ParkedId>)>> {
    let Some(customer) = graph::resolve(tables, customer)? else {
        return Ok(None);
    };
    let members = graph::members(tables, customer)?;
    let values = Plan::needles(&members);
    for row in BY_CHANNEL.scan(tables, BY_CHANNEL.all(), false) {
        let ((_, id), _) = row?;
        let Some(row) = PARKED.get(tables, (id,))? else { continue };
        let request = row.request.iter().any(|request| values.are_in_request(request));
        if request || row.item.iter().any(|item| values.are_in(&item.raw)) {
            return Ok(Some((members, Some(id))));
        }
    }
    Ok(Some((members, None)))
}
