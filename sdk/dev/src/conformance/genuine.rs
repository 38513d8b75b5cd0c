//! Requests as the provider makes them: genuine ones, and ones that are not.

use data_encoding::{BASE64, HEXLOWER};
use jackfield_core::ids::Millis;
use jackfield_sandbox::Request;
use ring::hmac;

use super::plan::{Encoding, Plan, Scheme};

/// What is wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forgery {
    /// Signed with another secret.
    WrongSecret,
    /// The body was changed afterwards.
    ChangedBody,
    /// Half of the proof is missing.
    Truncated,
    /// The header is there and empty.
    Empty,
    /// The header is not there.
    Missing,
}

/// A delivery that is on its way.
pub(super) struct Parcel<'a> {
    pub(super) plan: &'a Plan,
    pub(super) body: Vec<u8>,
    pub(super) content_type: &'a str,
    /// When it arrives.
    pub(super) at: Millis,
    /// When it was sent, by its own account: so many seconds after it arrives.
    pub(super) skew_seconds: i64,
}

impl Parcel<'_> {
    /// The request with a genuine proof.
    pub(super) fn genuine(&self) -> Request {
        let mut request = self.bare();
        if let Some(proof) = self.proof(&self.secret(), &request) {
            request.headers.push((self.plan.signature.header.clone(), proof.into_bytes()));
        }
        request
    }

    /// The request with a proof that is none. A scheme whose proof does not depend on the body has no changed body.
    pub(super) fn forged(&self, forgery: Forgery) -> Option<Request> {
        let mut request = self.bare();
        let secret = match forgery {
            Forgery::WrongSecret => self.secret().chars().rev().chain(['x']).collect(),
            _ => self.secret(),
        };
        let mut proof = self.proof(&secret, &request)?;
        match forgery {
            Forgery::WrongSecret => {}
            Forgery::ChangedBody if self.plan.signature.scheme == Scheme::Equals => return None,
            Forgery::ChangedBody => request.body.push(b' '),
            Forgery::Truncated => proof.truncate(proof.len() / 2),
            Forgery::Empty => proof.clear(),
            Forgery::Missing => return Some(request),
        }
        request.headers.push((self.plan.signature.header.clone(), proof.into_bytes()));
        Some(request)
    }

    fn secret(&self) -> String {
        self.plan.secrets.get(&self.plan.signature.secret).cloned().unwrap_or_default()
    }

    fn bare(&self) -> Request {
        let mut headers = vec![("content-type".to_owned(), self.content_type.as_bytes().to_vec())];
        headers.extend(
            self.plan.webhook.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone().into_bytes())),
        );
        if let Some(header) = &self.plan.signature.timestamp_header {
            headers.push((header.clone(), self.timestamp().into_bytes()));
        }
        Request {
            method: "POST".to_owned(),
            url: self.plan.channel.url.clone(),
            headers,
            body: self.body.clone(),
            received_at: self.at,
        }
    }

    fn timestamp(&self) -> String {
        let seconds = self.at.0 / 1_000;
        seconds.saturating_add_signed(self.skew_seconds).to_string()
    }

    fn proof(&self, secret: &str, request: &Request) -> Option<String> {
        let signature = &self.plan.signature;
        let algorithm = match signature.scheme {
            Scheme::None => return None,
            Scheme::Equals => return Some(format!("{}{secret}", signature.prefix)),
            Scheme::HmacSha256 => hmac::HMAC_SHA256,
            Scheme::HmacSha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        };
        let message = fill(&signature.message, &self.timestamp(), request);
        let tag = hmac::sign(&hmac::Key::new(algorithm, secret.as_bytes()), &message);
        let spelled = match signature.encoding {
            Encoding::Hex => HEXLOWER.encode(tag.as_ref()),
            Encoding::Base64 => BASE64.encode(tag.as_ref()),
        };
        Some(format!("{}{spelled}", signature.prefix))
    }
}

/// The signed message. The body may be no text, so bytes are put together.
fn fill(template: &str, timestamp: &str, request: &Request) -> Vec<u8> {
    let places: [(&str, &[u8]); 4] = [
        ("{timestamp}", timestamp.as_bytes()),
        ("{method}", request.method.as_bytes()),
        ("{url}", request.url.as_bytes()),
        ("{body}", &request.body),
    ];
    let mut message = Vec::new();
    let mut rest = template;
    while !rest.is_empty() {
        let place = places.iter().find_map(|(name, value)| Some((rest.strip_prefix(name)?, *value)));
        match place {
            Some((after, value)) => {
                message.extend_from_slice(value);
                rest = after;
            }
            None => {
                let length = rest.chars().next().map_or(1, char::len_utf8);
                message.extend_from_slice(&rest.as_bytes()[..length]);
                rest = &rest[length..];
            }
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(signature: &str) -> Plan {
        toml::from_str(&format!("secrets = {{ key = \"8f742231b10e8888abcd99yyyzzz85a5\" }}\n[signature]\n{signature}"))
            .unwrap()
    }

    fn parcel<'a>(plan: &'a Plan, body: &str) -> Parcel<'a> {
        Parcel { plan, body: body.into(), content_type: "text/plain", at: Millis(1_531_420_618_999), skew_seconds: 0 }
    }

    fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
        let (_, value) = request.headers.iter().find(|(header, _)| header == name)?;
        std::str::from_utf8(value).ok()
    }

    #[test]
    fn the_example_of_slacks_documentation_comes_out() {
        let plan = plan(
            "scheme = \"hmac-sha256\"\nsecret = \"key\"\nheader = \"x-slack-signature\"\nprefix = \"v0=\"\n\
             message = \"v0:{timestamp}:{body}\"\ntimestamp_header = \"x-slack-request-timestamp\"",
        );
        let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        let request = parcel(&plan, body).genuine();
        assert_eq!(header(&request, "x-slack-request-timestamp"), Some("1531420618"));
        assert_eq!(
            header(&request, "x-slack-signature"),
            Some("v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503")
        );
    }

    #[test]
    fn a_forged_request_never_carries_the_genuine_proof() {
        for scheme in ["equals", "hmac-sha256", "hmac-sha1"] {
            let plan =
                plan(&format!("scheme = \"{scheme}\"\nsecret = \"key\"\nheader = \"x-s\"\nencoding = \"base64\""));
            let parcel = parcel(&plan, "{}");
            let genuine = parcel.genuine();
            for forgery in
                [Forgery::WrongSecret, Forgery::ChangedBody, Forgery::Truncated, Forgery::Empty, Forgery::Missing]
            {
                if let Some(forged) = parcel.forged(forgery) {
                    assert_ne!(
                        (header(&forged, "x-s"), &forged.body),
                        (header(&genuine, "x-s"), &genuine.body),
                        "{forgery:?}"
                    );
                }
            }
        }
    }
}
