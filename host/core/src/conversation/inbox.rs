//! Conversations by last activity.
//!
//! There is no row for a conversation: the index holds identities, and a customer stands where the latest of its identities does. So a
//! merge has nothing to move here either.

use serde::Serialize;

use super::message::{self, MessageView};
use super::rows::MESSAGES;
use crate::identity::customer::{name_of, waiting_since};
use crate::identity::graph;
use crate::identity::rows::{BY_ACTIVITY, IDENTITIES, Identity};
use crate::ids::{ChannelId, CustomerId, IdentityId, Millis};
use crate::read::{BadCursor, ListError, Page, Time};
use crate::tables::{Read, Result};

/// What to show.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only conversations with messages on this channel.
    pub channel: Option<ChannelId>,
    /// Only those where the customer waits, or only the others.
    pub waiting: Option<bool>,
}

/// A conversation in the inbox.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InboxEntry {
    /// Whose.
    pub customer: CustomerId,
    /// What to call the person.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub name: Option<String>,
    /// The channels it goes over.
    pub channels: Vec<ChannelId>,
    /// When anything last happened.
    pub last_activity: Time,
    /// The last message.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub last_message: Option<MessageView>,
    /// Since when the customer waits for an answer.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub waiting_since: Option<Time>,
}

/// How many index rows one page looks at, at the most, when a filter leaves most of them out.
const MOST_LOOKED_AT: usize = 10_000;

/// A page of the inbox, latest first.
///
/// # Errors
/// When the views cannot be read, or the cursor is not one.
pub fn inbox(
    tables: &impl Read,
    filter: &Filter,
    before: Option<&str>,
    limit: usize,
) -> std::result::Result<Page<InboxEntry>, ListError> {
    let before = before.map(read_cursor).transpose()?;
    let mut items = Vec::new();
    let mut last = None;
    let range = BY_ACTIVITY.before((), before);
    for (looked_at, row) in BY_ACTIVITY.scan(tables, range, true).enumerate() {
        let ((at, identity), _) = row?;
        if items.len() == limit || looked_at == MOST_LOOKED_AT {
            return Ok(Page { items, next: last.map(write_cursor) });
        }
        items.extend(entry(tables, identity, filter)?);
        last = Some((at, identity));
    }
    Ok(Page { items, next: None })
}

/// The conversation of an identity, if this identity is the one its customer stands at and the filter lets it through.
fn entry(tables: &impl Read, identity: IdentityId, filter: &Filter) -> Result<Option<InboxEntry>> {
    let row = IDENTITIES.get(tables, (identity,))?;
    let Some(row) = row.filter(|row| row.erased.is_none()) else {
        return Ok(None);
    };
    let members = graph::members(tables, row.customer)?;
    let latest = members.iter().filter(|i| i.last_activity.is_some()).max_by_key(|i| (i.last_activity, i.id));
    let (Some(latest), Some(last_activity)) = (latest, row.last_activity) else {
        return Ok(None);
    };
    if latest.id != identity {
        return Ok(None);
    }
    let mut channels: Vec<ChannelId> = members.iter().flat_map(|i| i.channels.keys().cloned()).collect();
    channels.sort();
    channels.dedup();
    let waiting_since = waiting_since(&members);
    let wanted = filter.channel.as_ref().is_none_or(|c| channels.contains(c))
        && filter.waiting.is_none_or(|waiting| waiting == waiting_since.is_some());
    if !wanted {
        return Ok(None);
    }
    // Rows of edition 2 do not say when the last message was.
    let written_at = |i: &&Identity| (i.last_message_at.or(i.last_activity), i.id);
    let last_message = members.iter().filter(|i| i.last_message.is_some()).max_by_key(written_at);
    let last_message = match last_message.and_then(|i| i.last_message) {
        Some(id) => match MESSAGES.get(tables, (id,))? {
            Some(row) => Some(message::view(tables, row, false)?),
            None => None,
        },
        None => None,
    };
    Ok(Some(InboxEntry {
        customer: row.customer,
        name: name_of(&members),
        channels,
        last_activity: Time(last_activity),
        last_message,
        waiting_since,
    }))
}

fn write_cursor((at, identity): (Millis, IdentityId)) -> String {
    format!("{}-{identity}", at.0)
}

fn read_cursor(text: &str) -> std::result::Result<(Millis, IdentityId), BadCursor> {
    let parse = || {
        let (at, identity) = text.split_once('-')?;
        Some((Millis(at.parse().ok()?), identity.parse().ok()?))
    };
    parse().ok_or_else(|| BadCursor(text.chars().take(80).collect()))
}
