//! Keeps a channel's secrets out of requests that are stored: each becomes `{secret:NAME}`, and is put back when the request is handled
//! again, so that every byte is what it was.
//!
//! A secret in another spelling (percent-encoded, base64) becomes `{secret:NAME:N}`, the N-th of its [`spellings`], and one behind escapes
//! of JSON or of a URL `{secret:NAME:N~ESCAPES}`, level by level ([`escapes`]). What looked like that in the request itself is marked, `{secret:!…`, so
//! that nobody can have the host write a secret where there was none.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jackfield_core::fact::RawRequest;

use crate::escapes;
use crate::exchange::Request;
use crate::redact::{Found, Search, spellings};
use crate::secret::Secret;

const OPENING: &str = "{secret:";
const MARKED: &str = "{secret:!";

/// Replaces the secrets of one channel by their names, and back.
pub(crate) struct Concealer {
    search: Search,
    /// Whose spellings the needles of the search are behind the first, which is [`OPENING`], and which of them each is.
    names: Vec<(String, usize)>,
}

impl Concealer {
    /// For these secrets. Fails as [`Search::new`].
    pub(crate) fn new(secrets: &BTreeMap<String, Secret>) -> Result<Self, String> {
        let (mut needles, mut names) = (vec![OPENING.to_owned()], Vec::new());
        for (name, secret) in secrets {
            for (number, spelling) in spellings(secret).into_iter().enumerate() {
                names.push((name.clone(), number));
                needles.push(spelling);
            }
        }
        Ok(Self { search: Search::new(needles)?, names })
    }

    /// For the journal, in which a header is text. One that is not UTF-8 loses what is not; no provider sends such.
    pub(crate) fn conceal(&self, request: &Request) -> RawRequest {
        let text = |bytes: &[u8]| String::from_utf8_lossy(&self.hidden(bytes)).into_owned();
        let header = |(name, value): &(String, Vec<u8>)| (name.clone(), text(value));
        RawRequest {
            method: request.method.clone(),
            url: text(request.url.as_bytes()),
            headers: request.headers.iter().map(header).collect(),
            concealed_body: true,
            body: self.hidden(&request.body),
            received_at: request.received_at,
            concealed: true,
        }
    }

    /// The request as it came. A secret that is not set any more stays a name.
    pub(crate) fn reveal(&self, mut stored: RawRequest, secrets: &BTreeMap<String, Secret>) -> Request {
        let text = |text: &str| String::from_utf8_lossy(&shown(text.as_bytes(), secrets)).into_owned();
        if stored.concealed {
            stored.url = text(&stored.url);
            for (_, value) in &mut stored.headers {
                *value = text(value);
            }
        }
        if stored.concealed_body {
            stored.body = shown(&stored.body, secrets);
        }
        stored.into()
    }

    fn hidden(&self, bytes: &[u8]) -> Vec<u8> {
        let replacement = |found: &Found| self.replacement(bytes.get(found.range.clone()).unwrap_or_default(), found);
        self.search.replace(bytes, replacement).unwrap_or_else(|| bytes.to_vec())
    }

    fn replacement<'a>(&self, text: &'a [u8], found: &Found) -> Cow<'a, str> {
        let named = found.needle.checked_sub(1).and_then(|at| self.names.get(at));
        match named {
            Some((name, 0)) if found.escapes.is_empty() => format!("{OPENING}{name}}}").into(),
            Some((name, number)) => {
                let escapes: String = found.escapes.iter().map(|signs| format!("~{signs}")).collect();
                format!("{OPENING}{name}:{number}{escapes}}}").into()
            }
            None if found.escapes.is_empty() => MARKED.into(),
            // Behind escapes it means nothing.
            None => String::from_utf8_lossy(text),
        }
    }
}

