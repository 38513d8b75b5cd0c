//! The values of the views' rows: JSON, so that a person can read them and a field can be added.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::event::{Part, Problem, Property, Thread, Trust};
use crate::fact::{Attachment, ChannelRules, ClaimPolicy, MessageAction, Outcome, RawRequest, Role, Source};
use crate::ids::{
    ChannelId, CustomerId, IdentityId, KeyId, MessageId, Millis, ParkedId, Seq, SuggestionId, TouchpointId,
};
use crate::tables::{Read, ReadError, Result, Write};

/// Reads the row under a key.
///
/// # Errors
/// When the map cannot be read, or the row is not what it should be.
pub fn get<T: DeserializeOwned>(tables: &(impl Read + ?Sized), key: &[u8]) -> Result<Option<T>> {
    tables.get(key)?.map(|bytes| decode(&bytes)).transpose()
}

/// Reads a row that another row refers to.
///
/// # Errors
/// As [`get`], and when the row is missing.
pub fn need<T: DeserializeOwned>(tables: &(impl Read + ?Sized), key: &[u8]) -> Result<T> {
    get(tables, key)?.ok_or_else(|| ReadError::Broken(format!("a row that others refer to is missing: key {key:02x?}")))
}

/// Writes a row.
pub fn put<T: Serialize>(tables: &mut (impl Write + ?Sized), key: Vec<u8>, row: &T) -> Result<()> {
    let bytes = serde_json::to_vec(row).map_err(|e| ReadError::Broken(format!("a row cannot be written as JSON: {e}")))?;
    tables.put(key, bytes);
    Ok(())
}

/// A row from its bytes.
///
/// # Errors
/// When the bytes are not such a row.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|e| ReadError::Broken(format!("a row is not what it should be: {e}")))
}

/// One address of a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Its id.
    pub id: IdentityId,
    /// `phone`, `whatsapp`, …
    pub kind: String,
    /// Who issued it; empty if it means the same everywhere.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Canonical.
    pub value: String,
    /// As first written, where that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
    /// How far the address itself is believed to be somebody's.
    pub trust: Trust,
    /// Whose it is now; derived from the links.
    pub customer: CustomerId,
    /// When it was first seen.
    pub created_at: Millis,
    /// When a provider last vouched for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attested_at: Option<Millis>,
    /// When it was left for another address; a later use of the same address is another identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<Millis>,
    /// Several people use it, so it links nobody.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
    /// Where messages with this address came in or went out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub channels: BTreeMap<ChannelId, Presence>,
    /// What is said about the person, by this address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profile: Vec<ProfileField>,
    /// When the channel was last asked about the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hints_at: Option<Millis>,
    /// The last message or touchpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_activity: Option<Millis>,
    /// The last message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_message: Option<MessageId>,
    /// The last message to the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_outbound: Option<Millis>,
    /// The first message of the person since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<Millis>,
    /// How many messages.
    #[serde(default)]
    pub messages: u64,
}

/// An identity on one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// The thread of the last message of the person.
    pub thread: Thread,
    /// When that came, by the host's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_inbound: Option<Millis>,
}

/// A field of a profile, with where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileField {
    /// `name`, `username`, `avatar`, `language`, or the channel's word.
    pub field: String,
    /// The value.
    pub value: String,
    /// How far to believe it.
    pub trust: Trust,
    /// Why.
    pub evidence: String,
    /// The channel that said so.
    pub channel: ChannelId,
    /// Since when.
    pub at: Millis,
}

/// The identities of one person, oldest first. The first gives the customer its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Who.
    pub members: Vec<IdentityId>,
}

/// Why there is a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A provider vouched for both ends, or the person proved it.
    Proof,
    /// A person decided.
    Agent,
    /// One end claims the other. Links nothing.
    Claim,
}

impl Rule {
    /// For keys.
    #[must_use]
    pub fn byte(self) -> u8 {
        match self {
            Self::Proof => 1,
            Self::Agent => 2,
            Self::Claim => 3,
        }
    }
}

