//! Rows about channels.

use serde::{Deserialize, Serialize};

use crate::event::Problem;
use crate::fact::{ChannelRules, Source};
use crate::ids::{ChannelId, Millis, Seq};
use crate::limits;
use crate::tables::{Bytes, Json, Present, Rest, Table};

/// Channels.
pub const CHANNELS: Table<(ChannelId,), Channel> = Table::new(14, "channels");
/// The state that connectors keep, by channel and key.
pub const STATE: Table<(ChannelId, Rest), Bytes> = Table::new(15, "state of channels");
/// Whether ids are given by place; see [`Fact::IdsByPlace`](crate::fact::Fact::IdsByPlace).
pub const NUMBERING: Table<(), Present> = Table::new(41, "numbering");
/// Where the polling of a channel goes on.
pub const CURSORS: Table<(ChannelId,), Bytes> = Table::new(27, "cursors of polling");

/// A channel that is or was switched on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Its name.
    pub id: ChannelId,
    /// The code.
    pub source: Source,
    /// What it can do.
    pub rules: ChannelRules,
    /// The scope whose people it speaks about; the connector's own id where none was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The fact that gave it another scope, if one did. What its connector kept and named before is another connector's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope_since: Option<Seq>,
    /// Why sending has stopped, if it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<Problem>,
    /// Whether the operator has stopped it, in and out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// Until when nothing is sent because the provider asked for that, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_until: Option<Millis>,
}

impl Channel {
    /// The scope whose people the channel speaks about.
    #[must_use]
    pub fn scope(&self) -> &str {
        self.scope.as_deref().unwrap_or(&self.source.connector)
    }

    /// Whether what a fact made comes from who serves the channel now, so that its ids mean something there.
    #[must_use]
    pub fn knows(&self, made_by: Seq) -> bool {
        self.scope_since.is_none_or(|since| made_by >= since)
    }

    /// Whether nothing is sent on it for now.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        self.paused || self.parked.is_some()
    }
}

/// Until when a pause lasts where another one was asked for before: the longest counts, unless it lasts longer than any pause does. That one
/// is from a clock that was ahead, and would hide all others.
#[must_use]
pub fn longer_pause(before: Option<Millis>, asked: Millis) -> Millis {
    before
        .filter(|before| before.0 <= asked.0.saturating_add(limits::PAUSE_MS))
        .map_or(asked, |before| before.max(asked))
}

impl Json for Channel {}
