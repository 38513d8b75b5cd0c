//! What clients send: query strings, ids in paths, JSON bodies, `Idempotency-Key`. Whatever cannot be read is a problem document that
//! says what was expected.

use std::str::FromStr;

use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::{HeaderMap, StatusCode, header, request};
use jackfield_core::fact::Idempotency;
use ring::digest;
use serde::de::{DeserializeOwned, Error, Unexpected};
use serde::{Deserialize, Deserializer};

use crate::problem::{Problem, Result};

/// The header with a key of the client's own.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// What stands for a reason that was not given.
const NO_REASON: &str = "no reason was given";

/// A query string. An unknown parameter is refused, and the known ones are named.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut request::Parts, _: &S) -> Result<Self> {
        match axum::extract::Query::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(Problem::invalid(rejection.body_text())),
        }
    }
}

/// The `{id}` of a path. What cannot be an id names nothing, so it is not found.
#[derive(Debug)]
pub struct Id<T>(pub T);

impl<T, S> FromRequestParts<S> for Id<T>
where
    T: FromStr<Err: std::fmt::Display>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut request::Parts, state: &S) -> Result<Self> {
        let not_found = |why: String| Problem::new(StatusCode::NOT_FOUND, "not_found", why);
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = path.map_err(|rejection| not_found(rejection.body_text()))?;
        text.parse().map(Self).map_err(|bad: T::Err| not_found(bad.to_string()))
    }
}

/// How many rows a list gives: 1 to 200, 50 if the client does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(pub usize);

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let given = u64::deserialize(deserializer)?;
        match usize::try_from(given) {
            Ok(limit @ 1..=200) => Ok(Self(limit)),
            _ => Err(D::Error::invalid_value(Unexpected::Unsigned(given), &"1 to 200")),
        }
    }
}

/// A text of 1 to `MAX` characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<const MAX: usize>(pub String);

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.chars().nth(MAX).is_none() && !text.is_empty() {
            true => Ok(Self(text)),
            false => {
                let expected = format!("1 to {MAX} characters");
                Err(D::Error::invalid_length(text.chars().count(), &expected.as_str()))
            }
        }
    }
}

/// Why an agent does something.
pub type Reason = Text<1000>;

/// The reason, or words for there being none.
pub fn reason(given: Option<Reason>) -> String {
    given.map_or_else(|| NO_REASON.to_owned(), |reason| reason.0)
}

/// A JSON body. No body at all is an empty object. A client's own key for the command is refused, since nothing would keep it: a client
/// that counts on it must not repeat the command.
#[derive(Debug)]
pub struct Command<T> {
    /// The body.
    pub body: T,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Command<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        if request.headers().contains_key(IDEMPOTENCY_KEY) {
            let detail = "this request takes no Idempotency-Key: nothing would remember it. Leave it out, and look how things stand before \
                          you repeat the request";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "idempotency_unsupported", detail));
        }
        let KeyedCommand { body, .. } = KeyedCommand::from_request(request, state).await?;
        Ok(Self { body })
    }
}

/// A JSON body, and the client's own key for the command, which its fact keeps. No body at all is an empty object.
#[derive(Debug)]
pub struct KeyedCommand<T> {
    /// The body.
    pub body: T,
    /// The client's key, with a digest of the request it is for.
    pub idempotency: Option<Idempotency>,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for KeyedCommand<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let key = idempotency_key(request.headers())?;
        let json = is_json(request.headers());
        let what = format!("{} {}\n", request.method(), request.uri().path());
        let bytes = Bytes::from_request(request, state).await.map_err(unreadable)?;
        if !json && !bytes.is_empty() {
            return Err(Problem::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let body = read_object(&bytes)?;
        let idempotency = key.map(|key| Idempotency { key, request: digest_of(&what, &bytes) });
        Ok(Self { body, idempotency })
    }
}

fn read_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let text = bytes.trim_ascii();
    let text = if text.is_empty() { b"{}" } else { text };
    // A list would be taken for the members in their order.
    if !text.starts_with(b"{") {
        return Err(Problem::invalid("the body has to be a JSON object"));
    }
    serde_json::from_slice(text).map_err(|e| Problem::invalid(format!("the body is not what it should be: {e}")))
}

/// The body of a command that has nothing to say.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

