//! The entries of the journal. A fact is what was asked or what came in; what follows from it is [`apply`](crate::apply)'s to say, so
//! that every host that applies the same journal comes to the same result.
//!
//! Facts are written once and read for ever: fields are added with a default, never renamed or given another meaning.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ask::{Ask, Difference};
use crate::event::{Event, Hint, Identifier, Part, Problem, Sender, Thread};
pub use crate::generation::Source;
use crate::generation::{GrantChanges, Missing, Signature, Stage};
use crate::ids::{ChannelId, CustomerId, IdentityId, KeyId, MessageId, Millis, ParkedId, Seq, SuggestionId};

/// One entry of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place.
    pub seq: Seq,
    /// When it was appended. Set by the appender; never goes back.
    pub at: Millis,
    /// Who caused it.
    pub actor: Actor,
    /// What it says.
    pub fact: Fact,
}

/// Who caused a fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The host itself.
    Host,
    /// A channel, through its connector.
    Channel(ChannelId),
    /// The holder of an API key.
    Key(KeyId),
    /// The operator, at the command line.
    Operator,
}

/// A key of the client's own for a command, so that a repeated `POST` is done once. Scoped to the actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idempotency {
    /// The value of `Idempotency-Key`, 1 to 255 bytes.
    pub key: String,
    /// A digest of the request, so that the same key for another request is refused.
    pub request: String,
}

/// A change that a connector made to its channel's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateChange {
    /// The key.
    pub key: String,
    /// The new value; none deletes.
    #[serde(with = "crate::base64::option")]
    pub value: Option<Vec<u8>>,
}

/// A webhook request as it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawRequest {
    /// Upper case.
    pub method: String,
    /// The public URL.
    pub url: String,
    /// Lower-case names.
    pub headers: Vec<(String, String)>,
    /// Untouched.
    #[serde(with = "crate::base64")]
    pub body: Vec<u8>,
    /// When it came.
    pub received_at: Millis,
    /// Whether the channel's secrets in the URL and the headers are replaced by their names.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub concealed: bool,
    /// Whether they are replaced in the body too, which is text then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub concealed_body: bool,
}

impl RawRequest {
    /// How much room it takes up, bytes.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        (self.url.len() + headers + self.body.len()) as u64
    }
}

/// An item of a delivery that could not be understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    /// As it came.
    #[serde(with = "crate::base64")]
    pub raw: Vec<u8>,
    /// Why.
    pub reason: String,
}

/// A file that was fetched and is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Hexadecimal; its name in the store.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
    /// `type/subtype`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    /// What the sender called it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
}

/// How a send ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SendResult {
    /// The channel took it.
    Sent {
        /// The channel's ids of it; the first is what later news will be about.
        external_ids: Vec<String>,
    },
    /// Nothing was sent; try again at this time.
    Retry {
        /// When.
        at: Millis,
        /// Why.
        problem: Problem,
    },
    /// It will never be sent.
    Failed {
        /// A word for programs: `rejected`, `recipient_gone`, `window_closed`, `unsupported`, `gave_up`, …
        class: String,
        /// Why.
        problem: Problem,
    },
    /// Nobody can tell whether it was sent.
    Uncertain {
        /// Why.
        problem: Problem,
    },
    /// The channel's credentials do not work: the message waits, the channel is parked.
    Credentials {
        /// Why.
        problem: Problem,
    },
}

/// What claims do in this workspace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimPolicy {
    /// Nothing.
    Off,
    /// A suggestion to the agent.
    Suggest,
    /// A suggestion, and the proven owner's view also shows the claimant's threads.
    #[default]
    OneWay,
    /// A full link.
    Auto,
}

/// What an API key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Read.
    Reader,
    /// Read, reply, link.
    Agent,
    /// Channels and connectors.
    Operator,
    /// Everything, keys included.
    Admin,
}

/// What is known of a channel that is switched on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelRules {
    /// How long after a customer's message free text may be sent, if the channel limits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_window_ms: Option<u64>,
    /// Whether the channel can send at all.
    pub sends: bool,
    /// Whether a repeated attempt with the same key is safe.
    #[serde(default)]
    pub idempotent: bool,
    /// Whether templates can be sent when the window is closed.
    #[serde(default)]
    pub templates: bool,
    /// The longest text, if the channel limits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_limit: Option<TextLimit>,
    /// The kinds of parts that can be sent: `text`, `image`, …
    #[serde(default)]
    pub content: Vec<String>,
}

/// The longest text of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TextLimit {
    /// How many.
    pub max: u32,
    /// Of what.
    pub unit: TextUnit,
}

