//! Parked deliveries, as the host and clients read them.

use std::fmt;
use std::str::FromStr;

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

/// How far a walk through the parked deliveries has come. Those that were verified come first, then the others, each oldest first: what
/// strangers sent stands in nobody's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Walked {
    verified: bool,
    last: ParkedId,
}

impl fmt::Display for Walked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", if self.verified { VERIFIED } else { UNVERIFIED }, self.last)
    }
}

impl FromStr for Walked {
    type Err = BadCursor;

    fn from_str(text: &str) -> std::result::Result<Self, BadCursor> {
        let read = |(which, last): (&str, &str)| {
            let verified = matches!(which, VERIFIED | UNVERIFIED).then_some(which == VERIFIED)?;
            Some(Self { verified, last: last.parse().ok()? })
        };
        text.split_once('-').and_then(read).ok_or_else(|| BadCursor(text.to_owned()))
    }
}

const VERIFIED: &str = "verified";
const UNVERIFIED: &str = "unverified";

/// How many parked deliveries one page of a walk looks at, each with its body: it may have fewer than its limit, and lead on all the same.
const LOOKED_AT: usize = 1_000;

/// The parked deliveries that are kept whole, of one channel or of all: verified ones before others, oldest first.
///
/// # Errors
/// When the tables cannot be read, or the cursor is not one.
pub fn parked_requests(
    tables: &impl Read,
    channel: Option<&ChannelId>,
    after: Option<&str>,
    limit: usize,
) -> std::result::Result<Page<ParkedId>, ListError> {
    let mut walked: Option<Walked> = after.map(str::parse).transpose()?;
    let (mut page, mut looked_at) = (Page { items: Vec::new(), next: None }, 0);
    for verified in [true, false] {
        let after = match walked {
            Some(walked) if walked.verified == verified => Some(walked.last),
            Some(walked) if verified && !walked.verified => continue,
            _ => None,
        };
        for id in ids(tables, channel, after) {
            let id = id?;
            if page.items.len() >= limit || looked_at >= LOOKED_AT {
                page.next = walked.map(|walked| walked.to_string());
                return Ok(page);
            }
            looked_at += 1;
            walked = Some(Walked { verified, last: id });
            if PARKED.get(tables, (id,))?.is_some_and(|row| row.request.is_some() && row.verified == verified) {
                page.items.push(id);
            }
        }
    }
    Ok(page)
}

/// The ids of parked deliveries behind one, of one channel or of all, oldest first.
fn ids<'a>(
    tables: &'a impl Read,
    channel: Option<&'a ChannelId>,
    after: Option<ParkedId>,
) -> Box<dyn Iterator<Item = Result<ParkedId>> + 'a> {
    let is_behind = move |id: &Result<ParkedId>| !id.as_ref().is_ok_and(|id| after.is_some_and(|after| *id <= after));
    let Some(channel) = channel else {
        let range = after.map_or_else(|| PARKED.all(), |after| PARKED.from((after,)));
        return Box::new(PARKED.scan(tables, range, false).map(|row| Ok(row?.0.0)).filter(is_behind));
    };
    let range = match after {
        Some(after) => BY_CHANNEL.from((channel, after)),
        None => BY_CHANNEL.with((channel,)),
    };
    let rows = BY_CHANNEL.scan(tables, range, false);
    let here = rows.take_while(move |row| !row.as_ref().is_ok_and(|((of, _), _)| of != channel));
    Box::new(here.map(|row| Ok(row?.0.1)).filter(is_behind))
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