fn unreadable(rejection: BytesRejection) -> Problem {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body has more than 1 MiB")
        }
        _ => Problem::broken_off(&rejection),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>> {
    let mut all = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = all.next() else {
        return Ok(None);
    };
    let fits = (1..=255).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic);
    match value.to_str() {
        Ok(key) if fits && all.next().is_none() => Ok(Some(key.to_owned())),
        _ => Err(Problem::invalid(
            "`Idempotency-Key` has to be one value of 1 to 255 visible ASCII characters without spaces",
        )),
    }
}

fn digest_of(what: &str, body: &[u8]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(what.as_bytes());
    context.update(body);
    HEXLOWER.encode(context.finish().as_ref())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Example {
        #[serde(default)]
        limit: Limit,
        #[serde(rename = "q")]
        _q: Option<Text<3>>,
    }

    async fn query(uri: &str) -> Result<Query<Example>> {
        let (mut parts, ()) = http::Request::get(uri).body(()).unwrap().into_parts();
        Query::from_request_parts(&mut parts, &()).await
    }

    async fn command(build: http::request::Builder, body: &'static str) -> Result<KeyedCommand<serde_json::Value>> {
        KeyedCommand::from_request(build.body(Body::from(body)).unwrap(), &()).await
    }

    fn post() -> http::request::Builder {
        http::Request::post("/v1/x").header("content-type", "application/json; charset=utf-8")
    }

    #[tokio::test]
    async fn a_limit_is_1_to_200_and_50_by_itself() {
        assert_eq!(query("/").await.unwrap().0.limit, Limit(50));
        assert_eq!(query("/?limit=200").await.unwrap().0.limit, Limit(200));
        for wrong in ["0", "201", "-1", "x", "", "1.5", "99999999999999999999"] {
            let problem = query(&format!("/?limit={wrong}")).await.unwrap_err();
            assert_eq!((problem.status().as_u16(), problem.code()), (400, "invalid_request"), "{wrong}");
        }
    }

    #[tokio::test]
    async fn an_unknown_parameter_is_refused_and_the_known_ones_are_named() {
        let problem = query("/?team=a").await.unwrap_err();
        let text = format!("{problem:?}");
        assert!(text.contains("team") && text.contains("limit"), "{text}");
    }

    #[tokio::test]
    async fn texts_are_bounded_in_characters() {
        assert!(query("/?q=%C3%A4%C3%B6%C3%BC").await.is_ok());
        for wrong in ["abcd", ""] {
            assert!(query(&format!("/?q={wrong}")).await.is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn the_same_request_has_the_same_digest_and_another_one_has_not() {
        let made = |body| command(post().header("idempotency-key", "k-1"), body);
        let (a, b, c) =
            (made("{\"a\":1}").await.unwrap(), made("{\"a\":1}").await.unwrap(), made("{\"a\":2}").await.unwrap());
        assert_eq!(a.idempotency, b.idempotency);
        assert_ne!(a.idempotency, c.idempotency);
        assert_eq!(a.idempotency.unwrap().key, "k-1");
    }

    #[tokio::test]
    async fn a_key_that_is_not_visible_ascii_is_refused() {
        let long = "a".repeat(256);
        for wrong in ["", "a b", "ä", &long] {
            let problem = command(post().header("idempotency-key", wrong), "{}").await.unwrap_err();
            assert_eq!(problem.status().as_u16(), 400, "{wrong}");
        }
        assert!(command(post().header("idempotency-key", &long[1..]), "{}").await.is_ok());
        let twice = post().header("idempotency-key", "a").header("idempotency-key", "b");
        assert!(command(twice, "{}").await.is_err());
    }

    #[tokio::test]
    async fn a_key_is_refused_where_nothing_would_keep_it() {
        let request = |build: http::request::Builder| build.body(Body::from("{}")).unwrap();
        let keyed = request(post().header("idempotency-key", "k"));
        let problem = Command::<serde_json::Value>::from_request(keyed, &()).await.unwrap_err();
        assert_eq!((problem.status().as_u16(), problem.code()), (400, "idempotency_unsupported"));
        assert!(Command::<serde_json::Value>::from_request(request(post()), &()).await.is_ok());
    }

    #[tokio::test]
    async fn only_json_is_read_and_nothing_is_an_empty_object() {
        assert_eq!(command(http::Request::post("/"), "").await.unwrap().body, serde_json::json!({}));
        let problem = command(http::Request::post("/").header("content-type", "text/plain"), "{}").await.unwrap_err();
        assert_eq!(problem.status().as_u16(), 415);
        for wrong in ["{", "[]", "null", "1"] {
            assert_eq!(command(post(), wrong).await.unwrap_err().status().as_u16(), 400, "{wrong}");
        }
    }
}
