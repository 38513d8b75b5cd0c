//! The stand-in for the host on targets other than WebAssembly: an [`Env`] for each channel, and requests as providers send them.
//!
//! Signatures are checked with real cryptography. Nothing leaves the program: HTTP is answered by a closure.

mod env;
pub(crate) mod host;
mod keys;

pub use env::Env;
pub(crate) use env::answer;

use data_encoding::HEXLOWER;
use ring::hmac;

use crate::{Header, Request};

/// A `GET` of a path with query.
#[must_use]
pub fn get(path: &str) -> Request {
    request("GET", path, Vec::new())
}

/// A `POST` to a path.
pub fn post(path: &str, body: impl Into<Vec<u8>>) -> Request {
    request("POST", path, body.into())
}

/// Adds the `X-Hub-Signature-256` of the body as it now is.
pub fn sign_hub(request: &mut Request, secret: &str) {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), &request.body);
    let value = format!("sha256={}", HEXLOWER.encode(tag.as_ref())).into_bytes();
    request.headers.push(Header { name: "x-hub-signature-256".into(), value });
}

fn request(method: &str, path: &str, body: Vec<u8>) -> Request {
    let url = format!("https://desk.example{path}");
    Request { method: method.into(), url, headers: Vec::new(), body, received_at: 1_700_000_000_000 }
}
