//! The entries of the journal. A fact is what was asked or what came in; what follows from it is [`apply`](crate::apply)'s to say, so
//! that every host that applies the same journal comes to the same result.
//!
//! Facts are written once and read for ever: fields are added with a default, never renamed or given another meaning.
//!
//! * `received`: what came in. `request`: what people and programs ask for. `channel`: what is known of a channel.
//! * `outcome`: what applying a fact came to.

mod channel;
mod outcome;
mod received;
mod request;

use serde::{Deserialize, Serialize};

use crate::ask::{Ask, Difference};
use crate::event::{Event, Hint, Identifier, Part, Problem, Sender};
use crate::generation::{GrantChanges, Missing, Signature, Stage};
use crate::ids::{ChannelId, CustomerId, IdentityId, KeyId, MessageId, Millis, ParkedId, Seq, SuggestionId};

pub use crate::generation::Source;
pub use channel::{ChannelRules, TextLimit, TextUnit};
pub use outcome::{Destination, Newest, Outcome, Refusal};
pub use received::{Attachment, RawRequest, SendResult, StateChange, Unreadable};
pub use request::{ClaimPolicy, Idempotency, MessageAction, Role, Via};

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

/// A timer of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timer {
    /// Rows that nothing needs any more are taken away.
    Retention,
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
        /// By this code; none in facts from before that was written down.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<Source>,
        /// Why.
        problem: Problem,
    },
    /// Sending goes on.
    ChannelResumed {
        /// Which.
        channel: ChannelId,
    },
    /// The provider of a channel asked for a pause: nothing is sent before this time, unless the channel is resumed.
    ChannelHeld {
        /// Which.
        channel: ChannelId,
        /// By this code; none in facts from before that was written down.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<Source>,
        /// Until when.
        until: Millis,
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
        /// Whether it proved that it comes from the provider. False in facts from before that was written down.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        verified: bool,
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
        /// By this code; none in facts from before that was written down.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<Source>,
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
        /// By this code; none in facts from before that was written down.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<Source>,
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
        /// By this code; none in facts from before that was written down.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<Source>,
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
    /// What is left of the end of an attempt whose message was erased, or of an answer about somebody who was: everything that it brought
    /// besides.
    SendErased {
        /// On this channel.
        channel: ChannelId,
        /// Whose reactions to the message came before the channel's id of it did.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        people: Vec<Sender>,
        /// By this code; none in facts from before that was written down.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<Source>,
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