/// A link between two identities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The end that the evidence came from; the claimant of a claim.
    pub from: IdentityId,
    /// The other end.
    pub to: IdentityId,
    /// Why.
    pub rule: Rule,
    /// How far the statement behind it is believed.
    pub trust: Trust,
    /// The statement.
    pub evidence: Evidence,
    /// Since when it no longer links, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Closed>,
    /// The suggestion that a claim made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<SuggestionId>,
}

impl Link {
    /// Whether it makes its ends one person.
    #[must_use]
    pub fn joins(&self) -> bool {
        self.closed.is_none() && self.rule != Rule::Claim
    }
}

/// What a link rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The fact.
    pub seq: Seq,
    /// When.
    pub at: Millis,
    /// In words.
    pub text: String,
    /// The channel that said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelId>,
    /// The message it was said in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
    /// Who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
}

/// The end of a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// When.
    pub at: Millis,
    /// Why.
    pub reason: String,
}

/// Where a suggestion stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SuggestionState {
    /// Waits for a person.
    Open,
    /// The link was made.
    Accepted,
    /// The link is barred.
    Rejected,
}

/// A possible link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    /// Its id.
    pub id: SuggestionId,
    /// Who said something.
    pub claimant: IdentityId,
    /// The address it is about.
    pub target: IdentityId,
    /// What was said.
    pub evidence: Evidence,
    /// Why it is a suggestion and no link.
    pub reason: String,
    /// Whether the owner of the address may see the claimant's threads meanwhile.
    pub one_way: bool,
    /// Where it stands.
    pub state: SuggestionState,
}

/// Who wrote a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MessageAuthor {
    /// The customer.
    Customer,
    /// The holder of an API key.
    Agent {
        /// Which.
        key: KeyId,
    },
    /// Somebody at the account, in the channel's own app.
    Account,
    /// The host or the channel.
    System,
}

/// In or out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the customer.
    Inbound,
    /// To the customer.
    Outbound,
}

/// How far an outbound message got. The order is the order of [`DeliveryState::rank`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Waits in the outbox.
    Queued,
    /// An attempt runs.
    Sending,
    /// Nobody can tell.
    Uncertain,
    /// The channel took it.
    Sent,
    /// It will not arrive.
    Failed,
    /// It arrived.
    Delivered,
    /// It was seen.
    Read,
}

impl DeliveryState {
    /// News only ever moves to a higher rank. `failed` is above `sent` because the channel says so after taking the message, and
    /// below `delivered` because a message that arrived has arrived, whatever else was said.
    #[must_use]
    pub fn rank(self) -> u8 {
        self as u8
    }
}

/// One step of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryStep {
    /// What was reached, or the channel's word for news without a place in the order.
    pub state: String,
    /// When, by the channel's clock where it said so.
    pub at: Millis,
    /// Which attempt it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

/// The delivery of an outbound message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// How far it got.
    pub state: DeliveryState,
    /// Since when.
    pub at: Millis,
    /// How many attempts began.
    pub attempts: u32,
    /// What last went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
    /// For programs: why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Everything that happened to it.
    pub history: Vec<DeliveryStep>,
}

/// A reaction on a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    /// Whose.
    pub identity: IdentityId,
    /// What.
    pub emoji: String,
    /// When.
    pub at: Millis,
}

/// The account's own reaction on a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnReaction {
    /// What.
    pub emoji: String,
    /// When the channel took it.
    pub at: Millis,
}