/// What a text limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum TextUnit {
    /// Unicode scalar values.
    Characters,
    /// Bytes of UTF-8.
    Bytes,
    /// UTF-16 code units.
    Utf16,
}

impl TextLimit {
    /// The length of a text in this limit's unit.
    #[must_use]
    pub fn measure(self, text: &str) -> usize {
        match self.unit {
            TextUnit::Characters => text.chars().count(),
            TextUnit::Bytes => text.len(),
            TextUnit::Utf16 => text.encode_utf16().count(),
        }
    }
}

/// Where a reply goes, when the client says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// The customer's latest address on this channel.
    Channel(ChannelId),
    /// This address.
    Identity(IdentityId),
}

/// Something to be done to a message that is on its channel already.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum MessageAction {
    /// Put a reaction on it, in place of the last one.
    React {
        /// None takes it back.
        emoji: Option<String>,
    },
    /// Tell the customer that it was read.
    MarkRead,
    /// Give it new content.
    Edit {
        /// The whole new content.
        parts: Vec<Part>,
    },
    /// Take it back.
    Delete,
}

impl MessageAction {
    /// What a channel has to be able to send for it, in the words of a manifest.
    #[must_use]
    pub fn ability(&self) -> &'static str {
        match self {
            Self::React { .. } => "reaction",
            Self::MarkRead => "mark-read",
            Self::Edit { .. } => "edit",
            Self::Delete => "delete",
        }
    }
}

