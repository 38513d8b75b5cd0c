//! The domain's words for what passed [`check`](super::check).

use jackfield_core::event::{
    Author, DeliveryScope, DeliveryUpdate, Event, EventBody, Hint, Identifier, InboundMessage, Media, Part, Problem,
    Property, Sender, Subject, Thread, Trust,
};
use jackfield_core::ids::Millis;
use serde_json::{Value, json};

use super::super::types;
use super::belief::Belief;

pub(super) fn event(belief: &mut Belief<'_>, event: types::Event) -> Event {
    use types::EventBody as B;
    let body = match event.body {
        B::Message(m) => EventBody::Message(message(belief, m)),
        B::Edit(e) => {
            EventBody::Edit { message_id: e.message_id, at: time(e.edited_at), parts: parts(belief, e.parts) }
        }
        B::Deletion(d) => EventBody::Deletion { message_id: d.message_id, at: time(d.deleted_at) },
        B::Reaction(r) => EventBody::Reaction {
            message_id: r.message_id,
            sender: sender(belief, r.sender),
            emoji: r.emoji,
            at: time(r.at),
        },
        B::Delivery(d) => delivery(d),
        B::IdentityChange(c) => identity_change(belief, c),
        B::Touchpoint(t) => EventBody::Touchpoint {
            sender: sender(belief, t.sender),
            kind: t.kind,
            at: time(t.at),
            summary: t.summary,
            extra: properties(t.extra),
        },
        B::Call(c) => call(belief, c),
        B::Other(p) => EventBody::Other(property(p)),
    };
    Event { id: event.id, body }
}

/// A change whose both ends the channel may attest. Any other would link what nobody proved, so it is only kept and shown.
fn identity_change(belief: &mut Belief<'_>, change: types::IdentityChange) -> EventBody {
    let unproven = [&change.old, &change.new].into_iter().find(|end| belief.cap(&end.kind) < Trust::Attested);
    let unproven = unproven.map(|end| end.kind.clone());
    let (old, new, at) = (identifier(belief, change.old), identifier(belief, change.new), time(change.at));
    let Some(kind) = unproven else {
        return EventBody::IdentityChange { old, new, at, reason: change.reason };
    };
    let why = format!("the channel may not attest an address of the kind `{kind}`");
    belief.note(format!("A change of identity was kept as it is and links nobody: {why}."));
    let value = json!({"old": old, "new": new, "at": at, "reason": change.reason, "refused": why}).to_string();
    EventBody::Other(Property { name: "identity-change".to_owned(), value })
}

fn message(belief: &Belief<'_>, message: types::Message) -> InboundMessage {
    let (author, from) = match message.author {
        types::Author::Customer(from) => (Author::Customer, from),
        types::Author::Account(from) => (Author::Account, from),
        types::Author::System(from) | types::Author::Other((_, from)) => (Author::System, from),
    };
    InboundMessage {
        id: message.id,
        thread: thread(message.thread),
        author,
        sender: sender(belief, from),
        sent_at: time(message.sent_at),
        parts: parts(belief, message.parts),
        reply_to: message.reply_to,
        ordered_at: None,
        extra: properties(message.extra),
        cut: Vec::new(),
    }
}

fn thread(thread: types::Thread) -> Thread {
    use types::ThreadKind as K;
    let kind = match thread.kind {
        K::Direct => "direct".to_owned(),
        K::Group => "group".to_owned(),
        K::Comments => "comments".to_owned(),
        K::Mail => "mail".to_owned(),
        K::Call => "call".to_owned(),
        K::Other(kind) => kind,
    };
    Thread { id: thread.id, kind }
}

fn sender(belief: &Belief<'_>, sender: types::Sender) -> Sender {
    Sender {
        trust: belief.cap(&sender.identity.kind),
        identity: identifier(belief, sender.identity),
        hints: sender.hints.into_iter().map(|h| hint(belief, h)).collect(),
    }
}

pub(super) fn hint(belief: &Belief<'_>, hint: types::Hint) -> Hint {
    let said = match hint.trust {
        types::Trust::Attested => Trust::Attested,
        types::Trust::Claimed | types::Trust::Other(_) => Trust::Claimed,
        types::Trust::Inferred => Trust::Inferred,
    };
    let (about, cap) = match hint.about {
        types::Subject::Identifier(i) => {
            let cap = belief.cap(&i.kind);
            (Subject::Identifier(identifier(belief, i)), cap)
        }
        // Whatever a profile says, a person typed.
        types::Subject::Name(name) => (Subject::Name(name), Trust::Claimed),
        types::Subject::Username(name) => (Subject::Username(name), Trust::Claimed),
        types::Subject::Avatar(url) => (Subject::Avatar(url), Trust::Claimed),
        types::Subject::Language(tag) => (Subject::Language(tag), Trust::Claimed),
        types::Subject::Other(p) => (Subject::Other(property(p)), Trust::Claimed),
    };
    Hint { about, trust: said.min(cap), evidence: hint.evidence }
}

