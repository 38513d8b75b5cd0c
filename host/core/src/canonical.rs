//! From what a connector says to what a fact holds: values in canonical form, everything bounded, what cannot be an address dropped.
//!
//! This runs once, before a fact is appended, so that a newer edition of the phone rules never changes what an old fact means.

use crate::claims;
use crate::event::{
    Author, DeliveryScope, DeliveryUpdate, Event, EventBody, Hint, Identifier, InboundMessage, Part, Problem, Property,
    Sender, Subject, Thread, Trust,
};
use crate::forms::BLOCKED;
pub use crate::forms::{Context, cut, email, identifier, phone, same_address};
use crate::limits;

/// Makes the events of one call ready to be part of a fact. An event whose person cannot be told is kept as `other`: not lost, and
/// nobody's.
#[must_use]
pub fn events(given: Vec<Event>, context: &Context) -> Vec<Event> {
    given.into_iter().map(|event| one(event, context)).collect()
}

fn one(event: Event, context: &Context) -> Event {
    let kept = event.body.clone();
    let id = whole(event.id);
    match body(event.body, context) {
        Some(body) => Event { id, body },
        None => {
            let kept = serde_json::to_string(&kept).unwrap_or_default();
            let property = Property { name: String::from("unaddressed"), value: cut(&kept, limits::TEXT) };
            Event { id, body: EventBody::Other(property) }
        }
    }
}

/// An id of the channel's; one that is too long is none. Two that begin alike would be one if they were cut.
fn whole(id: String) -> String {
    if id.len() <= limits::VALUE { id } else { String::new() }
}

/// The id of a thread; none if it is too long.
fn thread(id: String) -> Option<String> {
    (id.len() <= limits::VALUE).then_some(id)
}

fn body(body: EventBody, context: &Context) -> Option<EventBody> {
    let id = whole;
    Some(match body {
        EventBody::Message(m) => EventBody::Message(message(m, context)?),
        EventBody::Edit { message_id, at, parts: p } => {
            EventBody::Edit { message_id: id(message_id), at, parts: parts(p, context, &mut Vec::new()) }
        }
        EventBody::Reaction { message_id, sender: s, emoji, at } => {
            let emoji = emoji.map(|e| cut(&e, limits::WORD)).filter(|e| !e.is_empty());
            EventBody::Reaction { message_id: id(message_id), sender: sender(s, context)?, emoji, at }
        }
        EventBody::IdentityChange { old, new, at, reason } => EventBody::IdentityChange {
            old: identifier(old, context)?,
            new: identifier(new, context)?,
            at,
            reason: cut(&reason, limits::PROFILE_VALUE),
        },
        EventBody::Touchpoint { sender: s, kind, at, summary, extra } => EventBody::Touchpoint {
            sender: sender(s, context)?,
            kind: cut(&kind, limits::WORD),
            at,
            summary: cut(&summary, limits::PROFILE_VALUE),
            extra: properties(extra, &mut Vec::new()),
        },
        EventBody::Call { call_id, sender: s, direction, state, at, duration_seconds, extra } => EventBody::Call {
            call_id: id(call_id),
            sender: sender(s, context)?,
            direction: cut(&direction, limits::WORD),
            state: cut(&state, limits::WORD),
            at,
            duration_seconds,
            extra: properties(extra, &mut Vec::new()),
        },
        EventBody::Deletion { message_id, at } => EventBody::Deletion { message_id: id(message_id), at },
        EventBody::Delivery { about, state, at } => {
            let about = match about {
                DeliveryScope::Message(message) => DeliveryScope::Message(id(message)),
                DeliveryScope::ThreadUntil(id, until) => DeliveryScope::ThreadUntil(thread(id)?, until),
            };
            let state = match state {
                DeliveryUpdate::Other(word) => DeliveryUpdate::Other(cut(&word, limits::WORD)),
                DeliveryUpdate::Failed(problem) => DeliveryUpdate::Failed(bounded_problem(problem)),
                other => other,
            };
            EventBody::Delivery { about, state, at }
        }
        // Only the host erases.
        EventBody::Erased { .. } => return None,
        EventBody::Other(property) => {
            let value = cut(&property.value, limits::PROPERTIES_BYTES - limits::WORD);
            EventBody::Other(Property { name: cut(&property.name, limits::WORD), value })
        }
    })
}

