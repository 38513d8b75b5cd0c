//! Finding customers.

use std::collections::BTreeSet;

use serde::Serialize;

use super::address;
use super::customer::{IdentityView, identity_view, name_of};
use super::graph;
use super::rows::{BY_WORD, CUSTOMERS, IDENTITIES, Identity};
use crate::erasure::stand_in;
use crate::event::Identifier;
use crate::ids::CustomerId;
use crate::read::{BadCursor, ListError, Page, Time};
use crate::tables::{Read, Result};

/// A customer in a list.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CustomerSummary {
    /// The customer.
    pub id: CustomerId,
    /// What to call the person.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub name: Option<String>,
    /// The person's addresses.
    pub identities: Vec<IdentityView>,
    /// When anything last happened.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub last_activity: Option<Time>,
}

fn summary(tables: &impl Read, id: CustomerId) -> Result<Option<CustomerSummary>> {
    if !CUSTOMERS.contains(tables, (id,))? {
        return Ok(None);
    }
    let members = graph::members(tables, id)?;
    Ok(Some(CustomerSummary {
        id,
        name: name_of(&members),
        identities: members.iter().map(identity_view).collect(),
        last_activity: members.iter().filter_map(|i| i.last_activity).max().map(Time),
    }))
}

/// The customers who have an address. Without a namespace, in any namespace; the one for whom it is proven to everybody, if there is one.
///
/// # Errors
/// When the tables cannot be read.
pub fn find(tables: &impl Read, identifier: &Identifier) -> Result<Vec<CustomerSummary>> {
    if stand_in::is_one(&identifier.value) {
        return Ok(Vec::new());
    }
    let mut ids: BTreeSet<CustomerId> = BTreeSet::new();
    if identifier.namespace.is_empty()
        && let Some(id) = address::find(tables, identifier, "")?
    {
        ids.insert(IDENTITIES.need(tables, (id,))?.customer);
    } else {
        ids.extend(in_any_scope(tables, identifier)?);
    }
    ids.into_iter().filter_map(|id| summary(tables, id).transpose()).collect()
}

/// Customers with this address in any scope, found by the address's first word.
fn in_any_scope(tables: &impl Read, identifier: &Identifier) -> Result<Vec<CustomerId>> {
    let Some(word) = words(&identifier.value).next() else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for row in BY_WORD.scan(tables, BY_WORD.with((&word,)), false).take(LOOKED_AT) {
        let ((_, id), _) = row?;
        let Some(identity) = IDENTITIES.get(tables, (id,))? else { continue };
        let in_namespace = identifier.namespace.is_empty() || identity.namespace == identifier.namespace;
        let same = identity.kind == identifier.kind && identity.value == identifier.value;
        if same && in_namespace && identity.retired_at.is_none() {
            found.push(identity.customer);
        }
        if found.len() >= FOUND {
            break;
        }
    }
    Ok(found)
}

/// How many index rows one search looks at, at the most.
const LOOKED_AT: usize = 200_000;
/// How many customers with one address are found.
const FOUND: usize = 100;
/// So many index rows tell that a word is a common one.
const COMMON: usize = 1_000;

/// Customers whose names and addresses hold words that begin like each of the query's words. The rarest word is looked up, the others are
/// compared with the identity's own words, so common words hide nobody.
///
/// # Errors
/// When the tables cannot be read.
pub fn search(tables: &impl Read, query: &str, limit: usize) -> Result<Vec<CustomerSummary>> {
    let wanted: Vec<String> = words(query).collect();
    let mut rarest: Option<(usize, &String)> = None;
    for word in &wanted {
        let count = BY_WORD.scan(tables, beginning_like(word), false).take(COMMON).count();
        if rarest.is_none_or(|(least, _)| count < least) {
            rarest = Some((count, word));
        }
    }
    let Some((_, rarest)) = rarest else {
        return Ok(Vec::new());
    };
    let mut found: BTreeSet<CustomerId> = BTreeSet::new();
    for row in BY_WORD.scan(tables, beginning_like(rarest), false).take(LOOKED_AT) {
        let ((_, id), _) = row?;
        let Some(identity) = IDENTITIES.get(tables, (id,))? else { continue };
        // The words of former names stay until the tables are built again.
        if identity.erased.is_some() {
            continue;
        }
        if found.contains(&identity.customer) || !holds_all(tables, &identity, &wanted)? {
            continue;
        }
        found.insert(identity.customer);
        if found.len() >= limit {
            break;
        }
    }
    found.into_iter().filter_map(|id| summary(tables, id).transpose()).collect()
}

/// The index rows of words that begin like this one.
fn beginning_like(word: &str) -> crate::tables::key::Range {
    let (start, _) = BY_WORD.with((word,));
    let std::ops::Bound::Included(mut start) = start else { return BY_WORD.with((word,)) };
    // Without the end of the text.
    start.pop();
    crate::tables::key::beginning_with(start)
}

/// Whether the customer of an identity has all of the words, in whichever of the identities' names and addresses. The word that led here
/// may be of a name that was changed since.
fn holds_all(tables: &impl Read, identity: &Identity, wanted: &[String]) -> Result<bool> {
    let missing = |i: &Identity, words: &[&String]| -> bool { words.iter().all(|word| holds(i, word)) };
    let all: Vec<&String> = wanted.iter().collect();
    if missing(identity, &all) {
        return Ok(true);
    }
    let members = graph::members(tables, identity.customer)?;
    Ok(wanted.iter().all(|word| members.iter().any(|member| holds(member, word))))
}

fn holds(identity: &Identity, word: &str) -> bool {
    let named = identity.profile.iter().filter(|f| matches!(f.field.as_str(), "name" | "username")).map(|f| &f.value);
    let mut texts = named.chain(std::iter::once(&identity.value));
    texts.any(|text| words(text).any(|w| w.starts_with(word)))
}

/// The words of a text by which it can be found: lower case, letters and digits.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> {
    /// A name has few words; more would only cost.
    const MOST: usize = 8;
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).take(MOST).map(|word| {
        let lower = word.to_lowercase();
        lower.chars().take(32).collect()
    })
}

/// All customers, newest first.
///
/// # Errors
/// When the views cannot be read, or the cursor is not one.
pub fn all(
    tables: &impl Read,
    before: Option<&str>,
    limit: usize,
) -> std::result::Result<Page<CustomerSummary>, ListError> {
    let before = before.map(|c| c.parse::<CustomerId>().map_err(|_| BadCursor(c.to_owned()))).transpose()?;
    let mut items = Vec::new();
    let range = CUSTOMERS.before((), before.map(|before| (before,)));
    for row in CUSTOMERS.scan(tables, range, true).take(limit + 1) {
        items.extend(summary(tables, row?.0.0)?);
    }
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|c| c.id.to_string());
    Ok(Page { items, next })
}