fn identifier(belief: &Belief<'_>, identifier: types::Identifier) -> Identifier {
    let namespace = identifier.namespace.unwrap_or_default();
    let (scope, namespace) = match namespace.split_once('/').filter(|(scope, _)| belief.may_speak_about(scope)) {
        Some((scope, rest)) => (Some(scope.to_owned()), rest.to_owned()),
        None => (None, namespace),
    };
    Identifier { kind: identifier.kind, namespace, value: identifier.value, raw: None, scope }
}

fn parts(belief: &Belief<'_>, parts: Vec<types::Part>) -> Vec<Part> {
    parts.into_iter().map(|p| part(belief, p)).collect()
}

fn part(belief: &Belief<'_>, part: types::Part) -> Part {
    use types::Part as P;
    match part {
        P::Text(text) => Part::Text { text },
        P::Image(m) => Part::Image(media(m)),
        P::Audio(m) => Part::Audio(media(m)),
        P::Video(m) => Part::Video(media(m)),
        P::File(m) => Part::File(media(m)),
        P::Sticker(m) => Part::Sticker(media(m)),
        P::Location(types::Location { latitude, longitude, name, address }) => {
            Part::Location { latitude, longitude, name, address }
        }
        P::Contact(c) => {
            let identifiers = c.identifiers.into_iter().map(|i| identifier(belief, i)).collect();
            Part::Contact { name: c.name, identifiers }
        }
        P::Interaction(i) => Part::Interaction { title: i.title, payload: i.payload },
        P::Other(p) => {
            let Property { name, value } = property(p);
            Part::Other { name, value }
        }
    }
}

pub(super) fn media(media: types::Media) -> Media {
    let types::Media { id, url, mime, filename, size, sha256, caption } = media;
    Media { id, url, mime, filename, size, sha256, caption }
}

fn delivery(update: types::DeliveryUpdate) -> EventBody {
    let state = match update.state {
        types::DeliveryState::Sent => DeliveryUpdate::Sent,
        types::DeliveryState::Delivered => DeliveryUpdate::Delivered,
        types::DeliveryState::Read => DeliveryUpdate::Read,
        types::DeliveryState::Failed(p) => DeliveryUpdate::Failed(problem(p)),
        types::DeliveryState::Other(other) => DeliveryUpdate::Other(other),
    };
    let about = match update.about {
        types::DeliveryScope::Message(id) => DeliveryScope::Message(id),
        types::DeliveryScope::ThreadUntil((thread, until)) => DeliveryScope::ThreadUntil(thread, Millis(until)),
        // About what, this version cannot say; it is kept and shown.
        types::DeliveryScope::Other(scope) => {
            let value = json!({"about": scope, "state": state}).to_string();
            return EventBody::Other(Property { name: "delivery".to_owned(), value });
        }
    };
    EventBody::Delivery { about, state, at: time(update.at) }
}

fn call(belief: &Belief<'_>, call: types::Call) -> EventBody {
    use types::{CallDirection as D, CallState as S};
    let mut extra = properties(call.extra);
    let state = match call.state {
        S::Ringing => "ringing".to_owned(),
        S::Answered => "answered".to_owned(),
        S::Completed => "completed".to_owned(),
        S::Missed => "missed".to_owned(),
        S::Busy => "busy".to_owned(),
        S::Failed(p) => {
            let value = json!({"message": p.message, "code": p.code}).to_string();
            extra.push(Property { name: "problem".to_owned(), value });
            "failed".to_owned()
        }
        S::Other(state) => state,
    };
    let direction = match call.direction {
        D::Inbound => "inbound".to_owned(),
        D::Outbound => "outbound".to_owned(),
        D::Other(direction) => direction,
    };
    EventBody::Call {
        call_id: call.id,
        sender: sender(belief, call.sender),
        direction,
        state,
        at: time(call.at),
        duration_seconds: call.duration_seconds,
        extra,
    }
}

fn problem(problem: types::Problem) -> Problem {
    Problem { message: problem.message, code: problem.code }
}

fn properties(list: Vec<types::Property>) -> Vec<Property> {
    list.into_iter().map(property).collect()
}

/// The value is a JSON text, whatever the connector wrote: what does not parse becomes a string.
fn property(property: types::Property) -> Property {
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&property.value).is_ok();
    let value = if is_json { property.value } else { Value::String(property.value).to_string() };
    Property { name: property.name, value }
}

fn time(at: Option<u64>) -> Option<Millis> {
    at.map(Millis)
}
