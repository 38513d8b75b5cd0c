//! A desk in memory: facts go in, views come out.

use jackfield_core::apply::apply;
use jackfield_core::canonical::{self, Context};
use jackfield_core::conversation::{message, timeline};
use jackfield_core::event::{
    Author, Event, EventBody, Hint, Identifier, InboundMessage, Part, Sender, Subject, Thread, Trust,
};
use jackfield_core::fact::{Actor, ChannelRules, Entry, Fact, Outcome, Source, TextLimit, TextUnit};
use jackfield_core::identity::{customer, search};
use jackfield_core::ids::{ChannelId, CustomerId, IdentityId, MessageId, Millis, Seq};
use jackfield_core::tables::Memory;

pub const HOUR: u64 = 3_600_000;
pub const START: u64 = 1_790_000_000_000;

pub struct Desk {
    pub tables: Memory,
    pub journal: Vec<Entry>,
    pub now: u64,
    /// What the last fact cost.
    pub last_cost: jackfield_core::apply::Cost,
}

pub fn channel(name: &str) -> ChannelId {
    name.parse().unwrap()
}

pub fn source() -> Source {
    Source { connector: "test".into(), version: "1".into(), digest: "00".into() }
}

pub fn rules() -> ChannelRules {
    ChannelRules {
        reply_window_ms: Some(24 * HOUR),
        sends: true,
        idempotent: false,
        templates: true,
        text_limit: Some(TextLimit { max: 100, unit: TextUnit::Characters }),
        content: vec!["text".into(), "template".into()],
    }
}

pub fn identifier(kind: &str, value: &str) -> Identifier {
    let namespace = match kind {
        "phone" | "email" => "",
        _ => "account",
    };
    Identifier { kind: kind.into(), namespace: namespace.into(), value: value.into(), raw: None, scope: None }
}

pub fn hint(kind: &str, value: &str, trust: Trust) -> Hint {
    Hint { about: Subject::Identifier(identifier(kind, value)), trust, evidence: "test".into() }
}

pub fn named(name: &str) -> Hint {
    Hint { about: Subject::Name(name.into()), trust: Trust::Claimed, evidence: "profile name".into() }
}

pub fn sender(kind: &str, value: &str, hints: Vec<Hint>) -> Sender {
    Sender { identity: identifier(kind, value), trust: Trust::Attested, hints }
}

pub fn text(id: &str, from: Sender, text: &str) -> Event {
    let thread = Thread { id: from.identity.value.clone(), kind: "direct".into() };
    let message = InboundMessage {
        id: id.into(),
        thread,
        author: Author::Customer,
        sender: from,
        sent_at: None,
        parts: vec![Part::Text { text: text.into() }],
        reply_to: None,
        ordered_at: None,
        extra: Vec::new(),
        cut: Vec::new(),
    };
    Event { id: String::new(), body: EventBody::Message(message) }
}

/// The same message with these parts.
pub fn with_parts(mut event: Event, parts: Vec<Part>) -> Event {
    if let EventBody::Message(message) = &mut event.body {
        message.parts = parts;
    }
    event
}

impl Desk {
    pub fn new() -> Self {
        let mut desk = Self::before();
        desk.apply(Fact::IdsByPlace);
        desk
    }

    /// A desk whose journal is an old one.
    pub fn before() -> Self {
        let mut desk =
            Self { tables: Memory::default(), journal: Vec::new(), now: START, last_cost: Default::default() };
        for name in ["wa", "ig", "tg"] {
            desk.apply(Fact::ChannelSet { channel: channel(name), source: source(), rules: rules(), scope: None });
        }
        desk
    }

    pub fn apply(&mut self, fact: Fact) -> Outcome {
        self.apply_as(Actor::Host, fact)
    }

    pub fn apply_as(&mut self, actor: Actor, fact: Fact) -> Outcome {
        self.now += 1000;
        let entry = Entry { seq: Seq(self.journal.len() as u64 + 1), at: Millis(self.now), actor, fact };
        // What is applied is what a journal would give back.
        let entry: Entry = serde_json::from_str(&serde_json::to_string(&entry).unwrap()).unwrap();
        let outcome = apply(&mut self.tables, &entry).unwrap();
        self.journal.push(entry);
        self.last_cost = outcome.cost;
        outcome.outcome
    }

    pub fn receive(&mut self, on: &str, events: Vec<Event>) -> Outcome {
        let context = Context { channel: channel(on), region: Some("ID".into()) };
        let events = canonical::events(events, &context);
        self.apply(Fact::Received { channel: channel(on), source: source(), events, state: vec![], unreadable: vec![] })
    }

    pub fn customer_of(&self, kind: &str, value: &str) -> CustomerId {
        let found = search::find(&self.tables, &identifier(kind, value)).unwrap();
        assert_eq!(found.len(), 1, "{kind}:{value} is to be found once");
        found[0].id
    }

    pub fn identity_of(&self, kind: &str, value: &str) -> IdentityId {
        let found = search::find(&self.tables, &identifier(kind, value)).unwrap();
        found[0].identities.iter().find(|i| i.kind == kind && i.value == value).unwrap().id
    }

    pub fn view(&self, id: CustomerId) -> String {
        let view = customer::customer(&self.tables, id).unwrap().unwrap();
        serde_json::to_string_pretty(&view).unwrap()
    }

    pub fn timeline_texts(&self, id: CustomerId) -> Vec<String> {
        let page = timeline::timeline(&self.tables, id, None, 100).unwrap().unwrap();
        let json = serde_json::to_value(page).unwrap();
        let items = json["items"].as_array().unwrap().iter();
        items.filter_map(|e| e["message"]["parts"][0]["text"].as_str().map(str::to_owned)).collect()
    }

    /// The newest message of a customer.
    pub fn first_message(&self, id: CustomerId) -> MessageId {
        let page = timeline::timeline(&self.tables, id, None, 1).unwrap().unwrap();
        let json = serde_json::to_value(page).unwrap();
        json["items"][0]["message"]["id"].as_str().unwrap().parse().unwrap()
    }

    pub fn message(&self, id: MessageId) -> serde_json::Value {
        serde_json::to_value(message::message(&self.tables, id).unwrap().unwrap()).unwrap()
    }
}
