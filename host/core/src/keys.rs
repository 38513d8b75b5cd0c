//! The keys of the views' rows. The first byte is the kind of row; ids are eight bytes, big end first, so rows sort by age; texts end
//! with a zero byte, which no canonical text holds.

use std::ops::Bound;

use crate::event::Identifier;
use crate::ids::{
    ChannelId, CustomerId, IdentityId, KeyId, MessageId, Millis, ParkedId, Seq, SuggestionId, TouchpointId,
};

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Table {
    Identity = 1,
    IdentityByKey = 2,
    Link = 3,
    Claim = 4,
    Message = 5,
    Timeline = 6,
    External = 7,
    Early = 8,
    Activity = 9,
    Outbox = 10,
    Suggestion = 11,
    Parked = 12,
    Touchpoint = 13,
    Channel = 14,
    State = 15,
    ApiKey = 16,
    ApiKeyByHash = 17,
    Idempotency = 18,
    PublicEvents = 19,
    Policy = 20,
    SentInThread = 21,
    Barred = 22,
    NameToken = 23,
    Customer = 24,
    Connector = 25,
    Grants = 26,
    Cursor = 27,
    Attachment = 28,
    Wanted = 29,
    Skipped = 30,
}

/// A range of keys.
pub type Range = (Bound<Vec<u8>>, Bound<Vec<u8>>);

struct Key(Vec<u8>);

impl Key {
    fn of(table: Table) -> Self {
        Self(vec![table as u8])
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn text(mut self, text: &str) -> Self {
        self.0.extend(text.bytes().filter(|b| *b != 0));
        self.0.push(0);
        self
    }

    fn time(self, at: Millis) -> Self {
        self.raw(&at.0.to_be_bytes())
    }

    fn done(self) -> Vec<u8> {
        self.0
    }

    /// Every key that begins like this one.
    fn range(self) -> Range {
        prefix(self.0)
    }
}

/// Every key that begins with these bytes.
#[must_use]
pub fn prefix(bytes: Vec<u8>) -> Range {
    let mut end = bytes.clone();
    while let Some(last) = end.last_mut() {
        if *last < 0xff {
            *last += 1;
            return (Bound::Included(bytes), Bound::Excluded(end));
        }
        end.pop();
    }
    (Bound::Included(bytes), Bound::Unbounded)
}

/// The eight bytes that begin at `from`.
fn eight(key: &[u8], from: usize) -> Option<[u8; 8]> {
    key.get(from..from + 8)?.try_into().ok()
}

/// The last eight bytes.
fn last_eight(key: &[u8]) -> Option<[u8; 8]> {
    eight(key, key.len().checked_sub(8)?)
}

/// An identity.
#[must_use]
pub fn identity(id: IdentityId) -> Vec<u8> {
    Key::of(Table::Identity).raw(&id.to_bytes()).done()
}

/// The identity that has an address now.
#[must_use]
pub fn identity_by_key(i: &Identifier) -> Vec<u8> {
    Key::of(Table::IdentityByKey).text(&i.kind).text(&i.namespace).text(&i.value).done()
}

/// The members of a customer.
#[must_use]
pub fn customer(id: CustomerId) -> Vec<u8> {
    Key::of(Table::Customer).raw(&id.to_bytes()).done()
}

/// Customers older than `before`.
#[must_use]
pub fn customers_before(before: Option<CustomerId>) -> Range {
    older(Table::Customer, before.map(CustomerId::to_bytes))
}

/// A link, as seen from `from`.
#[must_use]
pub fn link(from: IdentityId, to: IdentityId, rule: u8) -> Vec<u8> {
    Key::of(Table::Link).raw(&from.to_bytes()).raw(&to.to_bytes()).raw(&[rule]).done()
}

/// Every link of an identity.
#[must_use]
pub fn links_of(from: IdentityId) -> Range {
    Key::of(Table::Link).raw(&from.to_bytes()).range()
}

/// That somebody claims an address.
#[must_use]
pub fn claim(i: &Identifier, claimant: IdentityId) -> Vec<u8> {
    Key::of(Table::Claim).text(&i.kind).text(&i.namespace).text(&i.value).raw(&claimant.to_bytes()).done()
}

/// Everybody who claims an address.
#[must_use]
pub fn claims_of(i: &Identifier) -> Range {
    Key::of(Table::Claim).text(&i.kind).text(&i.namespace).text(&i.value).range()
}

/// The claimant in a claim's key.
#[must_use]
pub fn claimant(key: &[u8]) -> Option<IdentityId> {
    last_eight(key).map(IdentityId::from_bytes)
}

/// That two identities are not one person.
#[must_use]
pub fn barred(a: IdentityId, b: IdentityId) -> Vec<u8> {
    let (a, b) = if a <= b { (a, b) } else { (b, a) };
    Key::of(Table::Barred).raw(&a.to_bytes()).raw(&b.to_bytes()).done()
}

/// A message.
#[must_use]
pub fn message(id: MessageId) -> Vec<u8> {
    Key::of(Table::Message).raw(&id.to_bytes()).done()
}

/// What a place of a timeline holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// A message.
    Message(MessageId),
    /// A touchpoint.
    Touchpoint(TouchpointId),
}

