//! Facts as public events, for clients that follow along.
//!
//! An event's id is the number of its fact, and for a second and later event of one fact `NUMBER.INDEX`. A client that comes back with
//! the last id it saw misses nothing and sees nothing twice.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::rows::{PUBLIC_EVENTS, PublicEvent, SKIPPED, Skipped};
use crate::conversation::message::{self, MessageView};
use crate::identity::graph;
use crate::ids::{CustomerId, Seq};
use crate::read::{BadCursor, Time};
use crate::tables::{Read, Result};

/// A place in the feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventId {
    /// The fact.
    pub seq: Seq,
    /// Which of its events.
    pub index: usize,
}

impl EventId {
    /// After everything that a fact said.
    #[must_use]
    pub fn after(seq: Seq) -> Self {
        Self { seq, index: usize::MAX }
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            0 => write!(f, "{}", self.seq),
            index => write!(f, "{}.{index}", self.seq),
        }
    }
}

impl FromStr for EventId {
    type Err = BadCursor;

    fn from_str(text: &str) -> std::result::Result<Self, BadCursor> {
        let parse = || {
            let (seq, index) = text.split_once('.').unwrap_or((text, "0"));
            Some(Self { seq: Seq(seq.parse().ok()?), index: index.parse().ok()? })
        };
        parse().ok_or_else(|| BadCursor(text.chars().take(80).collect()))
    }
}

/// A public event.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventView {
    /// Its place; also the id of the server-sent event.
    pub id: String,
    /// The number of the fact.
    pub seq: u64,
    /// `message.received`, `delivery.updated`, `customer.merged`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// When.
    pub at: Time,
    /// The customer, as it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerId>,
    /// The message, as it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageView>,
    /// Whatever else it is about.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub about: BTreeMap<String, String>,
}

/// The events after a place, up to `limit` facts, and the place to go on from. `types` of none means all; a type that ends with `*`
/// stands for all that begin like it.
///
/// # Errors
/// When the views cannot be read.
pub fn events(
    tables: &impl Read,
    after: EventId,
    types: Option<&[String]>,
    limit: usize,
) -> Result<(Vec<(EventId, EventView)>, EventId)> {
    let mut found = Vec::new();
    let reached = events_until(tables, after, types, limit, |id, event| {
        found.push((id, event));
        true
    })?;
    Ok((found, reached))
}

/// Hands the events after a place to `take`, until it says false, up to `limit` facts; gives the place to go on from.
///
/// # Errors
/// When the views cannot be read.
pub fn events_until(
    tables: &impl Read,
    after: EventId,
    types: Option<&[String]>,
    limit: usize,
    mut take: impl FnMut(EventId, EventView) -> bool,
) -> Result<EventId> {
    let mut reached = after;
    for row in PUBLIC_EVENTS.scan(tables, PUBLIC_EVENTS.from((after.seq,)), false).take(limit) {
        let ((seq,), events) = row?;
        for (index, event) in events.into_iter().enumerate() {
            let id = EventId { seq, index };
            let is_wanted = id > after && wanted(&event.kind, types);
            if is_wanted && !take(id, view(tables, id, event)?) {
                return Ok(id);
            }
        }
        reached = reached.max(EventId::after(seq));
    }
    Ok(reached)
}

fn wanted(kind: &str, types: Option<&[String]>) -> bool {
    types.is_none_or(|types| {
        types.iter().any(|t| match t.strip_suffix('*') {
            Some(beginning) => kind.starts_with(beginning),
            None => kind == t,
        })
    })
}

fn view(tables: &impl Read, id: EventId, event: PublicEvent) -> Result<EventView> {
    let customer = match event.customer {
        Some(customer) => graph::resolve(tables, customer)?,
        None => None,
    };
    let message = match event.message {
        Some(message) => message::message(tables, message)?,
        None => None,
    };
    let at = Time(event.at);
    Ok(EventView { id: id.to_string(), seq: id.seq.0, kind: event.kind, at, customer, message, about: event.about })
}

/// The facts that were skipped, oldest first, up to `limit`.
///
/// # Errors
/// When the tables cannot be read.
pub fn skipped(tables: &impl Read, limit: usize) -> Result<Vec<Skipped>> {
    SKIPPED.scan(tables, SKIPPED.all(), false).take(limit).map(|row| Ok(row?.1)).collect()
}
