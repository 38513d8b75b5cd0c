//! From what a connector says to what a fact holds: values in canonical form, everything bounded, what cannot be an address dropped.
//!
//! This runs once, before a fact is appended, so that a newer edition of the phone rules never changes what an old fact means.

use std::sync::LazyLock;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, Region};

use crate::claims;
use crate::event::{
    Author, DeliveryScope, DeliveryUpdate, Event, EventBody, Hint, Identifier, InboundMessage, Part, Problem, Property,
    Sender, Subject, Trust,
};
use crate::ids::ChannelId;
use crate::limits;

/// What canonical forms depend on besides the value.
#[derive(Clone, Debug)]
pub struct Context {
    /// The channel that spoke. It is the namespace of identifiers that come without one.
    pub channel: ChannelId,
    /// Where numbers without a country code are from: two letters, ISO 3166.
    pub region: Option<String>,
}

/// Values that many people share by mistake; they never identify anybody.
static BLOCKED: LazyLock<Vec<&str>> = LazyLock::new(|| {
    vec![
        "",
        "-",
        "-1",
        "0",
        "null",
        "undefined",
        "none",
        "nil",
        "n/a",
        "unknown",
        "anonymous",
        "invalid",
        "restricted",
        "unavailable",
        "private",
        "withheld",
    ]
});

/// The canonical form, or none where the value identifies nobody.
#[must_use]
pub fn identifier(given: Identifier, context: &Context) -> Option<Identifier> {
    let kind = given.kind.trim().to_ascii_lowercase();
    let kind_fits = (1..=32).contains(&kind.len())
        && kind.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
    let raw: String = given.value.chars().filter(|c| !c.is_control()).collect();
    let value = raw.trim();
    if !kind_fits || value.len() > limits::VALUE || BLOCKED.contains(&value.to_ascii_lowercase().as_str()) {
        return None;
    }
    let namespace: String = given.namespace.chars().filter(|c| !c.is_control()).take(limits::NAMESPACE).collect();
    let (namespace, canonical) = match kind.as_str() {
        "phone" => (String::new(), phone(value, context.region.as_deref())?),
        "email" => (String::new(), email(value)?),
        _ if namespace.is_empty() => (context.channel.to_string(), value.to_owned()),
        _ => (namespace, value.to_owned()),
    };
    let raw = given.raw.clone().unwrap_or(raw);
    let raw = (raw != canonical).then_some(raw);
    Some(Identifier {
        kind,
        namespace,
        value: canonical,
        raw: raw.map(|raw| cut(&raw, limits::VALUE)),
        scope: given.scope,
    })
}

/// A phone number in E.164, by Google's rules and the equivalences they do not know.
#[must_use]
pub fn phone(text: &str, region: Option<&str>) -> Option<String> {
    let region = region.and_then(|r| r.parse::<Region>().ok());
    let text = text.strip_prefix("tel:").unwrap_or(text);
    let number = PHONE_NUMBER_UTIL.parse(text, region).ok()?;
    let e164 = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164).to_string();
    let e164 = same_line(&e164);
    let digits = e164.len().saturating_sub(1);
    // Withheld caller ids and test lines come as runs of one digit.
    let all_same = e164.bytes().skip(1).all(|b| Some(&b) == e164.as_bytes().get(1));
    ((7..=15).contains(&digits) && !all_same).then_some(e164)
}

/// One spelling for numbers of which two are in use for the same line.
fn same_line(e164: &str) -> String {
    // Brazil: mobile numbers got a ninth digit, which WhatsApp still leaves out: +55 AA 9XXX-XXXX.
    if let Some(rest) = e164.strip_prefix("+55")
        && rest.len() == 10
        && let (area, line) = rest.split_at(2)
        && line.starts_with(['6', '7', '8', '9'])
    {
        return format!("+55{area}9{line}");
    }
    // Mexico: a 1 after the country code, for mobile numbers, until 2020.
    if let Some(rest) = e164.strip_prefix("+521")
        && rest.len() == 10
    {
        return format!("+52{rest}");
    }
    // Argentina: a 9 after the country code for mobile numbers; without it the same number is written 54 AREA 15 LINE.
    if let Some(rest) = e164.strip_prefix("+549")
        && rest.len() == 10
    {
        return format!("+54{rest}");
    }
    e164.to_owned()
}

/// An e-mail address, lower case: the address alone, since taking it out of a header is for who reads headers. Dots and plus-tags stay,
/// since they can be other people.
#[must_use]
pub fn email(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.strip_prefix("mailto:").unwrap_or(text);
    let (local, domain) = text.rsplit_once('@')?;
    let domain_fits = domain.contains('.')
        && domain.len() <= 253
        && domain.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        });
    let local_fits = !local.is_empty()
        && local.len() <= 64
        && !local.contains(|c: char| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"@".contains(c));
    (domain_fits && local_fits).then(|| format!("{}@{}", local.to_lowercase(), domain.to_lowercase()))
}

