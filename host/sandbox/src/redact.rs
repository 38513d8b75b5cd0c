//! Finds secrets in whatever leaves the host for a guest, a log or a person, in every spelling they are likely to have there.

use std::borrow::Cow;

use aho_corasick::{AhoCorasick, MatchKind};
use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD};

use crate::percent::{percent_encode_component, percent_encode_segment};
use crate::secret::Secret;

/// What stands in a secret's place.
pub(crate) const REDACTED: &str = "[redacted]";

/// Replaces the secrets of one channel.
pub(crate) struct Redactor(Option<AhoCorasick>);

impl Redactor {
    /// For these secrets. Fails only if they are too many or too long to search for, which the bounds of a binding rule out.
    pub(crate) fn new<'a>(secrets: impl Iterator<Item = &'a Secret>) -> Result<Self, String> {
        let mut needles: Vec<String> = secrets.flat_map(spellings).collect();
        needles.sort_unstable();
        needles.dedup();
        if needles.is_empty() {
            return Ok(Self(None));
        }
        let automaton = AhoCorasick::builder()
            // The longest, so that of a secret which begins another nothing remains.
            .match_kind(MatchKind::LeftmostLongest)
            .build(needles)
            .map_err(|e| format!("The secrets cannot be searched for: {e}."))?;
        Ok(Self(Some(automaton)))
    }

    /// The text without secrets.
    pub(crate) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match &self.0 {
            Some(automaton) if automaton.is_match(text) => {
                Cow::Owned(automaton.replace_all(text, &vec![REDACTED; automaton.patterns_len()]))
            }
            _ => Cow::Borrowed(text),
        }
    }

    /// The bytes without secrets; none if there was no secret in them.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let automaton = self.0.as_ref()?;
        automaton.is_match(bytes).then(|| automaton.replace_all_bytes(bytes, &vec![REDACTED; automaton.patterns_len()]))
    }
}

/// A secret as it is, and as it looks in a URL, a form, JSON and basic authentication.
pub(crate) fn spellings(secret: &Secret) -> Vec<String> {
    let value = secret.expose();
    let mut all = vec![value.to_owned()];
    for encoded in [percent_encode_component(value), percent_encode_segment(value), value.replace(' ', "+")] {
        all.push(encoded.to_lowercase_escapes());
        all.push(encoded);
    }
    if let Ok(json) = serde_json::to_string(value) {
        let inside = json[1..json.len() - 1].to_owned();
        // Some servers escape the slash, which JSON allows.
        all.push(inside.replace('/', "\\/"));
        all.push(inside);
    }
    // What a server decoded and shows again.
    if value.contains(':') {
        all.extend(value.splitn(2, ':').skip(1).filter(|part| part.len() >= MIN_PART).map(str::to_owned));
    }
    for encoding in [BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD] {
        all.push(encoding.encode(value.as_bytes()));
    }
    all
}

/// The password of `user:password`, if it is long enough not to be found everywhere.
const MIN_PART: usize = 8;

trait LowercaseEscapes {
    /// `%2F` as `%2f`.
    fn to_lowercase_escapes(&self) -> String;
}

impl LowercaseEscapes for String {
    fn to_lowercase_escapes(&self) -> String {
        let mut lower = String::with_capacity(self.len());
        let mut left_in_escape = 0;
        for c in self.chars() {
            lower.push(if left_in_escape > 0 { c.to_ascii_lowercase() } else { c });
            left_in_escape = if c == '%' { 2 } else { i32::max(left_in_escape - 1, 0) };
        }
        lower
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor(secrets: &[&str]) -> Redactor {
        let secrets: Vec<Secret> = secrets.iter().map(|s| Secret::new(*s)).collect();
        Redactor::new(secrets.iter()).unwrap()
    }

    #[test]
    fn every_spelling_of_a_secret_is_replaced() {
        let redactor = redactor(&["us er:p/a=ss\"word"]);
        let spelled = [
            "us er:p/a=ss\"word",
            "us%20er%3Ap%2Fa%3Dss%22word",
            "us%20er%3ap%2fa%3dss%22word",
            "us er:p\\/a=ss\\\"word",
            "dXMgZXI6cC9hPXNzIndvcmQ=",
            "dXMgZXI6cC9hPXNzIndvcmQ",
        ];
        for text in spelled {
            assert_eq!(redactor.text(&format!("a {text} b")), "a [redacted] b", "{text}");
            assert_eq!(redactor.bytes(text.as_bytes()).unwrap(), b"[redacted]");
        }
        assert_eq!(redactor.text("the password is p/a=ss\"word."), "the password is [redacted].");
    }

    #[test]
    fn of_a_secret_that_begins_another_nothing_remains() {
        assert_eq!(redactor(&["12345678", "12345678-longer"]).text("x12345678-longerx"), "x[redacted]x");
    }

    #[test]
    fn text_without_secrets_is_left_alone() {
        assert!(matches!(redactor(&["12345678"]).text("hello"), Cow::Borrowed("hello")));
        assert!(redactor(&[]).bytes(b"hello").is_none());
    }
}
