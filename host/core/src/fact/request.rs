//! What people and programs ask for.

use serde::{Deserialize, Serialize};

use crate::event::Part;
use crate::ids::{ChannelId, IdentityId};

/// A key of the client's own for a command, so that a repeated `POST` is done once. Scoped to the actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idempotency {
    /// The value of `Idempotency-Key`, 1 to 255 bytes.
    pub key: String,
    /// A digest of the request, so that the same key for another request is refused.
    pub request: String,
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
