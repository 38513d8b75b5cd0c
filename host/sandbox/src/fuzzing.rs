//! For `tests/fuzz`: what a guest hands over, made of any bytes.

use std::sync::OnceLock;

use crate::binding::ChannelBinding;
use crate::bindings::exports::receive;
use crate::bindings::inward::OutputValidator;
use crate::bindings::types::{
    Author, Call, CallDirection, CallState, Contact, Deletion, DeliveryScope, DeliveryState, DeliveryUpdate, Edit,
    Event, EventBody, Header, Hint, Identifier, IdentityChange, Interaction, Location, Media, Message, Part, Problem,
    Property, Reaction, Sender, Subject, Thread, ThreadKind, Touchpoint, Trust,
};
use crate::egress::client;
use crate::manifest::Manifest;

/// Takes in what these bytes make of a guest's answer to a webhook, verified and not.
pub fn event(bytes: &[u8]) {
    static BINDING: OnceLock<Option<ChannelBinding>> = OnceLock::new();
    let Some(binding) = BINDING.get_or_init(binding) else { return };
    for verified in [true, false] {
        let mut from = Bytes(bytes);
        let events = (0..from.below(4)).map(|_| from.event()).collect();
        let reply = receive::Reply { status: u16::from(from.byte()) * 3, headers: from.headers(), body: Vec::new() };
        let outcome = receive::Outcome { reply, events, unreadable: Vec::new() };
        let mut validator = OutputValidator::new(binding);
        validator.verified(verified);
        if let Ok(received) = validator.received(outcome) {
            // What the journal is given has to be writable.
            assert!(serde_json::to_string(&received.events).is_ok(), "events that are no JSON");
        }
    }
}

fn binding() -> Option<ChannelBinding> {
    let manifest = "id = \"x\"\nversion = \"1\"\ncontract = \"0.1.0\"\nname = \"X\"\ndescription = \"X.\"\n\
                    [[identifiers]]\nkind = \"phone\"\ntrust = \"attested\"";
    ChannelBinding::bare(&Manifest::from_toml(manifest).ok()?, &client::tls().ok()?).ok()
}

