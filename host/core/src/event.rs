//! What connectors emit, in the domain's own words. The shapes follow `wit/types.wit`; what a connector may leave open is settled
//! before an event becomes part of a fact (see [`crate::canonical`]), so `apply` never has to guess.

use serde::{Deserialize, Serialize};

use crate::ids::Millis;

/// One address of a person. In a fact it is canonical: kind lower case, phone numbers in E.164, e-mail addresses folded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identifier {
    /// `phone`, `email`, `whatsapp`, …
    pub kind: String,
    /// Who issued the value; empty where the value means the same everywhere. On its way in from a connector, empty for any kind
    /// but `phone` and `email` means the channel.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The canonical value.
    pub value: String,
    /// The value as it came, where that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
    /// The scope of another connector that it is about. Set by the host, and only where the operator granted that scope; none is the
    /// channel's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// How far a statement about a person can be relied on, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// Guessed by a program.
    Inferred,
    /// The person or somebody else said so.
    Claimed,
    /// From another system that is taken as correct.
    Imported,
    /// An agent said so.
    Agent,
    /// Proven by a code or link that was sent to the address.
    Confirmed,
    /// The provider vouches for it.
    Attested,
}

impl Trust {
    /// Whether two equal values of this trust link identities by themselves.
    #[must_use]
    pub fn is_proof(self) -> bool {
        self >= Self::Confirmed
    }
}

/// A named value; `value` is a JSON text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Property {
    /// Whose name it is depends on where it stands.
    pub name: String,
    /// JSON.
    pub value: String,
}

/// What a hint is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A further address of the same person.
    Identifier(Identifier),
    /// A display name.
    Name(String),
    /// A handle; never an address.
    Username(String),
    /// Where a picture can be fetched.
    Avatar(String),
    /// BCP 47.
    Language(String),
    /// Any other profile field.
    Other(Property),
}

/// Something a channel can tell about a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// What it says.
    pub about: Subject,
    /// How far to believe it. Never above what the connector's manifest declares for the kind.
    pub trust: Trust,
    /// Why, in words for an agent.
    pub evidence: String,
}

/// The person on the other side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// The address on the channel.
    pub identity: Identifier,
    /// How far the address itself can be believed: `attested` for a verified webhook, `claimed` on a public one.
    pub trust: Trust,
    /// What else is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<Hint>,
}

/// Who wrote a message that came in through a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// The person.
    Customer,
    /// The account itself, from outside Jackfield (an echo).
    Account,
    /// The channel.
    System,
}

/// The channel's own thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Thread {
    /// Unique within the channel.
    pub id: String,
    /// `direct`, `group`, `comments`, `mail`, `call` or the channel's own word.
    pub kind: String,
}

impl Thread {
    /// The kinds of threads in which nobody listens but the person.
    pub const DIRECT: [&str; 2] = ["direct", "mail"];

    /// Whether nobody listens but the person. Kinds that are not known may be public.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        Self::DIRECT.contains(&self.kind.as_str())
    }
}

/// An attachment, by reference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// The channel's id for the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Where it can be fetched without a credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    /// File name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// Bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// What was written under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
}

/// One part of a message's content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    /// Plain text, in the channel's own mark-up.
    Text {
        /// The text.
        text: String,
    },
    /// A picture.
    Image(Media),
    /// A sound or voice message.
    Audio(Media),
    /// A video.
    Video(Media),
    /// Any other file.
    File(Media),
    /// A sticker.
    Sticker(Media),
    /// A place.
    Location {
        /// Degrees.
        latitude: f64,
        /// Degrees.
        longitude: f64,
        /// What the place is called.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Its postal address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<String>,
    },
    /// A contact card that was shared.
    Contact {
        /// The name on it.
        name: String,
        /// The addresses on it.
        identifiers: Vec<Identifier>,
    },
    /// A pressed button or a chosen row.
    Interaction {
        /// What it said.
        title: String,
        /// What it carries for a program.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payload: Option<String>,
    },
    /// A message that the provider approved beforehand; outbound only.
    Template {
        /// The provider's name of it.
        name: String,
        /// BCP 47, or the provider's spelling.
        language: String,
        /// Values for its places.
        #[serde(default)]
        parameters: Vec<String>,
    },
    /// Anything else.
    Other {
        /// The channel's word for the kind.
        name: String,
        /// JSON.
        value: String,
    },
}

