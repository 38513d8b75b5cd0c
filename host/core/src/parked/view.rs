//! Parked deliveries, as the host and clients read them.

use serde::Serialize;

use super::rows::{BY_CHANNEL, PARKED, Parked, TOTALS, Totals};
use crate::ids::{ChannelId, ParkedId};
use crate::read::{BadCursor, ListError, Page, Time};
use crate::tables::{Read, Result};

/// A parked delivery.
///
/// # Errors
/// When the tables cannot be read.
pub fn row(tables: &impl Read, id: ParkedId) -> Result<Option<Parked>> {
    PARKED.get(tables, (id,))
}

/// How many deliveries of a channel are parked, and how large they are.
///
/// # Errors
/// When the tables cannot be read.
pub fn totals(tables: &impl Read, channel: &ChannelId) -> Result<Totals> {
    Ok(TOTALS.get(tables, (channel,))?.unwrap_or_default())
}

/// A parked delivery, as it may be shown: without its headers, which can hold credentials.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ParkedView {
    /// Its id.
    pub id: ParkedId,
    /// Where.
    pub channel: ChannelId,
    /// The connector that could not handle it.
    pub connector: String,
    /// Its version.
    pub version: String,
    /// When.
    pub at: Time,
    /// Why.
    pub reason: String,
    /// `request`, or `item` where its siblings were stored.
    pub what: &'static str,
    /// The content as text, as far as it is text.
    pub content: String,
}

/// A parked delivery.
///
/// # Errors
/// When the views cannot be read.
pub fn parked_delivery(tables: &impl Read, id: ParkedId) -> Result<Option<ParkedView>> {
    Ok(PARKED.get(tables, (id,))?.map(parked_view))
}

/// The parked deliveries that are kept whole, oldest first; of one channel, or of all.
///
/// # Errors
/// When the tables cannot be read.
pub fn parked_requests(tables: &impl Read, channel: Option<&ChannelId>, limit: usize) -> Result<Vec<ParkedId>> {
    let mut ids = Vec::new();
    let all: Box<dyn Iterator<Item = Result<ParkedId>>> = match channel {
        Some(channel) => {
            Box::new(BY_CHANNEL.scan(tables, BY_CHANNEL.with((channel,)), false).map(|row| row.map(|((_, id), _)| id)))
        }
        None => Box::new(PARKED.scan(tables, PARKED.all(), false).map(|row| row.map(|((id,), _)| id))),
    };
    for id in all {
        let id = id?;
        if PARKED.get(tables, (id,))?.is_some_and(|row| row.request.is_some()) {
            ids.push(id);
        }
        if ids.len() >= limit {
            break;
        }
    }
    Ok(ids)
}

fn parked_view(row: Parked) -> ParkedView {
    let (what, bytes) = match (row.request, row.item) {
        (Some(request), _) => ("request", request.body),
        (None, Some(item)) => ("item", item.raw),
        (None, None) => ("item", Vec::new()),
    };
    ParkedView {
        id: row.id,
        channel: row.channel,
        connector: row.source.connector,
        version: row.source.version,
        at: Time(row.at),
        reason: row.reason,
        what,
        content: String::from_utf8_lossy(&bytes).into_owned(),
    }
}

/// Parked deliveries, newest first.
///
/// # Errors
/// When the views cannot be read, or the cursor is not one.
pub fn parked(
    tables: &impl Read,
    before: Option<&str>,
    limit: usize,
) -> std::result::Result<Page<ParkedView>, ListError> {
    let before = before.map(|c| c.parse::<ParkedId>().map_err(|_| BadCursor(c.to_owned()))).transpose()?;
    let mut items = Vec::new();
    let range = PARKED.before((), before.map(|before| (before,)));
    for row in PARKED.scan(tables, range, true).take(limit + 1) {
        items.push(parked_view(row?.1));
    }
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|p| p.id.to_string());
    Ok(Page { items, next })
}