/// Bytes that are used up; then there are only zeros.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    fn below(&mut self, end: u8) -> u8 {
        self.byte() % end
    }

    fn number(&mut self) -> u64 {
        (0..8).fold(0, |n, _| n << 8 | u64::from(self.byte()))
    }

    fn text(&mut self) -> String {
        let length = match self.below(16) {
            0 => 0,
            15 => usize::from(self.byte()) * 16,
            n => usize::from(n),
        };
        let (text, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        String::from_utf8_lossy(text).into_owned()
    }

    fn kind(&mut self) -> String {
        match self.below(4) {
            0 => "phone".to_owned(),
            1 => "email".to_owned(),
            _ => self.text(),
        }
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(2) == 1).then(|| make(self))
    }

    fn some<T>(&mut self, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(4)).map(|_| make(self)).collect()
    }

    fn headers(&mut self) -> Vec<Header> {
        self.some(|from| Header { name: from.text(), value: from.text().into_bytes() })
    }

    fn property(&mut self) -> Property {
        Property { name: self.text(), value: self.text() }
    }

    fn problem(&mut self) -> Problem {
        Problem { message: self.text(), code: self.maybe(Self::text) }
    }

    fn identifier(&mut self) -> Identifier {
        Identifier { kind: self.kind(), namespace: self.maybe(Self::text), value: self.text() }
    }

    fn hint(&mut self) -> Hint {
        let about = match self.below(6) {
            0 => Subject::Identifier(self.identifier()),
            1 => Subject::Name(self.text()),
            2 => Subject::Username(self.text()),
            3 => Subject::Avatar(self.text()),
            4 => Subject::Language(self.text()),
            _ => Subject::Other(self.property()),
        };
        let trust = match self.below(4) {
            0 => Trust::Attested,
            1 => Trust::Claimed,
            2 => Trust::Inferred,
            _ => Trust::Other(self.text()),
        };
        Hint { about, trust, evidence: self.text() }
    }

    fn sender(&mut self) -> Sender {
        Sender { identity: self.identifier(), hints: self.some(Self::hint) }
    }

    fn media(&mut self) -> Media {
        Media {
            id: self.maybe(Self::text),
            url: self.maybe(Self::text),
            mime: self.maybe(Self::text),
            filename: self.maybe(Self::text),
            size: self.maybe(Self::number),
            sha256: self.maybe(Self::text),
            caption: self.maybe(Self::text),
        }
    }

    fn part(&mut self) -> Part {
        match self.below(7) {
            0 => Part::Text(self.text()),
            1 => Part::Image(self.media()),
            2 => Part::Sticker(self.media()),
            3 => Part::Location(Location {
                latitude: f64::from_bits(self.number()),
                longitude: f64::from_bits(self.number()),
                name: self.maybe(Self::text),
                address: self.maybe(Self::text),
            }),
            4 => Part::Contact(Contact { name: self.text(), identifiers: self.some(Self::identifier) }),
            5 => Part::Interaction(Interaction { title: self.text(), payload: self.maybe(Self::text) }),
            _ => Part::Other(self.property()),
        }
    }

    fn message(&mut self) -> Message {
        let kind = match self.below(3) {
            0 => ThreadKind::Direct,
            1 => ThreadKind::Group,
            _ => ThreadKind::Other(self.text()),
        };
        let author = match self.below(4) {
            0 => Author::Customer(self.sender()),
            1 => Author::Account(self.sender()),
            2 => Author::System(self.sender()),
            _ => Author::Other((self.text(), self.sender())),
        };
        Message {
            id: self.text(),
            thread: Thread { id: self.text(), kind },
            author,
            sent_at: self.maybe(Self::number),
            parts: self.some(Self::part),
            reply_to: self.maybe(Self::text),
            extra: self.some(Self::property),
        }
    }

    fn event(&mut self) -> Event {
        let body = match self.below(9) {
            0 | 1 => EventBody::Message(self.message()),
            2 => EventBody::Edit(Edit {
                message_id: self.text(),
                edited_at: self.maybe(Self::number),
                parts: self.some(Self::part),
            }),
            3 => EventBody::Deletion(Deletion { message_id: self.text(), deleted_at: self.maybe(Self::number) }),
            4 => EventBody::Reaction(Reaction {
                message_id: self.text(),
                sender: self.sender(),
                emoji: self.maybe(Self::text),
                at: self.maybe(Self::number),
            }),
            5 => EventBody::Delivery(DeliveryUpdate {
                about: match self.below(3) {
                    0 => DeliveryScope::Message(self.text()),
                    1 => DeliveryScope::ThreadUntil((self.text(), self.number())),
                    _ => DeliveryScope::Other(self.text()),
                },
                state: match self.below(3) {
                    0 => DeliveryState::Read,
                    1 => DeliveryState::Failed(self.problem()),
                    _ => DeliveryState::Other(self.text()),
                },
                at: self.maybe(Self::number),
            }),
            6 => EventBody::IdentityChange(IdentityChange {
                old: self.identifier(),
                new: self.identifier(),
                at: self.maybe(Self::number),
                reason: self.text(),
            }),
            7 => match self.below(2) {
                0 => EventBody::Touchpoint(Touchpoint {
                    sender: self.sender(),
                    kind: self.text(),
                    at: self.maybe(Self::number),
                    summary: self.text(),
                    extra: self.some(Self::property),
                }),
                _ => EventBody::Call(Call {
                    id: self.text(),
                    sender: self.sender(),
                    direction: CallDirection::Other(self.text()),
                    state: match self.below(3) {
                        0 => CallState::Ringing,
                        1 => CallState::Failed(self.problem()),
                        _ => CallState::Other(self.text()),
                    },
                    at: self.maybe(Self::number),
                    duration_seconds: None,
                    extra: self.some(Self::property),
                }),
            },
            _ => EventBody::Other(self.property()),
        };
        Event { id: self.text(), body }
    }
}