fn shown(text: &[u8], secrets: &BTreeMap<String, Secret>) -> Vec<u8> {
    let mut whole = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.windows(OPENING.len()).position(|bytes| bytes == OPENING.as_bytes()) {
        let (before, opened) = rest.split_at(at);
        whole.extend_from_slice(before);
        rest = opened.strip_prefix(OPENING.as_bytes()).unwrap_or_default();
        if let Some(after) = rest.strip_prefix(b"!") {
            whole.extend_from_slice(OPENING.as_bytes());
            rest = after;
            continue;
        }
        match named(rest, secrets) {
            Some((secret, after)) => {
                whole.extend_from_slice(&secret);
                rest = after;
            }
            None => whole.extend_from_slice(OPENING.as_bytes()),
        }
    }
    whole.extend_from_slice(rest);
    whole
}

/// The secret whose name a text begins with, and what is behind that.
fn named<'a>(text: &'a [u8], secrets: &BTreeMap<String, Secret>) -> Option<(Vec<u8>, &'a [u8])> {
    let end = text.iter().position(|byte| *byte == b'}')?;
    let (name, after) = text.split_at(end);
    Some((spelled(std::str::from_utf8(name).ok()?, secrets)?, after.get(1..)?))
}

/// A secret by its name, the number of its spelling, and how that is escaped.
fn spelled(name: &str, secrets: &BTreeMap<String, Secret>) -> Option<Vec<u8>> {
    let (name, spelling) = name.split_once(':').unwrap_or((name, "0"));
    let mut parts = spelling.split('~');
    let spelled = spellings(secrets.get(name)?).into_iter().nth(parts.next()?.parse().ok()?)?;
    parts.try_fold(spelled, |text, signs| escapes::escaped(&text, signs)).map(String::into_bytes)
}

#[cfg(test)]
mod tests {
    use jackfield_core::ids::Millis;
    use proptest::prelude::*;

    use super::*;

    fn secrets() -> BTreeMap<String, Secret> {
        [("token".to_owned(), Secret::new("open:sesame/1")), ("other".to_owned(), Secret::new("12345678"))].into()
    }

    fn request(url: &str, header: &str) -> Request {
        Request {
            method: "POST".to_owned(),
            url: url.to_owned(),
            headers: vec![("x-token".to_owned(), header.as_bytes().to_vec())],
            body: b"open:sesame/1".to_vec(),
            received_at: Millis(1),
        }
    }

    #[test]
    fn what_is_stored_holds_no_secret_and_comes_back_as_it_was() {
        let (secrets, concealer) = (secrets(), Concealer::new(&secrets()).unwrap());
        for (url, header) in [
            ("https://h.example/?t=open%3Asesame%2F1&u=12345678", "open:sesame/1"),
            ("https://h.example/open:sesame%2f1", "Basic b3BlbjpzZXNhbWUvMQ=="),
            ("https://h.example/", "sesame/1, 1234567"),
        ] {
            let came = request(url, header);
            let stored = concealer.conceal(&came);
            let text = format!("{} {:?} {}", stored.url, stored.headers, String::from_utf8_lossy(&stored.body));
            for spelling in secrets.values().flat_map(spellings) {
                assert!(!text.contains(&spelling), "{text}");
            }
            assert_eq!(concealer.reveal(stored, &secrets), came);
        }
    }

    #[test]
    fn nobody_can_have_a_secret_written_where_there_was_none() {
        let (secrets, concealer) = (secrets(), Concealer::new(&secrets()).unwrap());
        for forged in ["{secret:token}", "{secret:!token}", "{secret:{secret:token}", "{secret:token:2}", "{secret:"] {
            let came = Request { body: forged.as_bytes().to_vec(), ..request("https://h.example/", forged) };
            assert_eq!(concealer.reveal(concealer.conceal(&came), &secrets), came, "{forged}");
        }
    }

