//! Keeps a channel's secrets out of requests that are stored: each becomes `{secret:NAME}`, and is put back when the request is handled
//! again.
//!
//! A secret in another spelling (percent-encoded, base64) becomes `{secret:NAME:N}`, the N-th of its [`spellings`]. What looked like that
//! in the request itself is marked, `{secret:!…`, so that nobody can have the host write a secret where there was none.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, MatchKind};
use jackfield_core::fact::RawRequest;

use crate::exchange::Request;
use crate::redact::spellings;
use crate::secret::Secret;

const OPENING: &str = "{secret:";
const MARKED: &str = "{secret:!";

/// Replaces the secrets of one channel by their names, and back.
pub(crate) struct Concealer {
    automaton: AhoCorasick,
    /// What stands for each of the automaton's patterns.
    names: Vec<String>,
}

impl Concealer {
    /// For these secrets. Fails only if they are too many or too long to search for, which the bounds of a binding rule out.
    pub(crate) fn new(secrets: &BTreeMap<String, Secret>) -> Result<Self, String> {
        let (mut needles, mut names) = (vec![OPENING.to_owned()], vec![MARKED.to_owned()]);
        for (name, secret) in secrets {
            for (number, spelling) in spellings(secret).into_iter().enumerate() {
                names.push(match number {
                    0 => format!("{OPENING}{name}}}"),
                    _ => format!("{OPENING}{name}:{number}}}"),
                });
                needles.push(spelling);
            }
        }
        let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(needles);
        Ok(Self { automaton: automaton.map_err(|e| format!("The secrets cannot be searched for: {e}."))?, names })
    }

    /// For the journal, in which text is text. A header that is not UTF-8 loses what is not; no provider sends such. A body that is not
    /// is kept as it came.
    pub(crate) fn conceal(&self, request: &Request) -> RawRequest {
        let header = |(name, value): &(String, Vec<u8>)| (name.clone(), self.hidden(&String::from_utf8_lossy(value)));
        let body = std::str::from_utf8(&request.body).ok().map(|text| self.hidden(text).into_bytes());
        RawRequest {
            method: request.method.clone(),
            url: self.hidden(&request.url),
            headers: request.headers.iter().map(header).collect(),
            concealed_body: body.is_some(),
            body: body.unwrap_or_else(|| request.body.clone()),
            received_at: request.received_at,
            concealed: true,
        }
    }

    /// The request as it came. A secret that is not set any more stays a name.
    pub(crate) fn reveal(&self, mut stored: RawRequest, secrets: &BTreeMap<String, Secret>) -> Request {
        if stored.concealed {
            stored.url = shown(&stored.url, secrets);
            for (_, value) in &mut stored.headers {
                *value = shown(value, secrets);
            }
        }
        if stored.concealed_body
            && let Ok(text) = std::str::from_utf8(&stored.body)
        {
            stored.body = shown(text, secrets).into_bytes();
        }
        stored.into()
    }

    fn hidden(&self, text: &str) -> String {
        self.automaton.replace_all(text, &self.names)
    }
}

fn shown(text: &str, secrets: &BTreeMap<String, Secret>) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPENING) {
        whole.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('!') {
            whole.push_str(OPENING);
            rest = after;
            continue;
        }
        let named = rest.split_once('}').and_then(|(name, after)| Some((spelled(name, secrets)?, after)));
        match named {
            Some((secret, after)) => {
                whole.push_str(&secret);
                rest = after;
            }
            None => whole.push_str(OPENING),
        }
    }
    whole.push_str(rest);
    whole
}

/// A secret by its name and the number of its spelling.
fn spelled(name: &str, secrets: &BTreeMap<String, Secret>) -> Option<String> {
    let (name, number) = match name.split_once(':') {
        Some((name, number)) => (name, number.parse().ok()?),
        None => (name, 0),
    };
    spellings(secrets.get(name)?).into_iter().nth(number)
}

#[cfg(test)]
mod tests {
    use jackfield_core::ids::Millis;

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
    fn a_body_that_is_no_text_or_was_stored_before_bodies_were_concealed_stays_as_it_is() {
        let (secrets, concealer) = (secrets(), Concealer::new(&secrets()).unwrap());
        let image = Request { body: b"\xff{secret:token}open:sesame/1".to_vec(), ..request("", "") };
        let stored = concealer.conceal(&image);
        assert_eq!((stored.concealed_body, &stored.body), (false, &image.body));
        assert_eq!(concealer.reveal(stored, &secrets), image);
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
}
