//! Finds secrets in whatever leaves the host for a guest, a log or a person, in every spelling they are likely to have there.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::ops::Range;

use aho_corasick::{AhoCorasick, Match, MatchKind};
use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD};

use crate::escapes::{Unescaped, escapes_of};
use crate::percent::{percent_encode_component, percent_encode_segment};
use crate::secret::Secret;

/// What stands in a secret's place.
pub(crate) const REDACTED: &str = "[redacted]";

/// Finds texts as they are, and behind escapes of JSON and of URLs.
pub(crate) struct Search(AhoCorasick);

/// Where a text was found.
pub(crate) struct Found {
    pub(crate) range: Range<usize>,
    /// Which of the texts.
    pub(crate) needle: usize,
    /// How it is escaped, from the inside out; empty where it is there as it is.
    pub(crate) escapes: Vec<String>,
}

/// How often escapes are taken away: a text may be JSON within JSON within a form.
const LEVELS: usize = 3;

impl Search {
    /// For these texts. Fails only if they are too many or too long to search for, which the bounds of a binding rule out.
    pub(crate) fn new(needles: Vec<String>) -> Result<Self, String> {
        // The longest, so that of a secret which begins another nothing remains.
        let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(needles);
        Ok(Self(automaton.map_err(|e| format!("The secrets cannot be searched for: {e}."))?))
    }

    /// The bytes with everything replaced that was found; none if nothing was.
    pub(crate) fn replace<'a>(
        &'a self,
        bytes: &'a [u8],
        replacement: impl Fn(&Found) -> Cow<'a, str>,
    ) -> Option<Vec<u8>> {
        let all = self.all(bytes);
        let (mut replaced, mut at) = (Vec::with_capacity(bytes.len()), 0);
        for found in &all {
            replaced.extend_from_slice(bytes.get(at..found.range.start).unwrap_or_default());
            replaced.extend_from_slice(replacement(found).as_bytes());
            at = found.range.end;
        }
        replaced.extend_from_slice(bytes.get(at..).unwrap_or_default());
        (!all.is_empty()).then_some(replaced)
    }

    /// Everything that is found, in order and apart from each other.
    fn all(&self, bytes: &[u8]) -> Vec<Found> {
        let mut all: Vec<Found> = Vec::new();
        let mut levels: Vec<Unescaped> = Vec::new();
        loop {
            let text = levels.last().map_or(bytes, |level| &level.bytes);
            let found = self.0.find_iter(text).map(|one| Self::trace(&one, bytes, &levels));
            all.extend(found.flatten());
            let Some(next) = Unescaped::of(text).filter(|_| levels.len() < LEVELS) else { break };
            levels.push(next);
        }
        all.sort_by_key(|one| (one.range.start, Reverse(one.range.end)));
        let mut end = 0;
        all.retain(|one| {
            let is_apart = one.range.start >= end;
            end = if is_apart { one.range.end } else { end };
            is_apart
        });
        all
    }

    /// Where in `bytes` something is that was found in the innermost of these levels; none if no escape of that level is in it, so that
    /// it was found in the level around already.
    fn trace(found: &Match, bytes: &[u8], levels: &[Unescaped]) -> Option<Found> {
        let (mut range, mut escapes) = (found.range(), Vec::new());
        for (depth, level) in levels.iter().enumerate().rev() {
            let around = level.origin(&range);
            let is_innermost = depth + 1 == levels.len();
            match around.len() > range.len() {
                true => {
                    let text = depth.checked_sub(1).and_then(|at| levels.get(at)).map_or(bytes, |level| &level.bytes);
                    escapes.push(escapes_of(text.get(around.clone()).unwrap_or_default()));
                }
                false if is_innermost => return None,
                false => {}
            }
            range = around;
        }
        Some(Found { range, needle: found.pattern().as_usize(), escapes })
    }
}

/// Replaces the secrets of one channel.
pub(crate) struct Redactor(Option<Search>);

impl Redactor {
    /// For these secrets. Fails as [`Search::new`].
    pub(crate) fn new<'a>(secrets: impl Iterator<Item = &'a Secret>) -> Result<Self, String> {
        let mut needles: Vec<String> = secrets.flat_map(spellings).collect();
        needles.sort_unstable();
        needles.dedup();
        Ok(Self((!needles.is_empty()).then(|| Search::new(needles)).transpose()?))
    }

    /// The text without secrets.
    pub(crate) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.bytes(text.as_bytes()) {
            Some(clean) => Cow::Owned(String::from_utf8_lossy(&clean).into_owned()),
            None => Cow::Borrowed(text),
        }
    }

    /// The bytes without secrets; none if there was no secret in them.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.0.as_ref()?.replace(bytes, |_| Cow::Borrowed(REDACTED))
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
    fn a_secret_is_replaced_whatever_escapes_spell_it() {
        let redactor = redactor(&["open:sesame/1"]);
        for text in
            [r"\u006fpen:s\u0065same\/1", "%6Fpen%3as%65same/1", r"open:sesame\u002F1", r"open:s\\u0065same\\\/1"]
        {
            assert_eq!(redactor.text(&format!("a {text} b")), "a [redacted] b", "{text}");
            assert_eq!(redactor.bytes(text.as_bytes()).unwrap(), b"[redacted]");
        }
        assert!(redactor.bytes(br"ope\u006").is_none());
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