    #[test]
    fn a_body_that_is_no_text_is_searched_as_well() {
        let (secrets, concealer) = (secrets(), Concealer::new(&secrets()).unwrap());
        let image = Request { body: b"\xff{secret:token}open:sesame/1\xfe".to_vec(), ..request("", "") };
        let stored = concealer.conceal(&image);
        assert_eq!(stored.body, b"\xff{secret:!token}{secret:token}\xfe");
        assert_eq!(concealer.reveal(stored, &secrets), image);
    }

    #[test]
    fn a_secret_is_found_whatever_escapes_spell_it() {
        let (secrets, concealer) = (secrets(), Concealer::new(&secrets()).unwrap());
        for spelled in [
            r"\u006fpen:sesame/1",
            r"\u006Fpen\u003asesame\/\u0031",
            r"b3BlbjpzZXNhbWUvM\u0051==",
            "%6Fp%65n%3ases%61me%2F1",
            r"{\u0073ecret:open:sesame\/1",
            r#"{\"t\":\"\\u006fpen:s%65same\\/1\"}"#,
            "%5cu006Fpen:sesame/1",
        ] {
            let came = Request { body: spelled.as_bytes().to_vec(), ..request(spelled, spelled) };
            let stored = concealer.conceal(&came);
            let texts = [stored.url.as_str(), &stored.headers[0].1, std::str::from_utf8(&stored.body).unwrap()];
            for text in texts {
                assert!(text.contains("{secret:token"), "{text}");
                assert!(!text.contains("same") && !text.contains("sZXNhbWUv"), "{text}");
            }
            assert_eq!(concealer.reveal(stored, &secrets), came, "{spelled}");
        }
    }

    #[test]
    fn a_body_that_was_stored_before_bodies_were_concealed_stays_as_it_is() {
        let (secrets, concealer) = (secrets(), Concealer::new(&secrets()).unwrap());
        let before = RawRequest {
            concealed_body: false,
            body: b"{secret:token}".to_vec(),
            ..concealer.conceal(&request("", ""))
        };
        assert_eq!(concealer.reveal(before, &secrets).body, b"{secret:token}");
    }

    #[test]
    fn what_was_stored_before_secrets_were_concealed_stays_as_it_is() {
        let stored = RawRequest {
            concealed: false,
            ..Concealer::new(&secrets()).unwrap().conceal(&request("{secret:token}", ""))
        };
        let stored = RawRequest { url: "{secret:token}".to_owned(), ..stored };
        assert_eq!(Concealer::new(&secrets()).unwrap().reveal(stored, &secrets()).url, "{secret:token}");
    }

    /// Pieces of secrets, of their names and of escapes, and bytes that are no text.
    fn pieces() -> impl Strategy<Value = Vec<u8>> {
        let texts = [
            "open:sesame/1",
            "open",
            ":sesame",
            r"\/1",
            "/1",
            r"\u006fpen",
            r"\u003A",
            r"\\u003A",
            r"%5c%5c/1",
            "%3as%65same",
            "12345678",
            r"1234\u00356",
            "78",
            "{secret:",
            r"{\u0073ecret:",
            "token}",
            "token:0~..",
            "!",
            "é",
            r"\",
            "%",
        ];
        let bytes = [b"\xff".as_slice(), b"\xe2\x82"];
        let all: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes()).chain(bytes).map(<[u8]>::to_vec).collect();
        prop::collection::vec(prop::sample::select(all), 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn whatever_comes_is_put_back_byte_for_byte(body in pieces()) {
            let (secrets, concealer) = (secrets(), Concealer::new(&secrets()).unwrap());
            let came = Request { body, ..request("https://h.example/", "") };
            let stored = concealer.conceal(&came);
            for text in [stored.body.clone(), escapes::Unescaped::of(&stored.body).map(|plain| plain.bytes).unwrap_or_default()] {
                let text = String::from_utf8_lossy(&text);
                prop_assert!(!text.contains("open:sesame/1") && !text.contains("12345678"), "{}", text);
            }
            prop_assert_eq!(concealer.reveal(stored, &secrets), came);
        }
    }
}