fn bounded_problem(problem: Problem) -> Problem {
    let code = problem.code.map(|code| cut(&code, limits::WORD));
    Problem { message: cut(&problem.message, limits::PROFILE_VALUE), code }
}

fn message(given: InboundMessage, context: &Context) -> Option<InboundMessage> {
    let mut said = given.cut;
    let mut made = InboundMessage {
        id: whole(given.id),
        sender: sender(given.sender, context)?,
        parts: parts(given.parts, context, &mut said),
        reply_to: given.reply_to.map(whole).filter(|id| !id.is_empty()),
        ordered_at: None,
        extra: properties(given.extra, &mut said),
        cut: Vec::new(),
        thread: Thread { id: thread(given.thread.id)?, kind: cut(&given.thread.kind, limits::WORD) },
        author: given.author,
        sent_at: given.sent_at,
    };
    if made.author == Author::Customer {
        let typed = made.parts.iter().filter_map(Part::text).flat_map(|text| claims::in_text(text, context));
        let known: Vec<Identifier> = identifiers_of(&made.sender).cloned().collect();
        let new: Vec<Identifier> = typed.filter(|found| !known.iter().any(|k| same_address(k, found))).collect();
        for found in new.into_iter().take(claims::MAX_PER_MESSAGE) {
            let evidence = String::from("written in a message");
            made.sender.hints.push(Hint { about: Subject::Identifier(found), trust: Trust::Claimed, evidence });
        }
    }
    made.cut = said;
    Some(made)
}

fn identifiers_of(sender: &Sender) -> impl Iterator<Item = &Identifier> {
    let hinted = sender.hints.iter().filter_map(|hint| match &hint.about {
        Subject::Identifier(identifier) => Some(identifier),
        _ => None,
    });
    std::iter::once(&sender.identity).chain(hinted)
}

fn sender(given: Sender, context: &Context) -> Option<Sender> {
    Some(Sender {
        identity: identifier(given.identity, context)?,
        trust: given.trust,
        hints: hints(given.hints, given.trust, context),
    })
}

/// Canonical hints; none is trusted further than the address they came with.
#[must_use]
pub fn hints(given: Vec<Hint>, at_most: Trust, context: &Context) -> Vec<Hint> {
    let made = given.into_iter().filter_map(|hint| {
        let about = match hint.about {
            Subject::Identifier(i) => Subject::Identifier(identifier(i, context)?),
            Subject::Name(text) => Subject::Name(profile_value(&text)?),
            Subject::Username(text) => Subject::Username(profile_value(text.trim_start_matches('@'))?),
            Subject::Avatar(text) => Subject::Avatar(profile_value(&text)?),
            Subject::Language(text) => Subject::Language(profile_value(&text)?),
            Subject::Other(property) => {
                let value = cut(&property.value, limits::PROFILE_VALUE);
                Subject::Other(Property { name: cut(&property.name, limits::WORD), value })
            }
        };
        Some(Hint { about, trust: hint.trust.min(at_most), evidence: cut(&hint.evidence, limits::PROFILE_VALUE) })
    });
    made.take(limits::HINTS).collect()
}

fn profile_value(text: &str) -> Option<String> {
    let clean: String = text.chars().filter(|c| !c.is_control()).collect();
    let clean = cut(clean.trim(), limits::PROFILE_VALUE);
    (!BLOCKED.contains(&clean.to_ascii_lowercase().as_str())).then_some(clean)
}

