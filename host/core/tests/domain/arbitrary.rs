//! Facts at random, by a seed: what connectors, clients and operators may cause, likely or not. Names, ids and values come from small sets, so that facts
//! meet each other, and now and then from far outside of them.

#![allow(clippy::expect_used, reason = "constants that are right")]

use jackfield_core::event::{
    Author, DeliveryScope, DeliveryUpdate, Event, EventBody, Hint, Identifier, InboundMessage, Media, Part, Problem,
    Property, Sender, Subject, Thread, Trust,
};
use jackfield_core::fact::{
    Actor, Attachment, ChannelRules, ClaimPolicy, Entry, Fact, Idempotency, MessageAction, RawRequest, Role,
    SendResult, Source, StateChange, TextLimit, TextUnit, Timer, Unreadable, Via,
};
use jackfield_core::generation::{GrantChanges, Signature, Stage};
use jackfield_core::ids::{ChannelId, CustomerId, IdentityId, KeyId, MessageId, Millis, ParkedId, Seq, SuggestionId};

/// Facts at random.
pub struct Arbitrary {
    state: u64,
    seq: u64,
    now: u64,
    /// How many events the facts had.
    pub events: u64,
}

impl Arbitrary {
    pub fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, seq: 0, now: 1_790_000_000_000, events: 0 }
    }

    fn next(&mut self) -> u64 {
        // xorshift64*: the same numbers on every machine.
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 16) % n.max(1)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap_or(0)].clone()
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.one_in(2).then(|| make(self))
    }

    fn many<T>(&mut self, most: u64, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| make(self)).collect()
    }

    fn word(&mut self) -> String {
        match self.below(40) {
            0 => String::new(),
            1 => "\u{0}\u{1}\u{202e}".into(),
            2 => "x".repeat(usize::try_from(self.below(3_000)).unwrap_or(0)),
            3 => "null".into(),
            n => format!("w{}", n % 12),
        }
    }

    fn time(&mut self) -> Option<Millis> {
        match self.below(6) {
            0 => None,
            1 => Some(Millis(0)),
            2 => Some(Millis(u64::MAX)),
            _ => Some(Millis(self.now - self.below(100_000))),
        }
    }

    /// A number of a recent fact, most likely.
    fn seq(&mut self) -> Seq {
        let back = if self.one_in(10) { 1_000_000 } else { 40 };
        Seq(self.seq.saturating_sub(self.below(back)).max(1))
    }

    fn index(&mut self) -> u16 {
        self.pick(&[0, 0, 0, 1, 1, 2, 3, 2_048, 2_049, u16::MAX])
    }

    fn message_id(&mut self) -> MessageId {
        MessageId::new(self.seq(), self.index())
    }

    fn identity_id(&mut self) -> IdentityId {
        IdentityId::new(self.seq(), self.index())
    }

    fn customer_id(&mut self) -> CustomerId {
        self.identity_id().into()
    }

    fn channel(&mut self) -> ChannelId {
        self.pick(&["wa", "ig", "tg", "form", "none"]).parse().expect("a name of a channel")
    }

    fn problem(&mut self) -> Problem {
        Problem { message: self.word(), code: self.maybe(Self::word) }
    }

    fn property(&mut self) -> Property {
        Property { name: self.word(), value: self.word() }
    }

    fn trust(&mut self) -> Trust {
        self.pick(&[Trust::Attested, Trust::Attested, Trust::Claimed, Trust::Confirmed, Trust::Inferred])
    }

    fn identifier(&mut self) -> Identifier {
        let kind: String = self.pick(&["phone", "email", "whatsapp", "instagram", "external", "x"]).into();
        let value = match (kind.as_str(), self.below(8)) {
            ("phone", n) => format!("+628123456780{n}"),
            (_, 6) => format!("erased:{}", self.identity_id()),
            ("email", n) => format!("{}@example.com", ["ana", "info", "budi"][usize::try_from(n % 3).unwrap_or(0)]),
            (_, 7) => self.word(),
            (_, n) => format!("{n}"),
        };
        let scope = self.one_in(30).then(|| "whatsapp".into());
        Identifier { kind, namespace: self.pick(&["", "a", "b"]).into(), value, raw: self.maybe(Self::word), scope }
    }

    fn hint(&mut self) -> Hint {
        let about = match self.below(8) {
            0 => Subject::Name(self.word()),
            1 => Subject::Username(self.word()),
            2 => Subject::Other(self.property()),
            3 => Subject::Language(self.word()),
            _ => Subject::Identifier(self.identifier()),
        };
        Hint { about, trust: self.trust(), evidence: self.word() }
    }

    fn sender(&mut self) -> Sender {
        let most = if self.one_in(50) { 40 } else { 3 };
        Sender { identity: self.identifier(), trust: self.trust(), hints: self.many(most, Self::hint) }
    }

    fn external(&mut self) -> String {
        match self.below(12) {
            0 => String::new(),
            1 => format!("call:{}", self.below(20)),
            _ => format!("{}", self.below(200)),
        }
    }

    fn part(&mut self) -> Part {
        match self.below(6) {
            0 => Part::Image(Media { id: self.maybe(Self::word), url: self.maybe(Self::word), ..Media::default() }),
            1 => Part::Other { name: self.word(), value: self.word() },
            2 => Part::Location { latitude: 1.25, longitude: -3.5, name: self.maybe(Self::word), address: None },
            _ => Part::Text { text: self.word() },
        }
    }

    fn parts(&mut self) -> Vec<Part> {
        let most = if self.one_in(50) { 200 } else { 3 };
        self.many(most, Self::part)
    }

    fn message(&mut self) -> EventBody {
        let kind: String = self.pick(&["direct", "direct", "group", "comments", "mail", "room"]).into();
        EventBody::Message(InboundMessage {
            id: self.external(),
            thread: Thread { id: self.word(), kind },
            author: self.pick(&[Author::Customer, Author::Customer, Author::Account, Author::System]),
            sender: self.sender(),
            sent_at: self.time(),
            parts: self.parts(),
            reply_to: self.maybe(Self::external),
            ordered_at: None,
            extra: self.many(3, Self::property),
            cut: vec![],
        })
    }

    fn update(&mut self) -> DeliveryUpdate {
        match self.below(5) {
            0 => DeliveryUpdate::Sent,
            1 => DeliveryUpdate::Delivered,
            2 => DeliveryUpdate::Read,
            3 => DeliveryUpdate::Failed(self.problem()),
            _ => DeliveryUpdate::Other(self.word()),
        }
    }

    fn event(&mut self) -> Event {
        self.events += 1;
        let body = match self.below(17) {
            0 => EventBody::Edit { message_id: self.external(), at: self.time(), parts: self.parts() },
            1 => EventBody::Deletion { message_id: self.external(), at: self.time() },
            2 => EventBody::Reaction {
                message_id: self.external(),
                sender: self.sender(),
                emoji: self.maybe(Self::word),
                at: self.time(),
            },
            3 | 4 => {
                let about = DeliveryScope::Message(self.external());
                EventBody::Delivery { about, state: self.update(), at: self.time() }
            }
            5 => {
                let until = self.time().unwrap_or_default();
                let about = DeliveryScope::ThreadUntil(self.word(), until);
                EventBody::Delivery { about, state: self.update(), at: self.time() }
            }
            6 => EventBody::IdentityChange {
                old: self.identifier(),
                new: self.identifier(),
                at: self.time(),
                reason: self.word(),
            },
            7 => EventBody::Touchpoint {
                sender: self.sender(),
                kind: self.word(),
                at: self.time(),
                summary: self.word(),
                extra: self.many(3, Self::property),
            },
            8 => EventBody::Call {
                call_id: self.external(),
                sender: self.sender(),
                direction: self.word(),
                state: self.word(),
                at: self.time(),
                duration_seconds: self.maybe(|s| u32::try_from(s.below(100)).unwrap_or(0)),
                extra: self.many(3, Self::property),
            },
            9 => EventBody::Other(self.property()),
            10 => EventBody::Erased { people: self.many(2, Self::sender) },
            _ => self.message(),
        };
        let id = if self.one_in(3) { self.external() } else { String::new() };
        Event { id, body }
    }

    fn several(&mut self) -> Vec<Event> {
        let most = if self.one_in(2_000) { 2_500 } else { 4 };
        self.many(most, Self::event)
    }

    fn changes(&mut self) -> Vec<StateChange> {
        self.many(2, |s| StateChange { key: s.word(), value: s.maybe(|s| s.word().into_bytes()) })
    }

    fn unreadable(&mut self) -> Vec<Unreadable> {
        if self.one_in(10) {
            return self.many(3, |s| Unreadable { raw: s.word().into_bytes(), reason: s.word() });
        }
        Vec::new()
    }

    fn source(&mut self) -> Source {
        let connector = self.pick(&["whatsapp", "instagram", "evil"]).into();
        Source { connector, version: "1".into(), digest: self.pick(&["aa", "bb"]).into() }
    }

    fn rules(&mut self) -> ChannelRules {
        let content = ["text", "image", "reaction", "edit", "delete", "mark-read", "template"];
        ChannelRules {
            reply_window_ms: self.maybe(|s| s.below(1_000_000)),
            sends: !self.one_in(10),
            idempotent: self.one_in(2),
            templates: self.one_in(2),
            text_limit: self.maybe(|_| TextLimit { max: 100, unit: TextUnit::Bytes }),
            content: content.map(String::from).to_vec(),
        }
    }

    fn idempotency(&mut self) -> Option<Idempotency> {
        self.one_in(4).then(|| Idempotency { key: self.word(), request: self.pick(&["r1", "r2"]).into() })
    }

    fn result(&mut self) -> SendResult {
        match self.below(6) {
            0 => SendResult::Retry { at: self.time().unwrap_or_default(), problem: self.problem() },
            1 => SendResult::Failed { class: self.word(), problem: self.problem() },
            2 => SendResult::Uncertain { problem: self.problem() },
            3 => SendResult::Credentials { problem: self.problem() },
            _ => SendResult::Sent { external_ids: self.many(3, Self::external) },
        }
    }

    fn fact(&mut self) -> Fact {
        match self.below(60) {
            0..=29 => Fact::Received {
                channel: self.channel(),
                source: self.source(),
                events: self.several(),
                state: self.changes(),
                unreadable: self.unreadable(),
            },
            30 => Fact::Polled {
                channel: self.channel(),
                source: self.source(),
                events: self.several(),
                state: self.changes(),
                unreadable: self.unreadable(),
                cursor: self.maybe(|s| s.word().into_bytes()),
            },
            31..=36 => Fact::MessageRequested {
                customer: self.customer_id(),
                parts: self.many(2, |s| Part::Text { text: s.word() }),
                via: match self.below(4) {
                    0 => Some(Via::Channel(self.channel())),
                    1 => Some(Via::Identity(self.identity_id())),
                    _ => None,
                },
                reply_to: self.one_in(4).then(|| self.message_id()),
                thread: self.one_in(10).then(|| self.word()),
                idempotency: self.idempotency(),
            },
            37..=39 => Fact::SendStarted { message: self.message_id(), attempt: 1 },
            40..=43 => Fact::SendEnded {
                message: self.message_id(),
                attempt: 1,
                result: self.result(),
                events: self.many(2, Self::event),
                source: self.maybe(Self::source),
                state: self.changes(),
            },
            44 => Fact::RetryRequested { message: self.message_id() },
            45 => Fact::ActionRequested {
                message: self.message_id(),
                action: match self.below(4) {
                    0 => MessageAction::React { emoji: self.maybe(Self::word) },
                    1 => MessageAction::MarkRead,
                    2 => MessageAction::Edit { parts: self.parts() },
                    _ => MessageAction::Delete,
                },
                idempotency: self.idempotency(),
            },
            46 => Fact::MergeRequested {
                a: self.customer_id(),
                b: self.customer_id(),
                reason: self.word(),
                idempotency: self.idempotency(),
            },
            47 => Fact::UnlinkRequested {
                customer: self.customer_id(),
                identity: self.identity_id(),
                reason: self.word(),
                idempotency: self.idempotency(),
            },
            48 => Fact::SuggestionDecided {
                suggestion: SuggestionId::new(self.seq(), self.index()),
                claimant: self.maybe(Self::identity_id),
                target: self.maybe(Self::identity_id),
                accept: self.one_in(2),
                reason: self.word(),
                idempotency: self.idempotency(),
            },
            49 => Fact::HintsLearnt {
                channel: self.channel(),
                identity: self.identifier(),
                id: self.maybe(Self::identity_id),
                hints: self.many(4, Self::hint),
                source: self.maybe(Self::source),
                state: self.changes(),
            },
            50 => Fact::AttachmentStored {
                channel: self.channel(),
                message: self.message_id(),
                part: self.index(),
                reference: self.maybe(Self::word),
                attachment: Attachment { sha256: "aa".into(), size: 1, mime: None, filename: None },
                source: self.maybe(Self::source),
                state: self.changes(),
            },
            51 => Fact::AttachmentMissed {
                channel: self.channel(),
                message: self.message_id(),
                part: self.index(),
                reference: self.maybe(Self::word),
                again: self.time(),
                problem: self.problem(),
            },
            52 => Fact::DeliveryParked {
                channel: self.channel(),
                source: self.source(),
                request: RawRequest {
                    method: "POST".into(),
                    url: self.word(),
                    headers: vec![(self.word(), self.word())],
                    body: self.word().into_bytes(),
                    received_at: Millis(self.now),
                    concealed: false,
                    concealed_body: false,
                },
                problem: self.problem(),
                verified: self.one_in(2),
            },
            53 => {
                let parked = ParkedId::new(self.seq(), self.index());
                match self.one_in(2) {
                    true => Fact::ParkedDiscarded { parked },
                    false => Fact::ParkedReplayed {
                        parked,
                        source: self.source(),
                        events: self.several(),
                        state: self.changes(),
                        unreadable: self.unreadable(),
                    },
                }
            }
            _ => self.operation(),
        }
    }

    /// What operators and the host do.
    fn operation(&mut self) -> Fact {
        let (channel, connector) = (self.channel(), self.word());
        match self.below(19) {
            18 => {
                let (until, source) = (self.time().unwrap_or_default(), self.maybe(Self::source));
                Fact::ChannelHeld { channel, source, until }
            }
            17 => Fact::SendErased {
                channel,
                people: self.many(4, Self::sender),
                events: self.several(),
                source: self.maybe(Self::source),
                state: self.changes(),
                problem: self.maybe(Self::problem),
            },
            16 => Fact::Redacted { idempotency: self.idempotency() },
            14 => Fact::CustomerErased { customer: self.customer_id(), identities: self.many(4, Self::identity_id) },
            15 => Fact::ErasureEnded { erasure: self.seq() },
            0 => Fact::ChannelParked { channel, source: self.maybe(Self::source), problem: self.problem() },
            1 => Fact::ChannelResumed { channel },
            2 => Fact::ChannelPaused { channel },
            3 => Fact::OriginsGranted { channel, http: vec![self.word()], private: vec![self.word()] },
            4 => Fact::OriginsRevoked { channel, origins: vec![self.word()] },
            5 => Fact::PublicWebhookSet { channel, allowed: self.maybe(|s| s.one_in(2)) },
            6 => Fact::GrantsChanged { channel, changes: GrantChanges::default() },
            7 => {
                let (source, signature) = (self.source(), Signature::Unsigned);
                Fact::GenerationStaged { connector, source, signature, origin: self.word() }
            }
            8 => {
                let stages = [Stage::Active, Stage::RolledBack, Stage::Refused, Stage::Retired, Stage::Probing];
                let generation = u32::try_from(self.below(5)).unwrap_or(0);
                let to = self.pick(&stages);
                Fact::GenerationMoved {
                    connector,
                    generation,
                    to,
                    problem: None,
                    missing: vec![],
                    approved: None,
                    differences: vec![],
                }
            }
            9 => Fact::ConnectorRemoved { connector },
            10 => {
                let all = [ClaimPolicy::Off, ClaimPolicy::Suggest, ClaimPolicy::OneWay, ClaimPolicy::Auto];
                Fact::ClaimsSet { policy: self.pick(&all) }
            }
            11 => match self.one_in(2) {
                true => Fact::KeyCreated { name: self.word(), role: Role::Agent, hash: self.word() },
                false => Fact::KeyRevoked { key: KeyId::new(self.seq(), 0) },
            },
            12 => Fact::TimerFired { timer: Timer::Retention, due: self.time().unwrap_or_default() },
            _ => Fact::SharedCleared { identity: self.identity_id(), reason: self.word() },
        }
    }

    /// The next entry of a journal. Time goes on by itself, now and then by more than a year.
    pub fn entry(&mut self) -> Entry {
        self.seq += 1;
        self.now += if self.one_in(5_000) { 400 * 24 * 3_600_000 } else { self.below(2_000) };
        let actor = match self.below(4) {
            0 => Actor::Host,
            1 => Actor::Key(KeyId::new(Seq(1), 0)),
            2 => Actor::Operator,
            _ => Actor::Channel(self.channel()),
        };
        let by_place = match self.seq {
            // Half of all journals begin with ids of the old numbering.
            5 => self.one_in(2),
            _ => self.one_in(3_000),
        };
        let fact = match self.seq {
            1..=4 => {
                let channel = ["wa", "ig", "tg", "form"][usize::try_from(self.seq - 1).unwrap_or(0)];
                let channel = channel.parse().expect("a name of a channel");
                let scope = self.maybe(|s| s.pick(&["whatsapp", "instagram"]).into());
                Fact::ChannelSet { channel, source: self.source(), rules: self.rules(), scope }
            }
            _ if by_place => Fact::IdsByPlace,
            _ => self.fact(),
        };
        Entry { seq: Seq(self.seq), at: Millis(self.now), actor, fact }
    }
}
