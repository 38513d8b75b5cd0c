//! Who asks, and whether they may. Keys come as `Authorization: Bearer jf_…` and are looked up by their hash.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header, request};
use jackfield_core::fact::{Actor, Role};
use jackfield_core::ids::KeyId;
use jackfield_core::views::operations;

use super::body::Vouched;
use crate::front::seats::Seat;
use crate::host::Host;
use crate::keys;
use crate::problem::{Problem, Result};

/// No key is longer.
const MAX_KEY: usize = 256;

/// The holder of a good key.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The key.
    pub key: KeyId,
}

impl Caller {
    /// As facts name them.
    #[must_use]
    pub fn actor(self) -> Actor {
        Actor::Key(self.key)
    }
}

/// What let a request through, for answers that outlive the moment at which it was looked at.
#[derive(Clone, Debug)]
pub(super) struct Credential {
    hash: String,
    needed: Role,
}

impl Credential {
    /// Whether it would be let through now. Where that cannot be found out, it would not.
    pub(super) fn is_good(&self, host: &Host) -> bool {
        let key = operations::api_key_by_hash(&host.view(), &self.hash);
        key.is_ok_and(|key| key.is_some_and(|key| key.role >= self.needed))
    }
}

impl<S: Sync> FromRequestParts<S> for Credential {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut request::Parts, _: &S) -> Result<Self> {
        parts.extensions.get().cloned().ok_or_else(unauthenticated)
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut request::Parts, _: &S) -> Result<Self> {
        parts.extensions.get().copied().ok_or_else(unauthenticated)
    }
}

/// Lets a request through if its key has at least this role.
pub async fn require(State((host, role)): State<(Arc<Host>, Role)>, mut request: Request, next: Next) -> Response {
    match admit(&host, request.headers(), role) {
        Ok((caller, credential)) => {
            if let Some(seat) = request.extensions().get::<Arc<Seat>>() {
                seat.show_key();
            }
            request.extensions_mut().insert(caller);
            let (theirs, still) = (Arc::clone(&host), credential.clone());
            let mut request = request.map(|body| Vouched::body(body, move || still.is_good(&theirs)));
            request.extensions_mut().insert(credential);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

fn admit(host: &Host, headers: &HeaderMap, needed: Role) -> Result<(Caller, Credential)> {
    let text = bearer(headers).ok_or_else(unauthenticated)?;
    let hash = keys::hash(text);
    let key = operations::api_key_by_hash(&host.view(), &hash)?.ok_or_else(unauthenticated)?;
    if key.role < needed {
        let detail = format!("this needs a key with the role {} or higher; yours is {}", word(needed), word(key.role));
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail));
    }
    Ok((Caller { key: key.id }, Credential { hash, needed }))
}

/// The key in the one `Authorization` header.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let value = all.next()?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    let key = key.trim();
    let fits = scheme.eq_ignore_ascii_case("bearer") && key.starts_with(keys::PREFIX) && key.len() <= MAX_KEY;
    (fits && all.next().is_none()).then_some(key)
}

fn unauthenticated() -> Problem {
    let detail = "send `Authorization: Bearer KEY` with a good API key; `jackfield key create` makes one";
    Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
}

/// A role as it is written in JSON.
pub(super) fn word(role: Role) -> &'static str {
    match role {
        Role::Reader => "reader",
        Role::Agent => "agent",
        Role::Operator => "operator",
        Role::Admin => "admin",
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        let pairs = values.iter().map(|value| (header::AUTHORIZATION, HeaderValue::from_static(value)));
        pairs.collect()
    }

    #[test]
    fn a_key_is_found_however_the_scheme_is_written() {
        for value in ["Bearer jf_abc", "bearer jf_abc", "BEARER  jf_abc "] {
            assert_eq!(bearer(&headers(&[value])), Some("jf_abc"), "{value}");
        }
    }

    #[test]
    fn what_is_no_single_key_of_ours_is_none() {
        for values in [&[][..], &["jf_abc"], &["Basic jf_abc"], &["Bearer abc"], &["Bearer jf_a", "Bearer jf_b"]] {
            assert_eq!(bearer(&headers(values)), None, "{values:?}");
        }
    }

    #[test]
    fn roles_are_ordered() {
        assert!(Role::Reader < Role::Agent && Role::Agent < Role::Operator && Role::Operator < Role::Admin);
    }
}