impl Item {
    fn bytes(self) -> [u8; 9] {
        let (id, tag) = match self {
            Self::Message(id) => (id.to_bytes(), 0),
            Self::Touchpoint(id) => (id.to_bytes(), 1),
        };
        let mut bytes = [tag; 9];
        bytes[..8].copy_from_slice(&id);
        bytes
    }

    fn read(key: &[u8], from: usize) -> Option<Self> {
        let id = eight(key, from)?;
        match key.get(from + 8)? {
            0 => Some(Self::Message(MessageId::from_bytes(id))),
            1 => Some(Self::Touchpoint(TouchpointId::from_bytes(id))),
            _ => None,
        }
    }
}

/// A place in a timeline: when, and what. Orders things that bear the same time by their age in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// When it was sent, or happened.
    pub at: Millis,
    /// What.
    pub item: Item,
}

/// A place in an identity's own timeline.
#[must_use]
pub fn timeline(identity: IdentityId, place: Place) -> Vec<u8> {
    Key::of(Table::Timeline).raw(&identity.to_bytes()).time(place.at).raw(&place.item.bytes()).done()
}

/// An identity's own timeline, up to but without `before`.
#[must_use]
pub fn timeline_before(identity: IdentityId, before: Option<Place>) -> Range {
    let start = Key::of(Table::Timeline).raw(&identity.to_bytes());
    match before {
        None => start.range(),
        Some(place) => (Bound::Included(start.done()), Bound::Excluded(timeline(identity, place))),
    }
}

/// The place that a timeline's key tells.
#[must_use]
pub fn place(key: &[u8]) -> Option<Place> {
    Some(Place { at: Millis(u64::from_be_bytes(eight(key, 9)?)), item: Item::read(key, 17)? })
}

/// The message that a channel knows by an id.
#[must_use]
pub fn external_message(channel: &ChannelId, id: &str) -> Vec<u8> {
    Key::of(Table::External).text(channel.as_str()).raw(b"m").text(id).done()
}

/// That an event with an id of its own was seen.
#[must_use]
pub fn external_event(channel: &ChannelId, id: &str) -> Vec<u8> {
    Key::of(Table::External).text(channel.as_str()).raw(b"e").text(id).done()
}

/// News of a message that has not come yet.
#[must_use]
pub fn early(channel: &ChannelId, id: &str, seq: Seq, index: u16) -> Vec<u8> {
    let key = Key::of(Table::Early).text(channel.as_str()).text(id);
    key.raw(&seq.0.to_be_bytes()).raw(&index.to_be_bytes()).done()
}

/// All news of a message that has not come yet.
#[must_use]
pub fn early_of(channel: &ChannelId, id: &str) -> Range {
    Key::of(Table::Early).text(channel.as_str()).text(id).range()
}

/// An identity by its last activity.
#[must_use]
pub fn activity(at: Millis, identity: IdentityId) -> Vec<u8> {
    Key::of(Table::Activity).time(at).raw(&identity.to_bytes()).done()
}