/// The parts, each as large as a row holds. What was cut is said.
fn parts(given: Vec<Part>, context: &Context, said: &mut Vec<String>) -> Vec<Part> {
    if given.len() > limits::PARTS {
        said.push(format!("{} parts, of which the first {} are kept", given.len(), limits::PARTS));
    }
    let given = given.into_iter().take(limits::PARTS).map(without_files_of_the_host);
    given.enumerate().map(|(index, given)| part(index, given, context, said)).collect()
}

fn part(index: usize, mut given: Part, context: &Context, said: &mut Vec<String>) -> Part {
    let mut keep = |what: &str, text: &mut String, most: usize| {
        if text.len() > most {
            said.push(format!("part {index}: {what} of {} bytes, of which {most} are kept", text.len()));
            *text = cut(text, most);
        }
    };
    if let Some(media) = given.media_mut() {
        for (what, text, most) in [
            ("an id", &mut media.id, limits::REFERENCE),
            ("a URL", &mut media.url, limits::REFERENCE),
            ("a type", &mut media.mime, limits::PROFILE_VALUE),
            ("a file name", &mut media.filename, limits::PROFILE_VALUE),
            ("a caption", &mut media.caption, limits::TEXT),
        ] {
            if let Some(text) = text {
                keep(what, text, most);
            }
        }
        return given;
    }
    match &mut given {
        Part::Text { text } => keep("a text", text, limits::TEXT),
        Part::Location { name, address, .. } => {
            for text in [name, address].into_iter().flatten() {
                keep("a name", text, limits::PROFILE_VALUE);
            }
        }
        Part::Contact { name, identifiers } => {
            keep("a name", name, limits::PROFILE_VALUE);
            identifiers.truncate(limits::CONTACT_IDENTIFIERS);
            for known in identifiers.iter_mut() {
                // What is no address stays visible as it was written.
                *known = identifier(known.clone(), context).unwrap_or_else(|| Identifier {
                    kind: cut(&known.kind, limits::WORD),
                    namespace: cut(&known.namespace, limits::NAMESPACE),
                    value: cut(&known.value, limits::VALUE),
                    raw: None,
                    scope: None,
                });
            }
        }
        Part::Interaction { title, payload } => {
            keep("a title", title, limits::PROFILE_VALUE);
            if let Some(payload) = payload {
                keep("a payload", payload, limits::PROPERTY_VALUE);
            }
        }
        Part::Template { name, language, parameters } => {
            keep("a name", name, limits::VALUE);
            keep("a language", language, limits::WORD);
            parameters.truncate(limits::PARTS);
            parameters.iter_mut().for_each(|text| keep("a parameter", text, limits::TEXT));
        }
        Part::Other { name, value } => {
            keep("a name", name, limits::WORD);
            keep("a value", value, limits::TEXT);
        }
        Part::Image(_) | Part::Audio(_) | Part::Video(_) | Part::File(_) | Part::Sticker(_) => {}
    }
    given
}

/// The properties that a row holds. What was left out is said.
fn properties(given: Vec<Property>, said: &mut Vec<String>) -> Vec<Property> {
    let (count, mut bytes, mut kept) = (given.len(), 0, Vec::new());
    for property in given {
        bytes += property.name.len() + property.value.len();
        let fits = property.name.len() <= limits::WORD && property.value.len() <= limits::PROPERTY_VALUE;
        if fits && bytes <= limits::PROPERTIES_BYTES && kept.len() < limits::PROPERTIES {
            kept.push(property);
        }
    }
    if kept.len() < count {
        said.push(format!("{count} further properties, of which {} are kept", kept.len()));
    }
    kept
}

/// A sum alone means a file that the host keeps, and no connector has those to give.
fn without_files_of_the_host(mut part: Part) -> Part {
    if let Some(media) = part.media_mut().filter(|media| media.own().is_some()) {
        media.sha256 = None;
    }
    part
}
