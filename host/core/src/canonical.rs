//! From what a connector says to what a fact holds: values in canonical form, everything bounded, what cannot be an address dropped.
//!
//! This runs once, before a fact is appended, so that a newer edition of the phone rules never changes what an old fact means.

use std::sync::LazyLock;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, Region};

use crate::claims;
use crate::event::{Author, Event, EventBody, Hint, Identifier, InboundMessage, Part, Sender, Subject, Trust};
use crate::ids::ChannelId;

/// The longest value of an identifier, in bytes.
pub const MAX_VALUE: usize = 512;
/// The longest text of one part, in bytes. Longer ones are cut, and say so.
pub const MAX_TEXT: usize = 128 * 1024;
/// The longest display name or other profile value, in bytes.
pub const MAX_PROFILE: usize = 1024;
/// How many hints one sender may carry.
pub const MAX_HINTS: usize = 32;

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

/// Mailboxes that belong to a role, not to a person.
const ROLES: [&str; 14] = [
    "abuse",
    "admin",
    "billing",
    "contact",
    "help",
    "hello",
    "info",
    "mailer-daemon",
    "no-reply",
    "noreply",
    "office",
    "postmaster",
    "sales",
    "support",
];

/// Whether an identifier stands for several people by its nature, so that it must not link anybody.
#[must_use]
pub fn is_shared_by_nature(identifier: &Identifier) -> bool {
    identifier.kind == "email" && identifier.value.split_once('@').is_some_and(|(local, _)| ROLES.contains(&local))
}

/// The canonical form, or none where the value identifies nobody.
#[must_use]
pub fn identifier(given: Identifier, context: &Context) -> Option<Identifier> {
    let kind = given.kind.trim().to_ascii_lowercase();
    let kind_fits = (1..=32).contains(&kind.len())
        && kind.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
    let raw: String = given.value.chars().filter(|c| !c.is_control()).collect();
    let value = raw.trim();
    if !kind_fits || value.len() > MAX_VALUE || BLOCKED.contains(&value.to_ascii_lowercase().as_str()) {
        return None;
    }
    let namespace: String = given.namespace.chars().filter(|c| !c.is_control()).take(128).collect();
    let (namespace, canonical) = match kind.as_str() {
        "phone" => (String::new(), phone(value, context.region.as_deref())?),
        "email" => (String::new(), email(value)?),
        _ if namespace.is_empty() => (context.channel.to_string(), value.to_owned()),
        _ => (namespace, value.to_owned()),
    };
    let raw = given.raw.unwrap_or(raw);
    let raw = (raw != canonical).then_some(raw);
    Some(Identifier { kind, namespace, value: canonical, raw })
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

/// An e-mail address: display name off, lower case. Dots and plus-tags stay, since they can be other people.
#[must_use]
pub fn email(text: &str) -> Option<String> {
    let text = match (text.rfind('<'), text.rfind('>')) {
        (Some(open), Some(close)) if open < close => &text[open + 1..close],
        _ => text,
    };
    let text = text.trim().strip_prefix("mailto:").unwrap_or(text.trim());
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
    let id = cut(&event.id, MAX_VALUE);
    match body(event.body, context) {
        Some(body) => Event { id, body },
        None => {
            let kept = serde_json::to_string(&kept).unwrap_or_default();
            let property = crate::event::Property { name: String::from("unaddressed"), value: cut(&kept, MAX_TEXT) };
            Event { id, body: EventBody::Other(property) }
        }
    }
}

fn body(body: EventBody, context: &Context) -> Option<EventBody> {
    Some(match body {
        EventBody::Message(m) => EventBody::Message(message(m, context)?),
        EventBody::Edit { message_id, at, parts: p } => EventBody::Edit { message_id, at, parts: parts(p, context) },
        EventBody::Reaction { message_id, sender: s, emoji, at } => {
            let emoji = emoji.map(|e| cut(&e, 64)).filter(|e| !e.is_empty());
            EventBody::Reaction { message_id, sender: sender(s, context)?, emoji, at }
        }
        EventBody::IdentityChange { old, new, at, reason } => EventBody::IdentityChange {
            old: identifier(old, context)?,
            new: identifier(new, context)?,
            at,
            reason: cut(&reason, MAX_PROFILE),
        },
        EventBody::Touchpoint { sender: s, kind, at, summary, extra } => EventBody::Touchpoint {
            sender: sender(s, context)?,
            kind: cut(&kind, 64),
            at,
            summary: cut(&summary, MAX_PROFILE),
            extra,
        },
        EventBody::Call { call_id, sender: s, direction, state, at, duration_seconds, extra } => {
            EventBody::Call { call_id, sender: sender(s, context)?, direction, state, at, duration_seconds, extra }
        }
        EventBody::Deletion { .. } | EventBody::Delivery { .. } | EventBody::Other(_) => body,
    })
}

fn message(given: InboundMessage, context: &Context) -> Option<InboundMessage> {
    let mut made = InboundMessage {
        id: cut(&given.id, MAX_VALUE),
        sender: sender(given.sender, context)?,
        parts: parts(given.parts, context),
        ..given
    };
    made.thread.id = cut(&made.thread.id, MAX_VALUE);
    if made.author == Author::Customer {
        let typed = made.parts.iter().filter_map(Part::text).flat_map(|text| claims::in_text(text, context));
        let known: Vec<Identifier> = identifiers_of(&made.sender).cloned().collect();
        let new: Vec<Identifier> = typed.filter(|found| !known.iter().any(|k| same_address(k, found))).collect();
        for found in new.into_iter().take(claims::MAX_PER_MESSAGE) {
            let evidence = String::from("written in a message");
            made.sender.hints.push(Hint { about: Subject::Identifier(found), trust: Trust::Claimed, evidence });
        }
    }
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
            Subject::Other(property) => Subject::Other(property),
        };
        Some(Hint { about, trust: hint.trust.min(at_most), evidence: cut(&hint.evidence, MAX_PROFILE) })
    });
    made.take(MAX_HINTS).collect()
}