/// What happened, or what was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Fact {
    /// A channel is configured as follows; at start-up, when that is new.
    ChannelSet {
        /// Which.
        channel: ChannelId,
        /// The code.
        source: Source,
        /// What it can do.
        rules: ChannelRules,
        /// The scope whose people it speaks about: the operator's name for the connector. None keeps what was said before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scope: Option<String>,
    },
    /// Sending on a channel stops until it is resumed.
    ChannelParked {
        /// Which.
        channel: ChannelId,
        /// Why.
        problem: Problem,
    },
    /// Sending goes on.
    ChannelResumed {
        /// Which.
        channel: ChannelId,
    },
    /// The operator stops a channel, in and out, until it is resumed.
    ChannelPaused {
        /// Which.
        channel: ChannelId,
    },
    /// Ids of things are given by their place in the fact that makes them, from here on, whatever the tables hold. Requests
    /// of messages before it keep the rule of their time for where they go.
    IdsByPlace,
    /// The operator lets a channel reach origins.
    OriginsGranted {
        /// Which channel.
        channel: ChannelId,
        /// Origins.
        http: Vec<String>,
        /// Those of them that may be at private addresses.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        private: Vec<String>,
    },
    /// The operator takes back that a channel may reach origins, whatever the configuration says.
    OriginsRevoked {
        /// Which channel.
        channel: ChannelId,
        /// Origins.
        origins: Vec<String>,
    },
    /// The operator says whether requests that nobody signed count on a channel.
    PublicWebhookSet {
        /// Which channel.
        channel: ChannelId,
        /// Whether they do; none leaves it to the configuration.
        allowed: Option<bool>,
    },
    /// What the operator allowed or took back while the host runs; all of it, in place of what such a fact said before. Not written
    /// any more.
    GrantsChanged {
        /// For this channel.
        channel: ChannelId,
        /// On top of the configuration.
        changes: GrantChanges,
    },
    /// A component was brought for a connector, and is kept.
    GenerationStaged {
        /// The operator's name for the connector.
        connector: String,
        /// The code.
        source: Source,
        /// What its signature is worth.
        signature: Signature,
        /// Who or what brought it.
        origin: String,
    },
    /// A generation went on, or went no further.
    GenerationMoved {
        /// The operator's name for the connector.
        connector: String,
        /// Which.
        generation: u32,
        /// How far it is now.
        to: Stage,
        /// Why it went no further.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        problem: Option<Problem>,
        /// What it waits for.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        missing: Vec<Missing>,
        /// What it asks for, if that was approved with this step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approved: Option<Ask>,
        /// How what it asks for differs from what was approved, if it waits for that.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        differences: Vec<Difference>,
    },
    /// A connector that no channel uses is not there any more.
    ConnectorRemoved {
        /// The operator's name for it.
        connector: String,
    },
    /// What claims do from here on.
    ClaimsSet {
        /// The policy.
        policy: ClaimPolicy,
    },
    /// A webhook was handled: everything the call emitted and wrote, together.
    Received {
        /// On this channel.
        channel: ChannelId,
        /// By this code.
        source: Source,
        /// Canonical.
        events: Vec<Event>,
        /// To the channel's state.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        state: Vec<StateChange>,
        /// Items to park.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unreadable: Vec<Unreadable>,
    },
    /// A channel was asked for what is new: everything the call emitted and wrote, and where to go on, together.
    Polled {
        /// Which channel.
        channel: ChannelId,
        /// By this code.
        source: Source,
        /// Canonical.
        events: Vec<Event>,
        /// To the channel's state.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        state: Vec<StateChange>,
        /// Items to park.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unreadable: Vec<Unreadable>,
        /// Where to go on; none leaves the cursor as it was.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::base64::option")]
        cursor: Option<Vec<u8>>,
    },
    /// A webhook could not be handled and is kept.
    DeliveryParked {
        /// On this channel.
        channel: ChannelId,
        /// By this code.
        source: Source,
        /// The request.
        request: RawRequest,
        /// Why.
        problem: Problem,
    },
    /// The file of a message's part was fetched and is kept.
    AttachmentStored {
        /// From this channel.
        channel: ChannelId,
        /// Whose file.
        message: MessageId,
        /// Which part, from 0.
        part: u16,
        /// By what the channel calls the file; none in facts from before that was written down.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
        /// What is kept.
        attachment: Attachment,
        /// To the channel's state.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        state: Vec<StateChange>,
    },
    /// The file of a message's part did not come.
    AttachmentMissed {
        /// From this channel.
        channel: ChannelId,
        /// Whose file.
        message: MessageId,
        /// Which part, from 0.
        part: u16,
        /// By what the channel calls the file.
        reference: Option<String>,
        /// When it is tried again; none if it will never be had.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        again: Option<Millis>,
        /// Why.
        problem: Problem,
    },
    /// A parked delivery was handled after all: everything the call emitted and wrote. Refused as a whole when it is parked no more.
    ParkedReplayed {
        /// Which.
        parked: ParkedId,
        /// By this code.
        source: Source,
        /// Canonical.
        events: Vec<Event>,
        /// To the channel's state.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        state: Vec<StateChange>,
        /// Items to park.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unreadable: Vec<Unreadable>,
    },
    /// A timer of the host was due.
    TimerFired {
        /// Which.
        timer: Timer,
        /// When it was due.
        due: Millis,
    },
    /// An agent says that an address is one person's after all, though many proved it to be theirs.
    SharedCleared {
        /// Which.
        identity: IdentityId,
        /// In words.
        reason: String,
    },
    /// A parked delivery is no longer wanted.
    ParkedDiscarded {
        /// Which.
        parked: ParkedId,
    },
    /// What a channel told about a person when asked.
    HintsLearnt {
        /// On this channel.
        channel: ChannelId,
        /// About this address.
        identity: Identifier,
        /// The identity that has it; none in facts from before that was written down.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<IdentityId>,
        /// What. Empty when there is nothing to tell, so that it is not asked again at once.
        hints: Vec<Hint>,
        /// To the channel's state.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        state: Vec<StateChange>,
    },
    /// A client wants to send a message to a customer.
    MessageRequested {
        /// To whom.
        customer: CustomerId,
        /// The content.
        parts: Vec<Part>,
        /// Where to, if the client said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        via: Option<Via>,
        /// The message it answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<MessageId>,
        /// The thread to write to, if the client said so: one in which the customer wrote.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thread: Option<String>,
        /// The client's key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        idempotency: Option<Idempotency>,
    },
    /// A client wants something done to a message that is on its channel already.
    ActionRequested {
        /// Which message.
        message: MessageId,
        /// What.
        action: MessageAction,
        /// The client's key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        idempotency: Option<Idempotency>,
    },
    /// A person wants an uncertain or failed message tried again.
    RetryRequested {
        /// Which.
        message: MessageId,
    },
    /// An attempt begins; recorded before anything leaves.
    SendStarted {
        /// Which.
        message: MessageId,
        /// From 1.
        attempt: u32,
    },
    /// An attempt ended: its result and everything the call emitted and wrote, together.
    SendEnded {
        /// Which.
        message: MessageId,
        /// Which attempt.
        attempt: u32,
        /// How.
        result: SendResult,
        /// What the answer taught besides. Canonical.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        events: Vec<Event>,
        /// To the channel's state.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        state: Vec<StateChange>,
    },
    /// An agent says that two customers are one person.
    MergeRequested {
        /// One.
        a: CustomerId,
        /// The other.
        b: CustomerId,
        /// In words.
        reason: String,
        /// The client's key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        idempotency: Option<Idempotency>,
    },
    /// An agent says that an address does not belong to a customer.
    UnlinkRequested {
        /// Whose view.
        customer: CustomerId,
        /// Which address.
        identity: IdentityId,
        /// In words.
        reason: String,
        /// The client's key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        idempotency: Option<Idempotency>,
    },
    /// An agent decided on a suggestion.
    SuggestionDecided {
        /// Which.
        suggestion: SuggestionId,
        /// Who claimed the address, by the tables when it was decided; none in facts from before that was written down. Ids of
        /// suggestions are counted in their fact, so an erasure may move them; the pair stays.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        claimant: Option<IdentityId>,
        /// The address that was claimed; none where `claimant` is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<IdentityId>,
        /// Whether the link is right.
        accept: bool,
        /// In words.
        reason: String,
        /// The client's key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        idempotency: Option<Idempotency>,
    },
    /// An API key was made.
    KeyCreated {
        /// What for.
        name: String,
        /// What it may do.
        role: Role,
        /// The sha256 of the key, hexadecimal. The key itself is shown once and kept nowhere.
        hash: String,
    },
    /// An API key is no longer good.
    KeyRevoked {
        /// Which.
        key: KeyId,
    },
    /// An operator has a person erased. Holds no content; see [`erasure`](crate::erasure).
    CustomerErased {
        /// Whom: everybody who is this customer now.
        customer: CustomerId,
        /// The identities that were erased. Empty until the journal is rewritten: what is left of it may group them otherwise.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        identities: Vec<IdentityId>,
    },
    /// Nothing of an erased person is in the journal and the tables any more.
    ErasureEnded {
        /// The number of the fact that began it.
        erasure: Seq,
    },
    /// What is left of the end of an attempt whose message was erased: everything that it brought besides.
    SendErased {
        /// On this channel.
        channel: ChannelId,
        /// Whose reactions to the message came before the channel's id of it did.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        people: Vec<Sender>,
        /// What the answer taught besides. Canonical.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        events: Vec<Event>,
        /// To the channel's state.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        state: Vec<StateChange>,
        /// Why the channel was parked, if the credentials did not work.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        problem: Option<Problem>,
    },
    /// What is left of a fact that was redacted.
    Redacted {
        /// The client's key of a command that was carried out, so that the key is not good for another one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        idempotency: Option<Idempotency>,
    },
}