/// Makes the events of one call ready to be part of a fact. An event whose person cannot be told is kept as `other`: not lost, and
/// nobody's.
#[must_use]
pub fn events(given: Vec<Event>, context: &Context) -> Vec<Event> {
    given.into_iter().map(|event| one(event, context)).collect()
}

fn one(event: Event, context: &Context) -> Event {
    let kept = event.body.clone();
    let id = cut(&event.id, limits::VALUE);
    match body(event.body, context) {
        Some(body) => Event { id, body },
        None => {
            let kept = serde_json::to_string(&kept).unwrap_or_default();
            let property = Property { name: String::from("unaddressed"), value: cut(&kept, limits::TEXT) };
            Event { id, body: EventBody::Other(property) }
        }
    }
}

fn body(body: EventBody, context: &Context) -> Option<EventBody> {
    let id = |id: String| cut(&id, limits::VALUE);
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
                DeliveryScope::ThreadUntil(thread, until) => DeliveryScope::ThreadUntil(id(thread), until),
            };
            let state = match state {
                DeliveryUpdate::Other(word) => DeliveryUpdate::Other(cut(&word, limits::WORD)),
                DeliveryUpdate::Failed(problem) => DeliveryUpdate::Failed(bounded_problem(problem)),
                other => other,
            };
            EventBody::Delivery { about, state, at }
        }
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
        id: cut(&given.id, limits::VALUE),
        sender: sender(given.sender, context)?,
        parts: parts(given.parts, context, &mut said),
        reply_to: given.reply_to.map(|id| cut(&id, limits::VALUE)),
        extra: properties(given.extra, &mut said),
        cut: Vec::new(),
        thread: given.thread,
        author: given.author,
        sent_at: given.sent_at,
    };
    made.thread.id = cut(&made.thread.id, limits::VALUE);
    made.thread.kind = cut(&made.thread.kind, limits::WORD);
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

/// Whether two identifiers are the same address, however they were written.
#[must_use]
pub fn same_address(a: &Identifier, b: &Identifier) -> bool {
    (&a.kind, &a.namespace, &a.value) == (&b.kind, &b.namespace, &b.value)
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

/// The text, or as much of it as `max` bytes hold, ending with `…` where something was cut.
#[must_use]
pub fn cut(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let end = (0..=max.saturating_sub('…'.len_utf8())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Context {
        Context { channel: "shop".parse().unwrap(), region: Some(String::from("ID")) }
    }

    #[test]
    fn phone_numbers_of_one_line_have_one_spelling() {
        let pairs = [
            ("0812-3456-7890", "+6281234567890"),
            ("+62 812 3456 7890", "+6281234567890"),
            ("tel:+6281234567890", "+6281234567890"),
            ("+55 31 8888-8888", "+5531988888888"),
            ("+55 31 9 8888-8888", "+5531988888888"),
            ("+5215512345678", "+525512345678"),
            ("+525512345678", "+525512345678"),
            ("+5491123456789", "+541123456789"),
            ("+54 11 2345-6789", "+541123456789"),
        ];
        for (given, wanted) in pairs {
            assert_eq!(phone(given, Some("ID")).as_deref(), Some(wanted), "{given}");
        }
    }

    #[test]
    fn what_is_no_number_identifies_nobody() {
        for given in ["", "anonymous", "12", "+0000000000", "+1111111111", "hello"] {
            assert_eq!(phone(given, Some("ID")), None, "{given}");
        }
    }

    #[test]
    fn email_addresses_are_folded_without_joining_two_people() {
        assert_eq!(email("Ana.Maria+shop@Example.COM").as_deref(), Some("ana.maria+shop@example.com"));
        let header = "attacker@evil.example (<victim@example.com>)";
        for given in ["ana", "ana@", "@example.com", "a b@example.com", "ana@localhost", "ana@-x.com", header] {
            assert_eq!(email(given), None, "{given}");
        }
    }

    #[test]
    fn an_opaque_id_without_a_namespace_belongs_to_its_channel() {
        let given = Identifier {
            kind: "Webchat".into(),
            namespace: String::new(),
            value: " 17 ".into(),
            raw: None,
            scope: None,
        };
        let made = identifier(given, &context()).unwrap();
        assert_eq!((made.kind.as_str(), made.namespace.as_str(), made.value.as_str()), ("webchat", "shop", "17"));
    }

    #[test]
    fn a_long_text_is_cut_at_a_character_and_says_so() {
        assert_eq!(cut("aéé", 4), "a…");
        assert_eq!(cut("aé", 3), "aé");
    }
}
