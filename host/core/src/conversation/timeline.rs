//! Everything of one customer in one order: a merge of the identities' own ranges, newest first.

use std::collections::BTreeSet;

use serde::Serialize;

use super::message::{self, MessageView};
use super::rows::{Item, MESSAGES, Place, TIMELINE, TOUCHPOINTS, Touchpoint};
use crate::event::Property;
use crate::identity::graph;
use crate::identity::links::{self, Provisional};
use crate::identity::rows::{Identity, Rule};
use crate::ids::{ChannelId, CustomerId, IdentityId, MessageId, Millis, TouchpointId};
use crate::read::{BadCursor, ListError, Page, Time};
use crate::tables::{Read, Result};

/// How many entries of claimants one page shows besides the customer's own.
const PROVISIONAL: usize = 20;

/// An entry of a timeline.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = TimelineEntry))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Entry {
    /// A message.
    Message {
        /// Where it stands among the others: when it was sent, as finely as that is known.
        at: Time,
        /// The message.
        message: Box<MessageView>,
        /// Set when it is shown by a possible link only.
        #[serde(skip_serializing_if = "Option::is_none")]
        provisional: Option<Provisional>,
    },
    /// Something that is not a message.
    Touchpoint {
        /// When it happened.
        at: Time,
        /// The touchpoint.
        touchpoint: TouchpointView,
        /// Set when it is shown by a possible link only.
        #[serde(skip_serializing_if = "Option::is_none")]
        provisional: Option<Provisional>,
    },
    /// Two customers became one.
    Link {
        /// When.
        at: Time,
        /// Why, with the evidence.
        link: LinkEntry,
    },
}

/// A touchpoint.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TouchpointView {
    /// Its id.
    pub id: TouchpointId,
    /// Where.
    pub channel: ChannelId,
    /// Whose.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub identity: Option<IdentityId>,
    /// `order`, `view`, `call`, …
    pub kind: String,
    /// When.
    pub at: Time,
    /// One line.
    pub summary: String,
    /// More.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Property>,
}

impl From<Touchpoint> for TouchpointView {
    fn from(row: Touchpoint) -> Self {
        Self {
            id: row.id,
            channel: row.channel,
            identity: row.identity,
            kind: row.kind,
            at: Time(row.at),
            summary: row.summary,
            extra: row.extra,
        }
    }
}

/// A link that an agent made.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkEntry {
    /// One end.
    pub from: IdentityId,
    /// The other.
    pub to: IdentityId,
    /// What the agent said.
    pub reason: String,
    /// Who.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub by: Option<String>,
}

/// An identity whose entries a customer's view shows, and why if it is not the customer's own.
pub(crate) struct Shown {
    identity: IdentityId,
    provisional: Option<Provisional>,
}

/// The customer's own identities; and those of claimants that the proven owner may see, a bounded number of them.
pub(crate) fn shown(tables: &impl Read, members: &[Identity]) -> Result<(Vec<Shown>, Vec<Shown>)> {
    let own_ids: BTreeSet<IdentityId> = members.iter().map(|i| i.id).collect();
    let own = members.iter().map(|i| Shown { identity: i.id, provisional: None }).collect();
    let mut claimants = Vec::new();
    if !links::claims_policy(tables)?.shows_one_way() {
        return Ok((own, claimants));
    }
    let mut seen = BTreeSet::new();
    for (link, suggestion) in links::possible(tables, members)? {
        let (identity, is_about_owner) = (link.from, own_ids.contains(&link.to));
        if suggestion.one_way && is_about_owner && !own_ids.contains(&identity) && seen.insert(identity) {
            let provisional =
                Some(Provisional { suggestion: suggestion.id, reason: links::reason(tables, &suggestion)? });
            claimants.push(Shown { identity, provisional });
        }
    }
    Ok((own, claimants))
}