/// What applying a fact came to. The same on every host that applies the same journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing more to say.
    Done,
    /// How many of the events were new and how many were known already.
    Received {
        /// Events that changed something.
        new: u32,
        /// Events that had been seen.
        duplicate: u32,
        /// Parked items.
        parked: Vec<ParkedId>,
    },
    /// A delivery was parked.
    Parked {
        /// Under this id.
        parked: ParkedId,
    },
    /// A component is kept as a generation.
    Staged {
        /// Its number.
        generation: u32,
    },
    /// A message waits to be sent.
    Queued {
        /// Under this id.
        message: MessageId,
        /// Where it goes; none where it was said before, or by an older version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Box<Destination>>,
    },
    /// Customers were linked.
    Merged {
        /// Who they are now.
        customer: CustomerId,
    },
    /// A customer was taken apart.
    Unlinked {
        /// The customer of the address that was taken out.
        customer: CustomerId,
        /// The customer of the rest.
        rest: CustomerId,
    },
    /// A suggestion was decided.
    Decided {
        /// The customer it was about, as it is now.
        customer: CustomerId,
    },
    /// A key was made.
    KeyCreated {
        /// Under this id.
        key: KeyId,
    },
    /// A person is erased.
    Erased {
        /// The number of the fact that began it.
        erasure: Seq,
    },
    /// Nothing was done.
    Refused(Refusal),
    /// Applying the fact met a defect of this version. Nothing was done; a mended version applies it again.
    Skipped {
        /// The defect.
        reason: String,
    },
}

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Destination {
    /// On this channel.
    pub channel: ChannelId,
    /// To this address of the customer.
    pub identity: IdentityId,
    /// Its kind.
    pub kind: String,
    /// Its value.
    pub value: String,
    /// In this thread.
    pub thread: Thread,
    /// Where the customer wrote last, if that is another address or thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Newest>,
}

/// Where a customer wrote last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = NewestInbound))]
pub struct Newest {
    /// On this channel.
    pub channel: ChannelId,
    /// From this address.
    pub identity: IdentityId,
    /// In this thread.
    pub thread: Thread,
}

/// A timer of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timer {
    /// Rows that nothing needs any more are taken away.
    Retention,
}

/// Why nothing was done. `code` is for programs and stays; `message` is for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// `not_found`, `conflict`, `window_closed`, `no_address`, `unsupported`, `idempotency_mismatch`, …
    pub code: String,
    /// A sentence with the remedy.
    pub message: String,
    /// More for programs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
}
