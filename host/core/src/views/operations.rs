//! What the host itself reads to do its work: channels, the outbox, connector state, keys, parked deliveries.

use std::ops::Bound;

use serde::Serialize;

use super::{BadCursor, ListError, Page, Time};
use crate::event::{DeliveryScope, Event, EventBody, Identifier};
use crate::fact::{Outcome, RawRequest, Role};
use crate::generation::{GrantChanges, Versions};
use crate::ids::{ChannelId, KeyId, MessageId, Millis, ParkedId};
use crate::keys;
use crate::rows::{self, ApiKey, Channel, File, Identity, Message, Outgoing, Parked, Remembered, Skipped, Wanted};
use crate::tables::{Read, Result};

/// A channel's row.
///
/// # Errors
/// When the views cannot be read.
pub fn channel(tables: &impl Read, id: &ChannelId) -> Result<Option<Channel>> {
    rows::get(tables, &keys::channel(id))
}

/// Every channel that was ever configured.
///
/// # Errors
/// When the views cannot be read.
pub fn channels(tables: &impl Read) -> Result<Vec<Channel>> {
    tables.scan(keys::channels(), false).map(|row| rows::decode(&row?.1)).collect()
}

/// A connector with its generations.
///
/// # Errors
/// When the views cannot be read.
pub fn connector(tables: &impl Read, name: &str) -> Result<Option<Versions>> {
    rows::get(tables, &keys::connector(name))
}

/// Every connector that something was brought for, by name.
///
/// # Errors
/// When the views cannot be read.
pub fn connectors(tables: &impl Read) -> Result<Vec<Versions>> {
    tables.scan(keys::connectors(), false).map(|row| rows::decode(&row?.1)).collect()
}

/// What a channel is allowed on top of the configuration.
///
/// # Errors
/// When the views cannot be read.
pub fn grant_changes(tables: &impl Read, channel: &ChannelId) -> Result<GrantChanges> {
    Ok(rows::get(tables, &keys::grants(channel))?.unwrap_or_default())
}

/// Where the polling of a channel goes on; none if it was never asked.
///
/// # Errors
/// When the views cannot be read.
pub fn cursor(tables: &impl Read, channel: &ChannelId) -> Result<Option<Vec<u8>>> {
    tables.get(&keys::cursor(channel))
}

/// What became of the file of a message's part; none while nothing did.
///
/// # Errors
/// When the views cannot be read.
pub fn attachment(tables: &impl Read, message: MessageId, part: u16) -> Result<Option<File>> {
    rows::get(tables, &keys::attachment(message, part))
}

/// The files that are to be fetched from a channel, those of the oldest messages first.
///
/// # Errors
/// When the views cannot be read.
pub fn wanted(tables: &impl Read, channel: &ChannelId, limit: usize) -> Result<Vec<Wanted>> {
    tables.scan(keys::wanted_of(channel), false).take(limit).map(|row| rows::decode(&row?.1)).collect()
}

/// What waits in a channel's outbox, oldest first.
///
/// # Errors
/// When the views cannot be read.
pub fn outbox(tables: &impl Read, channel: &ChannelId, limit: usize) -> Result<Vec<Outgoing>> {
    tables.scan(keys::outbox_of(channel), false).take(limit).map(|row| rows::decode(&row?.1)).collect()
}

/// A message with everything that sending it takes.
#[derive(Clone, Debug)]
pub struct ToSend {
    /// The message.
    pub message: Message,
    /// The address it goes to.
    pub to: Identity,
    /// Where it stands in the outbox.
    pub outgoing: Outgoing,
}

/// A message of the outbox; none if it is not there any more.
///
/// # Errors
/// When the views cannot be read.
pub fn to_send(tables: &impl Read, id: MessageId) -> Result<Option<ToSend>> {
    let Some(message) = rows::get::<Message>(tables, &keys::message(id))? else {
        return Ok(None);
    };
    let Some(outgoing) = rows::get(tables, &keys::outbox(&message.channel, id))? else {
        return Ok(None);
    };
    let to = rows::need(tables, &keys::identity(message.identity))?;
    Ok(Some(ToSend { message, to, outgoing }))
}

/// The facts that were skipped, oldest first, up to `limit`.
///
/// # Errors
/// When the views cannot be read.
pub fn skipped(tables: &impl Read, limit: usize) -> Result<Vec<Skipped>> {
    tables.scan(keys::all_skipped(), false).take(limit).map(|row| rows::decode(&row?.1)).collect()
}

/// A value of a channel's state.
///
/// # Errors
/// When the views cannot be read.
pub fn state(tables: &impl Read, channel: &ChannelId, key: &str) -> Result<Option<Vec<u8>>> {
    tables.get(&keys::state(channel, key))
}

/// The keys of a channel's state that begin like this.
///
/// # Errors
/// When the views cannot be read.
pub fn state_keys(tables: &impl Read, channel: &ChannelId, beginning: &str, limit: usize) -> Result<Vec<String>> {
    let rows = tables.scan(keys::state_with(channel, beginning), false).take(limit);
    rows.map(|row| Ok(keys::state_key(channel, &row?.0).unwrap_or_default().to_owned())).collect()
}