/// A page of a customer's timeline, newest first.
///
/// # Errors
/// When the views cannot be read, or the cursor is not one.
pub fn timeline(
    tables: &impl Read,
    customer: CustomerId,
    before: Option<&str>,
    limit: usize,
) -> std::result::Result<Option<Page<Entry>>, ListError> {
    let before = before.map(read_cursor).transpose()?;
    let Some(customer) = graph::resolve(tables, customer)? else {
        return Ok(None);
    };
    let members = graph::members(tables, customer)?;
    let (own, claimants) = shown(tables, &members)?;
    let (mut places, more) = newest(tables, &own, before, limit)?;
    let last = places.last().filter(|_| more).map(|(place, _)| *place);
    let next = last.map(write_cursor);
    // What claimants wrote comes besides, between the customer's own entries of this page.
    let besides = newest(tables, &claimants, before, PROVISIONAL)?.0;
    places.extend(besides.into_iter().filter(|(place, _)| last.is_none_or(|last| *place > last)));
    let mut entries = Vec::with_capacity(places.len());
    for (place, provisional) in &places {
        entries.extend(entry(tables, *place, provisional.cloned())?);
    }
    let bounds = (last.map(|p| p.at), before.map(|p| p.at));
    add_links(tables, &members, bounds, &mut entries)?;
    Ok(Some(Page { items: entries, next }))
}

/// A place, and why it is shown if it is another customer's.
type ShownPlace<'s> = (Place, Option<&'s Provisional>);

/// The newest places of several timelines, and whether there are more.
pub(crate) fn newest<'s>(
    tables: &impl Read,
    shown: &'s [Shown],
    before: Option<Place>,
    limit: usize,
) -> Result<(Vec<ShownPlace<'s>>, bool)> {
    let mut places = Vec::new();
    for one in shown {
        let range = TIMELINE.before((one.identity,), before.map(|p| (one.identity, p.at, p.item)));
        for row in TIMELINE.scan(tables, range, true).take(limit + 1) {
            let ((_, at, item), _) = row?;
            places.push((Place { at, item }, one.provisional.as_ref()));
        }
    }
    places.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
    let more = places.len() > limit;
    places.truncate(limit);
    Ok((places, more))
}

pub(crate) fn entry(tables: &impl Read, place: Place, provisional: Option<Provisional>) -> Result<Option<Entry>> {
    let at = Time(place.at);
    // A row can be a moment older than the place that names it: reading never waits for writing.
    Ok(match place.item {
        Item::Message(id) => match MESSAGES.get(tables, (id,))? {
            Some(row) => {
                Some(Entry::Message { at, message: Box::new(message::view(tables, row, false)?), provisional })
            }
            None => None,
        },
        Item::Touchpoint(id) => {
            TOUCHPOINTS.get(tables, (id,))?.map(|row| Entry::Touchpoint { at, touchpoint: row.into(), provisional })
        }
    })
}

/// Puts the links that agents made among the entries of the page they belong to.
fn add_links(
    tables: &impl Read,
    members: &[Identity],
    (after, before): (Option<Millis>, Option<Millis>),
    entries: &mut Vec<Entry>,
) -> Result<()> {
    for member in members {
        for link in graph::joining(tables, member.id)?.into_iter().filter(|l| l.from == member.id) {
            let at = link.evidence.at;
            let on_page = after.is_none_or(|after| at > after) && before.is_none_or(|before| at <= before);
            if link.rule == Rule::Agent && on_page {
                let entry = LinkEntry {
                    from: link.from,
                    to: link.to,
                    reason: link.evidence.text.clone(),
                    by: link.evidence.actor.clone(),
                };
                entries.push(Entry::Link { at: Time(at), link: entry });
            }
        }
    }
    sort(entries);
    Ok(())
}

/// Newest first.
pub(crate) fn sort(entries: &mut [Entry]) {
    entries.sort_by_key(|entry| {
        let (Entry::Message { at, .. } | Entry::Touchpoint { at, .. } | Entry::Link { at, .. }) = entry;
        std::cmp::Reverse(*at)
    });
}

fn write_cursor(place: Place) -> String {
    match place.item {
        Item::Message(id) => format!("{}-{id}", place.at.0),
        Item::Touchpoint(id) => format!("{}-{id}", place.at.0),
    }
}

fn read_cursor(text: &str) -> std::result::Result<Place, BadCursor> {
    let parse = || {
        let (at, id) = text.split_once('-')?;
        let message = || id.parse::<MessageId>().ok().map(Item::Message);
        let touchpoint = || id.parse::<TouchpointId>().ok().map(Item::Touchpoint);
        Some(Place { at: Millis(at.parse().ok()?), item: message().or_else(touchpoint)? })
    };
    parse().ok_or_else(|| BadCursor(text.chars().take(80).collect()))
}
