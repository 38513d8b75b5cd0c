//! A small blocking HTTP client. Only origins that the manifest names and the operator granted can be reached; the host adds the
//! credentials on the way out, so no request here carries one.

mod error;
#[cfg(target_family = "wasm")]
mod wasi;

use std::time::Duration;

use serde_json::Value;

pub use error::Error;

/// As long as nothing else is said, an answer of more bytes than this is an error.
const DEFAULT_CAP: usize = 1 << 20;
/// As long as nothing else is said, this is how long an answer may keep one waiting.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);

/// A request that is being written.
#[derive(Clone, Debug)]
pub struct Request {
    /// Upper case.
    pub method: String,
    /// Absolute, `http` or `https`.
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// For connecting, for the first byte of the answer, and between two of its bytes.
    pub timeout: Duration,
    /// The most bytes that the answer's body may have.
    pub cap: usize,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// As the server gave it; 4xx and 5xx are no errors here.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// The origin of a URL, such as `https://files.example.com`: what stands before its path. What it gives for a text that is no URL equals
/// no origin.
#[must_use]
pub fn origin(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    let length = url[start..].find(['/', '?', '#', '\\']).unwrap_or(url.len() - start);
    &url[..start + length]
}

/// A `GET`.
pub fn get(url: impl Into<String>) -> Request {
    Request::new("GET", url)
}

/// A `POST`.
pub fn post(url: impl Into<String>) -> Request {
    Request::new("POST", url)
}

impl Request {
    /// Any method.
    pub fn new(method: &str, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: DEFAULT_TIMEOUT,
            cap: DEFAULT_CAP,
        }
    }

    /// Adds a header; its name in lower case.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body to a JSON text.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into_bytes();
        self.header("content-type", "application/json")
    }

    /// How long to wait; see the field.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The most bytes of an answer.
    #[must_use]
    pub fn cap(mut self, bytes: usize) -> Self {
        self.cap = bytes;
        self
    }

    /// Sends it and waits for the whole answer.
    pub fn send(self) -> Result<Response, Error> {
        #[cfg(target_family = "wasm")]
        return wasi::send(&self);
        #[cfg(not(target_family = "wasm"))]
        return crate::testing::answer(&self);
    }
}

impl Response {
    /// An answer of JSON, for a test's responder.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type".into(), b"application/json".to_vec())];
        Self { status, headers, body: body.to_string().into_bytes() }
    }

    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The first header of this name, in lower case, if it is UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(header, _)| header == name)?;
        std::str::from_utf8(value).ok()
    }

    /// `Retry-After` in milliseconds, where it is a number of seconds.
    #[must_use]
    pub fn retry_after_ms(&self) -> Option<u64> {
        self.header("retry-after")?.trim().parse::<u64>().ok()?.checked_mul(1000)
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn the_origin_of_a_url_ends_where_its_path_begins() {
        let ours = "https://files.example:8443";
        for url in ["", "/a/b?c=https://x.example", "?a", "#a"].map(|rest| [ours, rest].concat()) {
            assert_eq!(origin(&url), ours);
        }
        for other in [
            "https://files.example:8443@evil.example/",
            "https://files.example:8443.evil.example/",
            "files.example",
            "",
        ] {
            assert_ne!(origin(other), ours, "{other}");
        }
    }
}