/// An API key that is good, by the sha256 of its text.
///
/// # Errors
/// When the views cannot be read.
pub fn api_key_by_hash(tables: &impl Read, hash: &str) -> Result<Option<ApiKey>> {
    let Some(id) = rows::get::<KeyId>(tables, &keys::api_key_by_hash(hash))? else {
        return Ok(None);
    };
    let row: ApiKey = rows::need(tables, &keys::api_key(id))?;
    Ok(Some(row).filter(|key| key.revoked_at.is_none()))
}

/// An API key, as it may be shown.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiKeyView {
    /// Its id.
    pub id: KeyId,
    /// What for.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it was made.
    pub created_at: Time,
    /// When it was revoked.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub revoked_at: Option<Time>,
}

/// All API keys, revoked ones too.
///
/// # Errors
/// When the views cannot be read.
pub fn api_keys(tables: &impl Read) -> Result<Vec<ApiKeyView>> {
    let view = |k: ApiKey| ApiKeyView {
        id: k.id,
        name: k.name,
        role: k.role,
        created_at: Time(k.created_at),
        revoked_at: k.revoked_at.map(Time),
    };
    tables.scan(keys::api_keys(), false).map(|row| rows::decode(&row?.1).map(view)).collect()
}

/// What came of an earlier command with the same key of the client's own: the digest of that request, and its result.
///
/// # Errors
/// When the views cannot be read.
pub fn remembered(tables: &impl Read, actor: &crate::fact::Actor, key: &str) -> Result<Option<(String, Outcome)>> {
    let row = keys::idempotency(&crate::apply::actor_name(actor), key);
    Ok(rows::get::<Remembered>(tables, &row)?.map(|r| (r.request, r.outcome)))
}

/// Whether nothing in these events is new, so that there is nothing to append. What was seen stays seen, so this never turns false.
///
/// # Errors
/// When the views cannot be read.
pub fn all_seen(tables: &impl Read, channel: &ChannelId, events: &[Event]) -> Result<bool> {
    for event in events {
        let by_event = !event.id.is_empty() && tables.get(&keys::external_event(channel, &event.id))?.is_some();
        let by_message = match &event.body {
            EventBody::Message(m) if !m.id.is_empty() => tables.get(&keys::external_message(channel, &m.id))?.is_some(),
            EventBody::Delivery { about: DeliveryScope::Message(_), .. } => false,
            _ => false,
        };
        if !by_event && !by_message {
            return Ok(false);
        }
    }
    Ok(true)
}

/// An address of which the channel has not been asked since `older_than`, so that it is time to ask who that is.
///
/// # Errors
/// When the views cannot be read.
pub fn wants_hints(tables: &impl Read, identifier: &Identifier, older_than: Millis) -> Result<bool> {
    let Some(id) = rows::get(tables, &keys::identity_by_key(identifier))? else {
        return Ok(false);
    };
    let row: Identity = rows::need(tables, &keys::identity(id))?;
    Ok(row.hints_at.is_none_or(|at| at < older_than))
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
    Ok(rows::get::<Parked>(tables, &keys::parked(id))?.map(parked_view))
}

/// The parked deliveries that are kept whole, oldest first; of one channel, or of all.
///
/// # Errors
/// When the views cannot be read.
pub fn parked_requests(tables: &impl Read, channel: Option<&ChannelId>, limit: usize) -> Result<Vec<ParkedId>> {
    let mut ids = Vec::new();
    for row in tables.scan(keys::parked_before(None), false) {
        let row: Parked = rows::decode(&row?.1)?;
        if row.request.is_some() && channel.is_none_or(|channel| *channel == row.channel) {
            ids.push(row.id);
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
    for row in tables.scan(keys::parked_before(before), true).take(limit + 1) {
        items.push(parked_view(rows::decode(&row?.1)?));
    }
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|p| p.id.to_string());
    Ok(Page { items, next })
}

/// The parked deliveries that are kept whole and came after `after`: each with its channel and its size in bytes.
///
/// # Errors
/// When the views cannot be read.
pub fn parked_sizes(tables: &impl Read, after: Option<ParkedId>) -> Result<Vec<(ParkedId, ChannelId, u64)>> {
    let (start, end) = keys::parked_before(None);
    let start = after.map_or(start, |id| Bound::Excluded(keys::parked(id)));
    let mut sizes = Vec::new();
    for row in tables.scan((start, end), false) {
        let row: Parked = rows::decode(&row?.1)?;
        if let Some(request) = &row.request {
            sizes.push((row.id, row.channel.clone(), request_bytes(request)));
        }
    }
    Ok(sizes)
}

/// Whether a delivery is parked.
///
/// # Errors
/// When the views cannot be read.
pub fn is_parked(tables: &impl Read, id: ParkedId) -> Result<bool> {
    Ok(tables.get(&keys::parked(id))?.is_some())
}

/// What a parked delivery was: the channel, and the request if that is kept whole.
///
/// # Errors
/// When the views cannot be read.
pub fn parked_request(tables: &impl Read, id: ParkedId) -> Result<Option<(ChannelId, Option<RawRequest>)>> {
    Ok(rows::get::<Parked>(tables, &keys::parked(id))?.map(|row| (row.channel, row.request)))
}

/// How much room a parked request takes up, bytes.
#[must_use]
pub fn request_bytes(request: &RawRequest) -> u64 {
    let headers: usize = request.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    (request.url.len() + headers + request.body.len()) as u64
}
