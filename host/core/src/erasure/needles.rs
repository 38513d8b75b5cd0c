//! Looking for a person's addresses in bytes that nobody could read as events.
//!
//! The bytes hold what others wrote as well, and a person may have chosen the address, so only what can hardly be anything else counts:
//! a phone number, an e-mail address, or an id with a digit that its issuer vouched for, of some length, and standing alone. Escapes of
//! JSON and URLs do not hide it; base64 and UTF-16 do.

use super::escapes::readings;
use super::numbers::Numbers;
use super::stand_in;
use crate::fact::RawRequest;
use crate::identity::address::is_global;
use crate::identity::rows::Identity;

/// Bytes. Shorter values are in too much to tell anything.
const SHORTEST: usize = 6;

/// A person's addresses.
#[derive(Clone, Debug, Default)]
pub struct Needles {
    /// Lower case, in the spellings in which providers write them.
    words: Vec<String>,
    numbers: Numbers,
}

impl Needles {
    pub(super) fn of(identities: &[Identity]) -> Self {
        let (mut all, mut numbers) = (Vec::new(), Numbers::default());
        for identity in identities {
            if identity.kind == "phone" && tells(identity, &identity.value) {
                numbers.add(&identity.value);
            }
            for value in std::iter::once(&identity.value).chain(&identity.raw) {
                if tells(identity, value) {
                    let value = value.to_lowercase();
                    all.push(value.replace('@', "%40"));
                    all.push(value.trim_start_matches('+').to_owned());
                }
            }
        }
        all.retain(|value| value.len() >= SHORTEST);
        all.sort();
        all.dedup();
        Self { words: all, numbers }
    }

    /// Whether one of them is in there.
    #[must_use]
    pub fn are_in(&self, bytes: &[u8]) -> bool {
        readings(bytes).any(|mut bytes| {
            bytes.make_ascii_lowercase();
            self.words.iter().any(|value| is_in(value.as_bytes(), &bytes)) || self.numbers.are_in(&bytes)
        })
    }

    /// Whether one of them is in a request.
    #[must_use]
    pub fn are_in_request(&self, request: &RawRequest) -> bool {
        let headers = request.headers.iter().any(|(_, value)| self.are_in(value.as_bytes()));
        headers || self.are_in(request.url.as_bytes()) || self.are_in(&request.body)
    }
}

/// Whether a value says by itself that it is an address.
fn tells(identity: &Identity, value: &str) -> bool {
    let has_digit = value.bytes().any(|b| b.is_ascii_digit());
    match identity.kind.as_str() {
        _ if stand_in::is_one(value) => false,
        "email" => value.contains('@'),
        kind if is_global(kind) => has_digit,
        // What a visitor of a site gave without proof, anybody can choose.
        _ => has_digit && !identity.scope.starts_with('?'),
    }
}

/// Whether the value is in there, and no part of a longer run of letters and digits.
fn is_in(value: &[u8], bytes: &[u8]) -> bool {
    bytes.windows(value.len()).enumerate().any(|(at, found)| {
        found == value
            && begins_word(bytes.get(..at).unwrap_or_default())
            && !bytes.get(at + value.len()).is_some_and(u8::is_ascii_alphanumeric)
    })
}

/// Whether a word begins behind these bytes: at the start, behind what is no letter or digit, or behind one that is written `%2b`, `\n`
/// or `\u002b`.
fn begins_word(before: &[u8]) -> bool {
    let is_hex = |text: &[u8]| text.iter().all(u8::is_ascii_hexdigit);
    match before {
        [] => true,
        [.., last] if !last.is_ascii_alphanumeric() => true,
        [.., b'\\', b'b' | b'f' | b'n' | b'r' | b't'] => true,
        [.., b'%', a, b] => is_hex(&[*a, *b]),
        [.., b'\\', b'u', a, b, c, d] => is_hex(&[*a, *b, *c, *d]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_in;

    #[test]
    fn a_value_counts_where_it_stands_alone_however_what_is_around_it_is_written() {
        for text in ["{\"id\":123456}", "123456", "from=%2b123456&", "call\\n123456", "\\u002b123456\"", "a_123456@x"] {
            assert!(is_in(b"123456", text.as_bytes()), "{text}");
        }
        for text in ["9123456", "1234567", "a123456", "123456a", "%2b9123456", "u002b123456"] {
            assert!(!is_in(b"123456", text.as_bytes()), "{text}");
        }
    }
}
