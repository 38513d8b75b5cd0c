//! Whether what a guest hands over keeps to the contract and the bounds. Every function answers with the bytes of text in what it saw,
//! or with the reason why it cannot be taken.

use super::super::types::{
    Author, Call, CallState, Contact, DeliveryScope, DeliveryState, Event, EventBody, Hint, Identifier, Location,
    Media, Message, Part, Problem, Property, Sender, Subject, Thread,
};

use jackfield_core::limits;

type Checked = Result<usize, String>;

/// Bytes of one text. The longest that any channel knows is a mail.
const TEXT_BYTES: usize = 1 << 20;

/// Parts of a message, hints of a sender, addresses on a card, properties.
const ITEMS: usize = limits::PARTS;

pub(super) fn event(event: &Event) -> Checked {
    let body = match &event.body {
        EventBody::Message(m) => message(m)?,
        EventBody::Edit(e) => some_id(&e.message_id, "an edit's message id")? + parts(&e.parts)?,
        EventBody::Deletion(d) => some_id(&d.message_id, "a deletion's message id")?,
        EventBody::Reaction(r) => {
            some_id(&r.message_id, "a reaction's message id")?
                + sender(&r.sender)?
                + short(r.emoji.as_ref(), "an emoji")?
        }
        EventBody::Delivery(d) => scope(&d.about)? + delivery_state(&d.state)?,
        EventBody::IdentityChange(c) => identifier(&c.old)? + identifier(&c.new)? + text(&c.reason)?,
        EventBody::Touchpoint(t) => {
            sender(&t.sender)? + word(&t.kind, "a touchpoint's kind")? + text(&t.summary)? + properties(&t.extra)?
        }
        EventBody::Call(c) => call(c)?,
        EventBody::Other(p) => property(p)?,
    };
    Ok(id(&event.id, "an event's id")? + body)
}

/// Whether a visitor, who is nobody, can bring this about. Everything else is the provider's to say.
pub(super) fn visitor(event: &Event) -> Result<(), String> {
    match &event.body {
        EventBody::Message(Message { author: Author::Customer(_), .. })
        | EventBody::Reaction(_)
        | EventBody::Touchpoint(_)
        | EventBody::Call(_)
        | EventBody::Other(_) => Ok(()),
        _ => Err("a request that nobody verified cannot bring this".to_owned()),
    }
}

fn message(message: &Message) -> Checked {
    let author = match &message.author {
        Author::Customer(s) | Author::Account(s) | Author::System(s) => sender(s)?,
        Author::Other((name, s)) => word(name, "an author")? + sender(s)?,
    };
    let reply_to = message.reply_to.as_ref().map_or(Ok(0), |reply| id(reply, "the id of an answered message"))?;
    Ok(id(&message.id, "a message's id")?
        + thread(&message.thread)?
        + author
        + parts(&message.parts)?
        + reply_to
        + properties(&message.extra)?)
}

fn thread(thread: &Thread) -> Checked {
    let kind = match &thread.kind {
        super::super::types::ThreadKind::Other(kind) => word(kind, "a thread's kind")?,
        _ => 0,
    };
    Ok(some_id(&thread.id, "a thread's id")? + kind)
}

fn sender(sender: &Sender) -> Checked {
    number(sender.hints.len(), "hints")?;
    sum(identifier(&sender.identity)?, &sender.hints, hint)
}

pub(super) fn hint(hint: &Hint) -> Checked {
    let about = match &hint.about {
        Subject::Identifier(i) => identifier(i)?,
        Subject::Name(t) | Subject::Username(t) | Subject::Avatar(t) | Subject::Language(t) => {
            bounded(t, 4 * limits::VALUE, "a hint")?
        }
        Subject::Other(p) => property(p)?,
    };
    Ok(about + bounded(&hint.evidence, 4 * limits::VALUE, "a hint's evidence")?)
}

fn identifier(identifier: &Identifier) -> Checked {
    let kind = word(&identifier.kind, "an address' kind")?;
    bounded(&identifier.kind, limits::KIND, "an address' kind")?;
    let namespace =
        identifier.namespace.as_ref().map_or(Ok(0), |n| bounded(n, limits::NAMESPACE, "an address' namespace"))?;
    Ok(kind + namespace + some_id(identifier.value.trim(), "an address' value")?)
}

fn parts(parts: &[Part]) -> Checked {
    if parts.is_empty() {
        return Err("a message has no parts".to_owned());
    }
    number(parts.len(), "parts")?;
    sum(0, parts, part)
}

