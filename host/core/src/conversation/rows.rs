//! Rows about messages and touchpoints.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::event::{DeliveryUpdate, EventBody, Part, Property, Thread};
use crate::ids::{ChannelId, IdentityId, KeyId, MessageId, Millis, Seq, TouchpointId};
use crate::outbox::rows::{Action, Delivery, OwnReaction};
use crate::tables::key::{As, Element};
use crate::tables::{Json, Present, Table, Text};

/// Messages.
pub const MESSAGES: Table<(MessageId,), Message> = Table::new(5, "messages");
/// The timeline of an identity: when, and what ([`Item`]).
pub const TIMELINE: Table<(IdentityId, Millis, Item), Present> = Table::new(6, "timelines");
/// What a channel's own ids stand for: [`EXTERNAL_MESSAGE`], [`EXTERNAL_EVENT`] or [`EXTERNAL_CALL`], and the id.
pub const EXTERNAL: Table<(ChannelId, u8, Text), External> = Table::new(7, "external ids");
/// Updates of a message that has not come yet, in the order in which they came.
pub const EARLY: Table<(ChannelId, Text, Seq, u16), EventBody> = Table::new(8, "early updates");
/// The same, oldest first.
pub const EARLY_BY_AGE: Table<(Seq, u16), EarlyUpdate> = Table::new(46, "early updates by age");
/// Touchpoints.
pub const TOUCHPOINTS: Table<(TouchpointId,), Touchpoint> = Table::new(13, "touchpoints");
/// Messages that a channel took for a thread, by the time at which the attempt began.
pub const SENT_IN_THREAD: Table<(ChannelId, Text, Millis, MessageId), Present> = Table::new(21, "sent in threads");

/// Where an update is that waits for its message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlyUpdate {
    /// The channel.
    pub channel: ChannelId,
    /// The channel's id of the message.
    pub id: String,
    /// Since when.
    pub at: Millis,
}

/// An id of a message, in [`EXTERNAL`].
pub const EXTERNAL_MESSAGE: u8 = b'm';
/// An id of an event.
pub const EXTERNAL_EVENT: u8 = b'e';
/// An id of a call.
pub const EXTERNAL_CALL: u8 = b'c';

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

/// News of a delivery that is not the host's, as far as it knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// What.
    pub state: DeliveryUpdate,
    /// When.
    pub at: Millis,
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
    /// The channel's ids of attempts before the one that counts. What arrived by one of those has arrived; nothing else counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_ids: Vec<String>,
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
    /// What of it was over a bound and is not here, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cut: Vec<String>,
    /// How many reactions were over the bound and are not here.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_reactions: u64,
    /// How far it got, where the account wrote it elsewhere: it may turn out to be an echo. One of each kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heard: Vec<Heard>,
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
    /// When that was so, if it was said of a call after the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said_at: Option<Millis>,
    /// More.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Property>,
}

impl Message {
    /// A message without content.
    #[allow(clippy::too_many_arguments, reason = "what every message has, each once")]
    #[must_use]
    pub fn new(
        id: MessageId,
        channel: &ChannelId,
        connector: &str,
        thread: &Thread,
        direction: Direction,
        author: MessageAuthor,
        identity: IdentityId,
        at: Millis,
    ) -> Self {
        Self {
            id,
            channel: channel.clone(),
            connector: connector.to_owned(),
            thread: thread.clone(),
            external_ids: Vec::new(),
            former_ids: Vec::new(),
            direction,
            author,
            identity,
            sent_at: at,
            received_at: at,
            ordered_at: at,
            parts: Vec::new(),
            reply_to: None,
            reply_to_external: None,
            edited_at: None,
            deleted_at: None,
            reactions: Vec::new(),
            withdrawn: Vec::new(),
            delivery: None,
            extra: Vec::new(),
            action: None,
            own_reaction: None,
            marked_read_at: None,
            cut: Vec::new(),
            more_reactions: 0,
            heard: Vec::new(),
            echo_of: None,
        }
    }
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// What an id of a channel stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum External {
    /// A message.
    Message(MessageId),
    /// A call.
    Call(TouchpointId),
    /// An event that was seen, by this fact.
    Event(Seq),
}

impl External {
    /// The fact that brought the id, or asked for what has it.
    #[must_use]
    pub fn seq(self) -> Seq {
        match self {
            Self::Message(id) => id.seq(),
            Self::Call(id) => id.seq(),
            Self::Event(seq) => seq,
        }
    }
}

/// What a place of a timeline holds. Sorts like its key, so that the pages of a timeline go on where the one before ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A message.
    Message(MessageId),
    /// A touchpoint.
    Touchpoint(TouchpointId),
}

impl Item {
    /// Its id, and what it is.
    fn parts(self) -> ([u8; 8], u8) {
        match self {
            Self::Message(id) => (id.to_bytes(), 0),
            Self::Touchpoint(id) => (id.to_bytes(), 1),
        }
    }
}

impl Ord for Item {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts().cmp(&other.parts())
    }
}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl As<Item> for Item {
    fn write(&self, key: &mut Vec<u8>) {
        let (id, tag) = self.parts();
        key.extend_from_slice(&id);
        key.push(tag);
    }
}

impl Element for Item {
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let id = MessageId::read(bytes)?.to_bytes();
        match u8::read(bytes)? {
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

impl Json for EarlyUpdate {}
impl Json for Message {}
impl Json for Touchpoint {}
impl Json for External {}
impl Json for EventBody {}
