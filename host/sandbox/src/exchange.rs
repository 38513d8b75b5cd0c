//! What goes into a connector and what comes out, besides events.

use std::time::Duration;

use jackfield_core::event::{Event, Hint, Identifier, Part, Property};
use jackfield_core::fact::{RawRequest, Unreadable};
use jackfield_core::ids::Millis;

/// A webhook request, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Upper case.
    pub method: String,
    /// The exact public URL, query included, as the provider saw it.
    pub url: String,
    /// Names in lower case, values as bytes, in their order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Untouched.
    pub body: Vec<u8>,
    /// When it came.
    pub received_at: Millis,
}

impl From<RawRequest> for Request {
    /// A request that was kept, for another try.
    fn from(raw: RawRequest) -> Self {
        Self {
            method: raw.method,
            url: raw.url,
            headers: raw.headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect(),
            body: raw.body,
            received_at: raw.received_at,
        }
    }
}

/// The answer to a webhook request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// 2xx, 4xx or 5xx.
    pub status: u16,
    /// At most 32: `content-type` of plain text, JSON or XML, `retry-after`, and those that the manifest names.
    pub headers: Vec<(String, Vec<u8>)>,
    /// At most 64 KiB.
    pub body: Vec<u8>,
}

/// What a webhook request came to. The reply is sent once the rest is on stable storage.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// The answer.
    pub reply: Reply,
    /// Checked against the bounds and the manifest's trust, not yet canonical. A namespace that the connector left out is empty.
    pub events: Vec<Event>,
    /// What could not be understood, by the connector or by the host.
    pub unreadable: Vec<Unreadable>,
}

/// What polling brought.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Checked like those of a webhook.
    pub events: Vec<Event>,
    /// What could not be understood, by the connector or by the host.
    pub unreadable: Vec<Unreadable>,
    /// Where to go on, at most 64 KiB; to be committed with the events. None leaves the cursor as it was.
    pub cursor: Option<Vec<u8>>,
    /// More is there already.
    pub more: bool,
    /// How long the channel wants to be left alone, at most an hour.
    pub wait: Option<Duration>,
}

/// One thing to do on a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Whom it is for. A namespace that is empty, or the channel's own name, is left out.
    pub to: Identifier,
    /// The channel's thread, when there is one already.
    pub thread: Option<String>,
    /// What to do.
    pub action: Action,
}

/// What to do on a channel.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Send a message.
    Message {
        /// Its content.
        parts: Vec<Part>,
        /// The channel's id of the message it answers.
        reply_to: Option<String>,
    },
    /// Send a message that the provider approved beforehand.
    Template {
        /// The provider's name of it.
        name: String,
        /// BCP 47, or the provider's spelling.
        language: String,
        /// Values for its places.
        parameters: Vec<String>,
        /// Whatever else the channel's templates need.
        extra: Vec<Property>,
    },
    /// Give a sent message new content.
    Edit {
        /// The channel's id.
        message_id: String,
        /// The whole new content.
        parts: Vec<Part>,
        /// The channel's id of the message it answers.
        reply_to: Option<String>,
    },
    /// Take a sent message back, by the channel's id.
    Delete(String),
    /// React to a message.
    Reaction {
        /// The channel's id.
        message_id: String,
        /// None takes the reaction back.
        emoji: Option<String>,
    },
    /// Tell the customer that a message, by the channel's id, was read.
    MarkRead(String),
    /// Show that somebody is typing.
    Typing,
    /// Call the person.
    Call,
    /// Something else.
    Other(Property),
}

impl Action {
    /// The message of these parts; a single template becomes a template action.
    #[must_use]
    pub fn message(mut parts: Vec<Part>, reply_to: Option<String>) -> Self {
        match parts.pop() {
            Some(Part::Template { name, language, parameters }) if parts.is_empty() => {
                Self::Template { name, language, parameters, extra: Vec::new() }
            }
            last => {
                parts.extend(last);
                Self::Message { parts, reply_to }
            }
        }
    }
}

/// A send that the channel took.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// The channel's ids of what was sent, first the one that later news will be about.
    pub message_ids: Vec<String>,
    /// What the answer taught besides.
    pub events: Vec<Event>,
}

/// A channel that is usable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Which account this is, on one line.
    pub summary: String,
}

/// Something that connecting a channel takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What.
    pub title: String,
    /// What a person still has to do by hand; none if it is done.
    pub todo: Option<String>,
}

/// What a channel knows about a person.
pub type Hints = Vec<Hint>;