fn part(part: &Part) -> Checked {
    match part {
        Part::Text(t) => text(t),
        Part::Image(m) | Part::Audio(m) | Part::Video(m) | Part::File(m) | Part::Sticker(m) => media(m),
        Part::Location(l) => location(l),
        Part::Contact(Contact { name, identifiers }) => {
            number(identifiers.len(), "addresses on a card")?;
            sum(text(name)?, identifiers, identifier)
        }
        Part::Interaction(i) => Ok(text(&i.title)? + i.payload.as_ref().map_or(Ok(0), |p| text(p))?),
        Part::Other(p) => property(p),
    }
}

pub(super) fn media(media: &Media) -> Checked {
    if media.id.is_none() && media.url.is_none() {
        return Err("an attachment has neither an id nor a URL".to_owned());
    }
    let texts = [&media.id, &media.url, &media.mime, &media.filename, &media.sha256, &media.caption];
    sum(0, texts.into_iter().flatten(), |t| bounded(t, TEXT_BYTES / 16, "a field of an attachment"))
}

fn location(location: &Location) -> Checked {
    if !(-90.0..=90.0).contains(&location.latitude) || !(-180.0..=180.0).contains(&location.longitude) {
        return Err("a location is not on earth".to_owned());
    }
    sum(0, [&location.name, &location.address].into_iter().flatten(), |t| text(t))
}

fn call(call: &Call) -> Checked {
    let direction = match &call.direction {
        super::super::types::CallDirection::Other(direction) => word(direction, "a call's direction")?,
        _ => 0,
    };
    let state = match &call.state {
        CallState::Failed(p) => problem(p)?,
        CallState::Other(state) => word(state, "a call's state")?,
        _ => 0,
    };
    Ok(id(&call.id, "a call's id")? + sender(&call.sender)? + direction + state + properties(&call.extra)?)
}

fn scope(scope: &DeliveryScope) -> Checked {
    match scope {
        DeliveryScope::Message(m) => some_id(m, "a message's id"),
        DeliveryScope::ThreadUntil((t, _)) => some_id(t, "a thread's id"),
        DeliveryScope::Other(other) => text(other),
    }
}

fn delivery_state(state: &DeliveryState) -> Checked {
    match state {
        DeliveryState::Failed(p) => problem(p),
        DeliveryState::Other(other) => word(other, "a delivery's state"),
        DeliveryState::Sent | DeliveryState::Delivered | DeliveryState::Read => Ok(0),
    }
}

fn problem(problem: &Problem) -> Checked {
    Ok(text(&problem.message)? + problem.code.as_ref().map_or(Ok(0), |c| text(c))?)
}

fn properties(list: &[Property]) -> Checked {
    number(list.len(), "properties")?;
    sum(0, list, property)
}

fn property(property: &Property) -> Checked {
    Ok(bounded(&property.name, limits::VALUE, "a property's name")? + text(&property.value)?)
}

/// An id that may be empty.
pub(super) fn id(text: &str, what: &str) -> Checked {
    bounded(text, limits::VALUE, what)
}

fn some_id(text: &str, what: &str) -> Checked {
    match text.is_empty() {
        true => Err(format!("{what} is empty")),
        false => id(text, what),
    }
}

fn short(text: Option<&String>, what: &str) -> Checked {
    text.map_or(Ok(0), |text| bounded(text, limits::WORD, what))
}

fn word(text: &str, what: &str) -> Checked {
    match text.trim().is_empty() {
        true => Err(format!("{what} is empty")),
        false => bounded(text, limits::WORD, what),
    }
}

fn text(text: &str) -> Checked {
    bounded(text, TEXT_BYTES, "a text")
}

fn bounded(text: &str, limit: usize, what: &str) -> Checked {
    match text.len() <= limit {
        true => Ok(text.len()),
        false => Err(format!("{what} has {} bytes, at most {limit} are taken", text.len())),
    }
}

fn number(n: usize, what: &str) -> Result<(), String> {
    match n <= ITEMS {
        true => Ok(()),
        false => Err(format!("there are {n} {what}, at most {ITEMS} are taken")),
    }
}

fn sum<'a, T: 'a>(first: usize, items: impl IntoIterator<Item = &'a T>, check: impl Fn(&'a T) -> Checked) -> Checked {
    items.into_iter().try_fold(first, |total, item| Ok(total + check(item)?))
}
