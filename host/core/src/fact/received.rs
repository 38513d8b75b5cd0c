//! What came in.

use serde::{Deserialize, Serialize};

use crate::event::Problem;
use crate::ids::Millis;

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
    /// Whether they are replaced in the body too.
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

/// A change that a connector made to its channel's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateChange {
    /// The key.
    pub key: String,
    /// The new value; none deletes.
    #[serde(with = "crate::base64::option")]
    pub value: Option<Vec<u8>>,
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