impl Part {
    /// The text a person wrote in it, if any: a text, a caption, a button's title.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text { text } => Some(text),
            Self::Image(m) | Self::Audio(m) | Self::Video(m) | Self::File(m) | Self::Sticker(m) => m.caption.as_deref(),
            Self::Interaction { title, .. } => Some(title),
            Self::Location { .. } | Self::Contact { .. } | Self::Template { .. } | Self::Other { .. } => None,
        }
    }

    /// The attachment that it is, if it is one.
    #[must_use]
    pub fn media(&self) -> Option<&Media> {
        match self {
            Self::Image(m) | Self::Audio(m) | Self::Video(m) | Self::File(m) | Self::Sticker(m) => Some(m),
            _ => None,
        }
    }

    /// The same, to be changed.
    #[must_use]
    pub fn media_mut(&mut self) -> Option<&mut Media> {
        match self {
            Self::Image(m) | Self::Audio(m) | Self::Video(m) | Self::File(m) | Self::Sticker(m) => Some(m),
            _ => None,
        }
    }

    /// The name of its type, as in JSON and in manifests.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::Text { .. } => "text",
            Self::Image(_) => "image",
            Self::Audio(_) => "audio",
            Self::Video(_) => "video",
            Self::File(_) => "file",
            Self::Sticker(_) => "sticker",
            Self::Location { .. } => "location",
            Self::Contact { .. } => "contact",
            Self::Interaction { .. } => "interaction",
            Self::Template { .. } => "template",
            Self::Other { name, .. } => name,
        }
    }
}

impl Media {
    /// By what the channel tells it from other files: its id, or else its URL.
    #[must_use]
    pub fn reference(&self) -> Option<&str> {
        self.id.as_deref().or(self.url.as_deref())
    }

    /// The sum of its content if it is a file that the host itself keeps: one that a client brought, which no provider knows.
    #[must_use]
    pub fn own(&self) -> Option<&str> {
        self.sha256.as_deref().filter(|_| self.reference().is_none())
    }
}

/// A sentence that a person can act on, and the provider's code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ChannelProblem))]
pub struct Problem {
    /// The sentence. Never a secret.
    pub message: String,
    /// The provider's own code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// A message that came in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InboundMessage {
    /// The channel's id; empty if it gives none.
    pub id: String,
    /// Where.
    pub thread: Thread,
    /// Who wrote it.
    pub author: Author,
    /// The person on the other side, whoever wrote it.
    pub sender: Sender,
    /// By the channel's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Millis>,
    /// At least one.
    pub parts: Vec<Part>,
    /// The channel's id of the message it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// Where it stands at least, where what it answered was erased. No channel says this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered_at: Option<Millis>,
    /// What else the channel said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Property>,
    /// What of it was over a bound and is not here, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cut: Vec<String>,
}

/// How far an outbound message got, by the channel's news.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryUpdate {
    /// The channel has it.
    Sent,
    /// The person's device has it.
    Delivered,
    /// The person saw it.
    Read,
    /// It will not arrive.
    Failed(Problem),
    /// News without a place in the order; recorded, moves nothing.
    Other(String),
}

/// Which messages some news is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryScope {
    /// The one with this id of the channel.
    Message(String),
    /// Everything sent to this thread up to a time.
    ThreadUntil(String, Millis),
}

/// The body of an [`Event`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventBody {
    /// A message.
    Message(InboundMessage),
    /// A message has new content.
    Edit {
        /// The channel's id of the message.
        message_id: String,
        /// When.
        at: Option<Millis>,
        /// The whole new content.
        parts: Vec<Part>,
    },
    /// A message was taken back.
    Deletion {
        /// The channel's id of the message.
        message_id: String,
        /// When.
        at: Option<Millis>,
    },
    /// A reaction was put on a message or taken back.
    Reaction {
        /// The channel's id of the message.
        message_id: String,
        /// Who reacted.
        sender: Sender,
        /// None takes it back.
        emoji: Option<String>,
        /// When.
        at: Option<Millis>,
    },
    /// News of an outbound message.
    Delivery {
        /// Which.
        about: DeliveryScope,
        /// What.
        state: DeliveryUpdate,
        /// When.
        at: Option<Millis>,
    },
    /// The same person goes on under another address.
    IdentityChange {
        /// The address that is left; it may come to belong to somebody else.
        old: Identifier,
        /// The address from now on.
        new: Identifier,
        /// When.
        at: Option<Millis>,
        /// In words for an agent.
        reason: String,
    },
    /// Something a person did that is not a message.
    Touchpoint {
        /// Who.
        sender: Sender,
        /// `order`, `view`, `scan`, …
        kind: String,
        /// When.
        at: Option<Millis>,
        /// One line for an agent.
        summary: String,
        /// More.
        extra: Vec<Property>,
    },
    /// A call, at one moment of its life.
    Call {
        /// The channel's id of the call.
        call_id: String,
        /// The person.
        sender: Sender,
        /// `inbound` or `outbound`.
        direction: String,
        /// `ringing`, `answered`, `completed`, `missed`, `busy`, `failed`, …
        state: String,
        /// When.
        at: Option<Millis>,
        /// How long it took.
        duration_seconds: Option<u32>,
        /// More.
        extra: Vec<Property>,
    },
    /// What is left of an event that was erased. It keeps the event's place, and makes the identities that it made, without an address.
    Erased {
        /// Whom the event was about, in the order in which they were looked at.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        people: Vec<Sender>,
    },
    /// Genuine, of a kind without a form of its own. Kept and shown.
    Other(Property),
}

/// One thing that happened on a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The channel's id of the event; empty if it has none of its own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// What happened.
    pub body: EventBody,
}
