//! Short ways to make the words of the contract.

use crate::{
    Author, Event, EventBody, Hint, Identifier, Media, Message, Part, Property, Sender, Subject, Thread, ThreadKind,
    Trust,
};

impl Identifier {
    /// An address that is scoped to whoever issued it.
    pub fn scoped(kind: &str, namespace: impl Into<String>, value: impl Into<String>) -> Self {
        Self { kind: kind.into(), namespace: Some(namespace.into()), value: value.into() }
    }

    /// An address that means the same everywhere.
    pub fn global(kind: &str, value: impl Into<String>) -> Self {
        Self { kind: kind.into(), namespace: None, value: value.into() }
    }

    /// A phone number from its digits; what is no digit is left out.
    #[must_use]
    pub fn phone(number: &str) -> Self {
        let digits = number.chars().filter(char::is_ascii_digit);
        Self::global("phone", std::iter::once('+').chain(digits).collect::<String>())
    }
}

impl Hint {
    /// A hint of any kind.
    pub fn new(about: Subject, trust: Trust, evidence: &str) -> Self {
        Self { about, trust, evidence: evidence.into() }
    }

    /// Something that the provider vouches for.
    pub fn attested(about: Subject, evidence: &str) -> Self {
        Self::new(about, Trust::Attested, evidence)
    }

    /// Something that somebody said.
    pub fn claimed(about: Subject, evidence: &str) -> Self {
        Self::new(about, Trust::Claimed, evidence)
    }
}

impl Sender {
    /// A person of whom only the address is known.
    #[must_use]
    pub fn new(identity: Identifier) -> Self {
        Self { identity, hints: Vec::new() }
    }
}

impl Author {
    /// The person on the other side, whoever wrote.
    #[must_use]
    pub fn sender(&self) -> &Sender {
        match self {
            Self::Customer(sender) | Self::Account(sender) | Self::System(sender) | Self::Other((_, sender)) => sender,
        }
    }
}

impl Thread {
    /// One person and the account.
    pub fn direct(id: impl Into<String>) -> Self {
        Self { id: id.into(), kind: ThreadKind::Direct }
    }

    /// A group.
    pub fn group(id: impl Into<String>) -> Self {
        Self { id: id.into(), kind: ThreadKind::Group }
    }
}

impl Property {
    /// A value that is a JSON text already.
    pub fn raw(name: &str, json: impl Into<String>) -> Self {
        Self { name: name.into(), value: json.into() }
    }

    /// A value as JSON.
    #[must_use]
    pub fn json(name: &str, value: &serde_json::Value) -> Self {
        Self::raw(name, value.to_string())
    }

    /// A text as JSON.
    #[must_use]
    pub fn text(name: &str, value: &str) -> Self {
        Self::json(name, &value.into())
    }
}

/// Nothing known; set at least `id` or `url`.
impl Default for Media {
    fn default() -> Self {
        Self { id: None, url: None, mime: None, filename: None, size: None, sha256: None, caption: None }
    }
}

impl Part {
    /// Content of a kind that has no form of its own.
    #[must_use]
    pub fn other(kind: &str, value: &serde_json::Value) -> Self {
        Self::Other(Property::json(kind, value))
    }
}

impl Event {
    /// An event with the channel's id of it.
    pub fn new(id: impl Into<String>, body: EventBody) -> Self {
        Self { id: id.into(), body }
    }
}

impl From<Message> for Event {
    fn from(message: Message) -> Self {
        EventBody::Message(message).into()
    }
}
