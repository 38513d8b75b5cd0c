//! Credentials: put into a request on its way out, where the manifest says.

use data_encoding::BASE64;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

use super::origin::Origin;
use crate::manifest::Place;
use crate::percent::{percent_encode_component, percent_encode_segment};
use crate::secret::Secret;

/// One credential of a channel.
#[derive(Debug)]
pub(crate) struct Credential {
    pub(crate) name: String,
    pub(crate) place: Place,
    /// Where it may go. A subset of what is granted.
    pub(crate) origins: Vec<Origin>,
    /// None if the operator has not set it, which the manifest allows.
    pub(crate) secret: Option<Secret>,
}

/// A request's line and headers, while the credentials are put in.
pub(crate) struct Outgoing<'a> {
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: &'a mut HeaderMap,
}

/// Why a credential could not be put in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unusable(pub(crate) String);

impl Credential {
    /// Puts the credential in its place. What the guest put there itself is replaced.
    pub(crate) fn inject(&self, request: &mut Outgoing<'_>) -> Result<(), Unusable> {
        let Some(secret) = self.secret.as_ref().map(Secret::expose) else {
            return match self.place {
                Place::Path if request.path.contains(&self.placeholder()) => {
                    Err(Unusable(format!("the path needs the secret `{}`, which is not set", self.name)))
                }
                _ => Ok(()),
            };
        };
        match &self.place {
            Place::Bearer => self.header(request.headers, AUTHORIZATION, &format!("Bearer {secret}"))?,
            Place::Basic => {
                let encoded = BASE64.encode(secret.as_bytes());
                self.header(request.headers, AUTHORIZATION, &format!("Basic {encoded}"))?;
            }
            Place::Header(name) => self.header(request.headers, name.clone(), secret)?,
            Place::Query(name) => {
                let kept = request.query.take().unwrap_or_default();
                let pairs = kept.split('&').filter(|pair| !pair.is_empty() && !names(pair, name)).map(str::to_owned);
                let ours = format!("{}={}", percent_encode_component(name), percent_encode_component(secret));
                request.query = Some(pairs.chain([ours]).collect::<Vec<_>>().join("&"));
            }
            Place::Path => request.path = request.path.replace(&self.placeholder(), &percent_encode_segment(secret)),
        }
        Ok(())
    }

    /// `{name}`, which stands in the path for the secret.
    fn placeholder(&self) -> String {
        format!("{{{}}}", self.name)
    }

    fn header(&self, headers: &mut HeaderMap, name: HeaderName, value: &str) -> Result<(), Unusable> {
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| Unusable(format!("the secret `{}` holds characters that no header can carry", self.name)))?;
        // Keeps it out of HTTP/2's header table and of debug output.
        value.set_sensitive(true);
        headers.insert(name, value);
        Ok(())
    }
}

/// Whether a pair of a query has this name, however it is spelled.
fn names(pair: &str, name: &str) -> bool {
    let spelled = pair.split('=').next().unwrap_or_default().replace('+', " ");
    percent_decode_str(&spelled).decode_utf8_lossy() == name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(place: Place, secret: Option<&str>) -> Credential {
        Credential { name: "api-key".to_owned(), place, origins: Vec::new(), secret: secret.map(Secret::new) }
    }

    fn injected(place: Place, secret: &str, path: &str, query: Option<&str>) -> (String, Option<String>, HeaderMap) {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer the-guest's-own"));
        let mut outgoing = Outgoing { path: path.to_owned(), query: query.map(str::to_owned), headers: &mut headers };
        credential(place, Some(secret)).inject(&mut outgoing).unwrap();
        let Outgoing { path, query, .. } = outgoing;
        (path, query, headers)
    }

    #[test]
    fn a_bearer_token_overrides_the_guests_own() {
        let (.., headers) = injected(Place::Bearer, "tok", "/", None);
        assert_eq!(headers.get_all(AUTHORIZATION).iter().collect::<Vec<_>>(), ["Bearer tok"]);
        assert!(headers[AUTHORIZATION].is_sensitive());
    }

    #[test]
    fn basic_authentication_is_encoded() {
        let (.., headers) = injected(Place::Basic, "user:pass", "/", None);
        assert_eq!(headers[AUTHORIZATION], "Basic dXNlcjpwYXNz");
    }

    #[test]
    fn a_query_parameter_replaces_the_guests_own_in_any_spelling() {
        let (_, query, _) = injected(Place::Query("key".to_owned()), "a&b", "/", Some("x=1&key=evil&%6bey=evil&y=2"));
        assert_eq!(query.as_deref(), Some("x=1&y=2&key=a%26b"));
        assert_eq!(injected(Place::Query("key".to_owned()), "s", "/", None).1.as_deref(), Some("key=s"));
    }

    #[test]
    fn a_placeholder_in_the_path_becomes_the_secret() {
        let (path, ..) = injected(Place::Path, "123:AB/../c", "/bot{api-key}/sendMessage", None);
        assert_eq!(path, "/bot123:AB%2F..%2Fc/sendMessage");
    }

    #[test]
    fn an_unset_secret_leaves_no_placeholder_behind() {
        let mut headers = HeaderMap::new();
        let mut outgoing = Outgoing { path: "/bot{api-key}/x".to_owned(), query: None, headers: &mut headers };
        assert!(credential(Place::Path, None).inject(&mut outgoing).is_err());
        assert!(credential(Place::Bearer, None).inject(&mut outgoing).is_ok());
        assert!(outgoing.headers.is_empty());
    }

    #[test]
    fn a_secret_that_no_header_can_carry_is_refused() {
        let mut headers = HeaderMap::new();
        let mut outgoing = Outgoing { path: "/".to_owned(), query: None, headers: &mut headers };
        assert!(credential(Place::Bearer, Some("two\r\nlines")).inject(&mut outgoing).is_err());
    }
}
