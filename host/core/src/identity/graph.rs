//! The graph of identities and links: who is one person, by which path, and what speaks against joining two people.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::rows::{CUSTOMERS, IDENTITIES, Identity, LINKS, Link, Rule};
use crate::conversation::rows::MESSAGES;
use crate::ids::{CustomerId, IdentityId, MessageId};
use crate::limits;
use crate::tables::{Read, Result};

/// How many identities of one kind and namespace one customer can have.
#[must_use]
pub fn most_of_kind(kind: &str) -> usize {
    match kind {
        "external" => 1,
        "phone" | "whatsapp" => 3,
        "webchat" => 20,
        _ => 5,
    }
}

/// The links of an identity, in both directions and whatever their state; at most [`limits::LINKS`] of them. What joins is to be looked
/// for by [`joining`].
///
/// # Errors
/// When the views cannot be read.
pub fn links(tables: &(impl Read + ?Sized), id: IdentityId) -> Result<Vec<Link>> {
    every(tables, id).take(limits::LINKS).collect()
}

/// All links of an identity. A claimant makes a bounded number of them; an agent has decided on each that is over the bound of open ones.
pub(super) fn every<'a>(tables: &'a (impl Read + ?Sized), id: IdentityId) -> impl Iterator<Item = Result<Link>> + 'a {
    LINKS.scan(tables, LINKS.with((id,)), false).map(|row| Ok(row?.1))
}

/// The links that make an identity one person with others: all of them, however many claims stand between them. Half of a person would be
/// another one.
///
/// # Errors
/// When the views cannot be read.
pub fn joining(tables: &(impl Read + ?Sized), id: IdentityId) -> Result<Vec<Link>> {
    every(tables, id).filter(|link| link.as_ref().map_or(true, Link::joins)).collect()
}

/// The end of a link that is not `id`.
#[must_use]
pub fn other_end(link: &Link, id: IdentityId) -> IdentityId {
    if link.from == id { link.to } else { link.from }
}

/// Everybody who is joined with `start` by joining links that `counts` lets count, oldest first.
///
/// # Errors
/// When the views cannot be read.
pub fn component(
    tables: &(impl Read + ?Sized),
    start: IdentityId,
    counts: impl Fn(&Link) -> bool,
) -> Result<BTreeSet<IdentityId>> {
    let mut found = BTreeSet::from([start]);
    let mut waiting = VecDeque::from([start]);
    while let Some(id) = waiting.pop_front() {
        for link in joining(tables, id)?.into_iter().filter(|link| counts(link)) {
            let other = other_end(&link, id);
            if found.insert(other) {
                waiting.push_back(other);
            }
        }
    }
    Ok(found)
}

/// The shortest path of joining links between two identities; none if they are not one person.
///
/// # Errors
/// When the views cannot be read.
pub fn path(tables: &(impl Read + ?Sized), from: IdentityId, to: IdentityId) -> Result<Option<Vec<Link>>> {
    let mut came_by: BTreeMap<IdentityId, Link> = BTreeMap::new();
    let mut waiting = VecDeque::from([from]);
    while let Some(id) = waiting.pop_front() {
        if id == to {
            break;
        }
        for link in joining(tables, id)? {
            let other = other_end(&link, id);
            if other != from && !came_by.contains_key(&other) {
                came_by.insert(other, link);
                waiting.push_back(other);
            }
        }
    }
    let mut path = Vec::new();
    let mut at = to;
    while at != from {
        let Some(link) = came_by.get(&at) else { return Ok(None) };
        path.push(link.clone());
        at = other_end(link, at);
    }
    path.reverse();
    Ok(Some(path))
}

/// The identity an id stands for; none where the person was erased.
///
/// Rules of another edition may have made an identity for a sender whom these rules know already; that is what clients were told, and
/// what later facts name. Its id is that of the message which brought it, by place (see [`Fact::IdsByPlace`]), so it stands for whoever
/// sent that message.
///
/// [`Fact::IdsByPlace`]: crate::fact::Fact::IdsByPlace
///
/// # Errors
/// When the views cannot be read.
pub(crate) fn known(tables: &(impl Read + ?Sized), id: IdentityId) -> Result<Option<Identity>> {
    let mut row = IDENTITIES.get(tables, (id,))?;
    if row.is_none()
        && let Some(message) = MESSAGES.get(tables, (MessageId::from_bytes(id.to_bytes()),))?
    {
        row = IDENTITIES.get(tables, (message.identity,))?;
    }
    Ok(row.filter(|identity| identity.erased.is_none()))
}

/// The customer an id stands for now; none where the person was erased. Ids of customers that were merged into others keep resolving.
///
/// # Errors
/// When the views cannot be read.
pub fn resolve(tables: &(impl Read + ?Sized), id: CustomerId) -> Result<Option<CustomerId>> {
    Ok(known(tables, id.into())?.map(|identity| identity.customer))
}

/// The identities of a customer, oldest first.
///
/// # Errors
/// When the views cannot be read.
pub fn members(tables: &(impl Read + ?Sized), customer: CustomerId) -> Result<Vec<Identity>> {
    let row = CUSTOMERS.need(tables, (customer,))?;
    row.members.iter().map(|id| IDENTITIES.need(tables, (*id,))).collect()
}

/// What speaks against these being one person, if anything.
#[must_use]
pub fn objection<I: Borrow<Identity>>(a: &[I], b: &[I]) -> Option<String> {
    if a.len() + b.len() > limits::IDENTITIES {
        return Some(format!("one customer would have more than {} identities", limits::IDENTITIES));
    }
    let mut by_kind: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for identity in a.iter().chain(b).map(Borrow::borrow).filter(|i| i.retired_at.is_none()) {
        by_kind.entry((&identity.kind, &identity.scope)).or_default().insert(&identity.value);
    }
    let over = by_kind.iter().find(|((kind, _), values)| values.len() > most_of_kind(kind))?;
    let ((kind, namespace), values) = over;
    Some(match *kind {
        "external" => format!("they are two different customers in {namespace}"),
        _ => format!(
            "one customer would have {} addresses of kind {kind}; {} is the most",
            values.len(),
            most_of_kind(kind)
        ),
    })
}

/// Whether a link proves by itself that its ends are one person.
#[must_use]
pub fn is_proof(link: &Link) -> bool {
    link.joins() && link.rule == Rule::Proof
}
