//! Canonical forms of addresses: one spelling for one address.

use std::sync::LazyLock;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, Region};

use crate::erasure::stand_in;
use crate::event::Identifier;
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
pub(crate) static BLOCKED: LazyLock<Vec<&str>> = LazyLock::new(|| {
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

/// The canonical form, or none where the value identifies nobody. What reads like a stand-in identifies nobody: only the host writes
/// those, and they lead to somebody who is there.
#[must_use]
pub fn identifier(given: Identifier, context: &Context) -> Option<Identifier> {
    let kind = given.kind.trim().to_ascii_lowercase();
    let kind_fits = (1..=limits::KIND).contains(&kind.len())
        && kind.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
    let raw: String = given.value.chars().filter(|c| !c.is_control()).collect();
    let value = raw.trim();
    if !kind_fits || value.len() > limits::VALUE || BLOCKED.contains(&value.to_ascii_lowercase().as_str()) {
        return None;
    }
    if stand_in::is_one(value) || given.namespace.len() > limits::NAMESPACE {
        return None;
    }
    let namespace: String = given.namespace.chars().filter(|c| !c.is_control()).collect();
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

/// Whether two identifiers are the same address, however they were written.
#[must_use]
pub fn same_address(a: &Identifier, b: &Identifier) -> bool {
    (&a.kind, &a.namespace, &a.value) == (&b.kind, &b.namespace, &b.value)
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