fn profile_value(text: &str) -> Option<String> {
    let clean: String = text.chars().filter(|c| !c.is_control()).collect();
    let clean = cut(clean.trim(), MAX_PROFILE);
    (!BLOCKED.contains(&clean.to_ascii_lowercase().as_str())).then_some(clean)
}

fn parts(given: Vec<Part>, context: &Context) -> Vec<Part> {
    let bounded = given.into_iter().map(without_files_of_the_host).map(|part| match part {
        Part::Text { text } => Part::Text { text: cut(&text, MAX_TEXT) },
        Part::Contact { name, identifiers } => Part::Contact {
            name: cut(&name, MAX_PROFILE),
            // What is no address stays visible as it was written.
            identifiers: identifiers.into_iter().map(|i| identifier(i.clone(), context).unwrap_or(i)).collect(),
        },
        other => other,
    });
    bounded.collect()
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
        assert_eq!(email("Ana <Ana.Maria+shop@Example.COM>").as_deref(), Some("ana.maria+shop@example.com"));
        for given in ["ana", "ana@", "@example.com", "a b@example.com", "ana@localhost", "ana@-x.com"] {
            assert_eq!(email(given), None, "{given}");
        }
    }

    #[test]
    fn an_opaque_id_without_a_namespace_belongs_to_its_channel() {
        let given = Identifier { kind: "Webchat".into(), namespace: String::new(), value: " 17 ".into(), raw: None };
        let made = identifier(given, &context()).unwrap();
        assert_eq!((made.kind.as_str(), made.namespace.as_str(), made.value.as_str()), ("webchat", "shop", "17"));
    }

    #[test]
    fn a_long_text_is_cut_at_a_character_and_says_so() {
        assert_eq!(cut("aéé", 4), "a…");
        assert_eq!(cut("aé", 3), "aé");
    }
}
