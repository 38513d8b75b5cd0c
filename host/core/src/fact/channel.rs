//! What is known of a channel.

use serde::{Deserialize, Serialize};

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
