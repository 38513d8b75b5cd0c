//! Calls elsewhere: whatever it is told, one request after the other.

use std::time::Duration;

use jackfield_sdk::bindings::wasi::clocks::monotonic_clock;
use jackfield_sdk::http::{Error, Request, Response};
use jackfield_sdk::{Failure, Outcome};
use serde::Deserialize;
use serde_json::{Value, json};

/// One request to make.
#[derive(Deserialize)]
struct Wanted {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: String,
    /// Instead of a body, one of this many bytes.
    #[serde(default)]
    body_size: usize,
}

/// Makes the requests of a JSON list and tells, as another, what became of each.
pub fn all(list: &[u8]) -> Vec<u8> {
    let wanted: Vec<Value> = serde_json::from_slice(list).unwrap_or_default();
    let told: Vec<Value> = wanted.iter().map(|wanted| tell(one(wanted.to_string().as_bytes()))).collect();
    Value::from(told).to_string().into_bytes()
}

/// Makes one request.
pub fn one(wanted: &[u8]) -> Result<Response, Error> {
    let wanted: Wanted = serde_json::from_slice(wanted).map_err(|e| Error::Denied(e.to_string()))?;
    let mut request = Request::new(&wanted.method, wanted.url).timeout(Duration::from_secs(60));
    request.cap = 64 << 20;
    request.headers = wanted.headers;
    request.body = if wanted.body_size > 0 { vec![b'x'; wanted.body_size] } else { wanted.body.into_bytes() };
    request.send()
}

fn tell(answer: Result<Response, Error>) -> Value {
    match answer {
        Ok(response) => json!({
            "status": response.status,
            "headers": response.headers.iter().map(|(n, v)| (n, String::from_utf8_lossy(v))).collect::<Vec<_>>(),
            "size": response.body.len(),
            "body": String::from_utf8_lossy(&response.body[..response.body.len().min(16 << 10)]),
        }),
        Err(Error::Denied(why)) => json!({"denied": why}),
        Err(Error::Unsent(why)) => json!({"unsent": why}),
        Err(Error::Unanswered(why)) => json!({"unanswered": why}),
    }
}

/// Waits for ever, using nothing.
pub fn waits() -> Result<Outcome, Failure> {
    loop {
        monotonic_clock::subscribe_duration(3_600_000_000_000).block();
    }
}