/// Something to be done to a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// To which.
    pub target: MessageId,
    /// The channel's id of it.
    pub external: String,
    /// What.
    pub action: MessageAction,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Where.
    pub channel: ChannelId,
    /// By which connector.
    pub connector: String,
    /// The channel's own thread.
    pub thread: Thread,
    /// The channel's ids of it. The first is what news is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external_ids: Vec<String>,
    /// In or out.
    pub direction: Direction,
    /// Who wrote it.
    pub author: MessageAuthor,
    /// The customer's address. For ever.
    pub identity: IdentityId,
    /// By the channel's clock, not after `received_at`.
    pub sent_at: Millis,
    /// By the host's clock.
    pub received_at: Millis,
    /// Where it stands among others. `sent_at`, made finer where the channel tells whole seconds, and after the message it answers.
    pub ordered_at: Millis,
    /// The content.
    pub parts: Vec<Part>,
    /// The message it answers, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    /// The channel's id of the message it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to_external: Option<String>,
    /// When it was last edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Millis>,
    /// When it was taken back. Its parts are gone then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Millis>,
    /// Reactions on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
    /// Reactions that were taken back, so that a late one does not put them on again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withdrawn: Vec<Reaction>,
    /// For outbound messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
    /// What else the channel said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Property>,
    /// It is no message of its own but something to be done to another one. Stands on no timeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// The account's own reaction on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_reaction: Option<OwnReaction>,
    /// When the customer was told that it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marked_read_at: Option<Millis>,
    /// It turned out to be the echo of another message, which stands for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo_of: Option<MessageId>,
}

/// Something on a timeline that is not a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touchpoint {
    /// Its id.
    pub id: TouchpointId,
    /// Where.
    pub channel: ChannelId,
    /// Whose; none if the channel did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityId>,
    /// `order`, `view`, `call`, `other`, …
    pub kind: String,
    /// When.
    pub at: Millis,
    /// One line.
    pub summary: String,
    /// More.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Property>,
}

/// A message in the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// Which.
    pub message: MessageId,
    /// Its thread on the channel; order is kept within it.
    pub thread: String,
    /// The attempt that runs, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<u32>,
    /// Not before.
    pub at: Millis,
    /// Attempts that began.
    pub attempts: u32,
    /// Since when it is in the outbox.
    pub since: Millis,
}

/// A delivery that could not be handled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// Its id.
    pub id: ParkedId,
    /// Where.
    pub channel: ChannelId,
    /// By which code.
    pub source: Source,
    /// When.
    pub at: Millis,
    /// Why.
    pub reason: String,
    /// The whole request, if all of it could not be handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RawRequest>,
    /// The item, if only one could not be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<ParkedItem>,
}

/// An item of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedItem {
    /// As it came.
    #[serde(with = "crate::base64")]
    pub raw: Vec<u8>,
}

/// A channel that is or was switched on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Its name.
    pub id: ChannelId,
    /// The code.
    pub source: Source,
    /// What it can do.
    pub rules: ChannelRules,
    /// Why sending has stopped, if it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<Problem>,
    /// Whether the operator has stopped it, in and out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
}

impl Channel {
    /// Whether nothing is sent on it for now.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.paused || self.parked.is_some()
    }
}

/// An API key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id.
    pub id: KeyId,
    /// What for.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The sha256 of the key.
    pub hash: String,
    /// When it was made.
    pub created_at: Millis,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Millis>,
}

/// What became of the file of a message's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum File {
    /// It is here.
    Kept(Attachment),
    /// It will not come by itself any more.
    Gone {
        /// Since when.
        at: Millis,
        /// Why.
        problem: Problem,
    },
}

/// A file that is to be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Whose.
    pub message: MessageId,
    /// Which part, from 0.
    pub part: u16,
    /// Not before.
    pub at: Millis,
    /// Attempts that came to nothing.
    pub attempts: u32,
}

/// A fact that met a defect of `apply` and changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its number.
    pub seq: Seq,
    /// When it was appended.
    pub at: Millis,
    /// Who caused it.
    pub actor: String,
    /// The defect.
    pub reason: String,
}

/// What came of a command that bore a key of the client's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// The request's digest.
    pub request: String,
    /// The result.
    pub outcome: Outcome,
}

/// The workspace's policies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// What claims do.
    pub claims: ClaimPolicy,
}

/// What a fact means to the outside: a type and what it is about. The content is read when it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicEvent {
    /// `message.received`, `message.updated`, `delivery.updated`, `customer.merged`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// When.
    pub at: Millis,
    /// The customer, as it was then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerId>,
    /// The message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
    /// Anything else: `suggestion`, `parked`, `channel`, `touchpoint`, `state`, …
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub about: BTreeMap<String, String>,
}