/// All identities by activity, up to but without `before`.
#[must_use]
pub fn activity_before(before: Option<(Millis, IdentityId)>) -> Range {
    let start = Key::of(Table::Activity);
    match before {
        None => start.range(),
        Some((at, identity)) => (Bound::Included(start.done()), Bound::Excluded(activity(at, identity))),
    }
}

/// The time and the identity in an activity's key.
#[must_use]
pub fn activity_parts(key: &[u8]) -> Option<(Millis, IdentityId)> {
    Some((Millis(u64::from_be_bytes(eight(key, 1)?)), IdentityId::from_bytes(eight(key, 9)?)))
}

/// A message that waits to be sent on a channel.
#[must_use]
pub fn outbox(channel: &ChannelId, message: MessageId) -> Vec<u8> {
    Key::of(Table::Outbox).text(channel.as_str()).raw(&message.to_bytes()).done()
}

/// All that waits on a channel.
#[must_use]
pub fn outbox_of(channel: &ChannelId) -> Range {
    Key::of(Table::Outbox).text(channel.as_str()).range()
}

/// A suggestion.
#[must_use]
pub fn suggestion(id: SuggestionId) -> Vec<u8> {
    Key::of(Table::Suggestion).raw(&id.to_bytes()).done()
}

/// Suggestions older than `before`.
#[must_use]
pub fn suggestions(before: Option<SuggestionId>) -> Range {
    older(Table::Suggestion, before.map(SuggestionId::to_bytes))
}

/// A parked delivery.
#[must_use]
pub fn parked(id: ParkedId) -> Vec<u8> {
    Key::of(Table::Parked).raw(&id.to_bytes()).done()
}

/// Parked deliveries older than `before`.
#[must_use]
pub fn parked_before(before: Option<ParkedId>) -> Range {
    older(Table::Parked, before.map(ParkedId::to_bytes))
}

fn older(table: Table, before: Option<[u8; 8]>) -> Range {
    match before {
        None => Key::of(table).range(),
        Some(id) => (Bound::Included(Key::of(table).done()), Bound::Excluded(Key::of(table).raw(&id).done())),
    }
}

/// A touchpoint.
#[must_use]
pub fn touchpoint(id: TouchpointId) -> Vec<u8> {
    Key::of(Table::Touchpoint).raw(&id.to_bytes()).done()
}

/// A channel.
#[must_use]
pub fn channel(id: &ChannelId) -> Vec<u8> {
    Key::of(Table::Channel).text(id.as_str()).done()
}

/// A connector and its generations.
#[must_use]
pub fn connector(name: &str) -> Vec<u8> {
    Key::of(Table::Connector).text(name).done()
}

/// All connectors.
#[must_use]
pub fn connectors() -> Range {
    Key::of(Table::Connector).range()
}

/// What a channel is allowed on top of the configuration.
#[must_use]
pub fn grants(channel: &ChannelId) -> Vec<u8> {
    Key::of(Table::Grants).text(channel.as_str()).done()
}

/// Where the polling of a channel goes on.
#[must_use]
pub fn cursor(channel: &ChannelId) -> Vec<u8> {
    Key::of(Table::Cursor).text(channel.as_str()).done()
}

/// The file of a message's part.
#[must_use]
pub fn attachment(message: MessageId, part: u16) -> Vec<u8> {
    Key::of(Table::Attachment).raw(&message.to_bytes()).raw(&part.to_be_bytes()).done()
}

/// A file that is to be fetched.
#[must_use]
pub fn wanted(channel: &ChannelId, message: MessageId, part: u16) -> Vec<u8> {
    Key::of(Table::Wanted).text(channel.as_str()).raw(&message.to_bytes()).raw(&part.to_be_bytes()).done()
}

/// All files that are to be fetched from a channel.
#[must_use]
pub fn wanted_of(channel: &ChannelId) -> Range {
    Key::of(Table::Wanted).text(channel.as_str()).range()
}

/// All channels.
#[must_use]
pub fn channels() -> Range {
    Key::of(Table::Channel).range()
}

