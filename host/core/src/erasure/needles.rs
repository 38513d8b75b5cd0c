//! Looking for a person's addresses in bytes that nobody could read as events.

use crate::fact::RawRequest;
use crate::identity::rows::Identity;

/// Shorter values are in too much to tell anything.
const SHORTEST: usize = 4;
/// Shorter values have to stand alone: as a part of a longer word they are something else.
const LONG: usize = 7;

/// A person's addresses, lower case, in the spellings in which providers write them.
#[derive(Clone, Debug, Default)]
pub struct Needles(Vec<String>);

impl Needles {
    pub(super) fn of(identities: &[Identity]) -> Self {
        let mut all = Vec::new();
        for identity in identities {
            for value in std::iter::once(&identity.value).chain(&identity.raw) {
                let value = value.to_lowercase();
                all.push(value.replace('@', "%40"));
                all.push(value.trim_start_matches('+').to_owned());
            }
        }
        all.retain(|value| value.len() >= SHORTEST);
        all.sort();
        all.dedup();
        Self(all)
    }

    /// Whether one of them is in there.
    #[must_use]
    pub fn are_in(&self, bytes: &[u8]) -> bool {
        let bytes = bytes.to_ascii_lowercase();
        self.0.iter().any(|value| is_in(value.as_bytes(), &bytes))
    }

    /// Whether one of them is in a request.
    #[must_use]
    pub fn are_in_request(&self, request: &RawRequest) -> bool {
        let headers = request.headers.iter().any(|(_, value)| self.are_in(value.as_bytes()));
        headers || self.are_in(request.url.as_bytes()) || self.are_in(&request.body)
    }
}

fn is_in(value: &[u8], bytes: &[u8]) -> bool {
    let word = |at: Option<&u8>| at.is_some_and(u8::is_ascii_alphanumeric);
    bytes.windows(value.len()).enumerate().any(|(at, found)| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        found == value && (value.len() >= LONG || !(word(before) || word(bytes.get(at + value.len()))))
    })
}

#[cfg(test)]
mod tests {
    use super::is_in;

    #[test]
    fn a_short_value_counts_alone_and_a_long_one_anywhere() {
        assert!(is_in(b"1234", b"{\"id\":1234}"));
        assert!(!is_in(b"1234", b"{\"id\":91234}"));
        assert!(is_in(b"6281234", b"from=%2b6281234"));
    }
}
