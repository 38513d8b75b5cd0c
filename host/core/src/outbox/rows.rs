//! Rows about what goes out.

use serde::{Deserialize, Serialize};

use crate::event::Problem;
use crate::fact::MessageAction;
use crate::ids::{ChannelId, IdentityId, MessageId, Millis};
use crate::tables::{Json, Present, Table, Text};

/// What waits to be sent on a channel.
pub const OUTBOX: Table<(ChannelId, MessageId), Outgoing> = Table::new(10, "outbox");
/// The same by thread: the first of a thread is its head, which alone may be sent.
pub const QUEUES: Table<(ChannelId, Text, MessageId), Present> = Table::new(33, "queues of threads");
/// The head of a thread that is due, and when.
pub const HEADS: Table<(ChannelId, Text), Head> = Table::new(34, "heads of threads");
/// Heads by the time at which they are due.
pub const DUE: Table<(ChannelId, Millis, MessageId), Present> = Table::new(35, "due sends");

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
    /// When the last of them did, by the host's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Millis>,
    /// What last went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
    /// For programs: why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Everything that happened to it.
    pub history: Vec<DeliveryStep>,
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

/// A message in the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// Which.
    pub message: MessageId,
    /// To whom it goes; none in rows of edition 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityId>,
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
    /// What a mark of the whole thread said while the attempt ran, which counts once the channel has the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
}

/// How far a channel said that everything in a thread got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// How far: `delivered` or `read`.
    pub state: DeliveryState,
    /// When.
    pub at: Millis,
}

/// The message of a thread that is next, and not before when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The message.
    pub message: MessageId,
    /// Not before this time.
    pub at: Millis,
}

impl Json for Outgoing {}
impl Json for Head {}