/// A value of a channel's state.
#[must_use]
pub fn state(channel: &ChannelId, key: &str) -> Vec<u8> {
    Key::of(Table::State).text(channel.as_str()).raw(key.as_bytes()).done()
}

/// The channel's values whose keys begin like this.
#[must_use]
pub fn state_with(channel: &ChannelId, beginning: &str) -> Range {
    Key::of(Table::State).text(channel.as_str()).raw(beginning.as_bytes()).range()
}

/// The connector's own key in a state's key.
#[must_use]
pub fn state_key<'a>(channel: &ChannelId, key: &'a [u8]) -> Option<&'a str> {
    std::str::from_utf8(key.get(channel.as_str().len() + 2..)?).ok()
}

/// An API key.
#[must_use]
pub fn api_key(id: KeyId) -> Vec<u8> {
    Key::of(Table::ApiKey).raw(&id.to_bytes()).done()
}

/// All API keys.
#[must_use]
pub fn api_keys() -> Range {
    Key::of(Table::ApiKey).range()
}

/// The API key with a hash.
#[must_use]
pub fn api_key_by_hash(hash: &str) -> Vec<u8> {
    Key::of(Table::ApiKeyByHash).text(hash).done()
}

/// What came of a command that bore a key of the client's own.
#[must_use]
pub fn idempotency(actor: &str, key: &str) -> Vec<u8> {
    Key::of(Table::Idempotency).text(actor).text(key).done()
}

/// What a fact means to the outside.
#[must_use]
pub fn public_events(seq: Seq) -> Vec<u8> {
    Key::of(Table::PublicEvents).raw(&seq.0.to_be_bytes()).done()
}

/// What facts from `from` on mean to the outside.
#[must_use]
pub fn public_events_from(from: Seq) -> Range {
    let (_, end) = Key::of(Table::PublicEvents).range();
    (Bound::Included(public_events(from)), end)
}

/// The fact in a public event's key.
#[must_use]
pub fn public_event_seq(key: &[u8]) -> Option<Seq> {
    eight(key, 1).map(|bytes| Seq(u64::from_be_bytes(bytes)))
}

/// A fact that was skipped.
#[must_use]
pub fn skipped(seq: Seq) -> Vec<u8> {
    Key::of(Table::Skipped).raw(&seq.0.to_be_bytes()).done()
}

/// All facts that were skipped, oldest first.
#[must_use]
pub fn all_skipped() -> Range {
    Key::of(Table::Skipped).range()
}

/// The workspace's policies.
#[must_use]
pub fn policy() -> Vec<u8> {
    Key::of(Table::Policy).done()
}

/// A message that was sent to a thread, by time.
#[must_use]
pub fn sent_in_thread(channel: &ChannelId, thread: &str, at: Millis, message: MessageId) -> Vec<u8> {
    Key::of(Table::SentInThread).text(channel.as_str()).text(thread).time(at).raw(&message.to_bytes()).done()
}

/// The messages sent to a thread up to and with a time.
#[must_use]
pub fn sent_in_thread_until(channel: &ChannelId, thread: &str, until: Millis) -> Range {
    let start = Key::of(Table::SentInThread).text(channel.as_str()).text(thread);
    let end = Key::of(Table::SentInThread).text(channel.as_str()).text(thread).time(Millis(until.0.saturating_add(1)));
    (Bound::Included(start.done()), Bound::Excluded(end.done()))
}

/// The message in a key that ends with one.
#[must_use]
pub fn last_message(key: &[u8]) -> Option<MessageId> {
    last_eight(key).map(MessageId::from_bytes)
}

/// A word by which an identity can be found.
#[must_use]
pub fn name_token(token: &str, identity: IdentityId) -> Vec<u8> {
    Key::of(Table::NameToken).text(token).raw(&identity.to_bytes()).done()
}

/// Everybody with a word that begins like this.
#[must_use]
pub fn name_tokens(beginning: &str) -> Range {
    Key::of(Table::NameToken).raw(beginning.as_bytes()).range()
}

/// The identity in a key that ends with one.
#[must_use]
pub fn last_identity(key: &[u8]) -> Option<IdentityId> {
    last_eight(key).map(IdentityId::from_bytes)
}
