//! Calling the Bot API, and what its refusals mean.

use jackfield_sdk::http::{self, Response};
use jackfield_sdk::json::Look;
use jackfield_sdk::{Failure, Problem};
use serde_json::{Value, json};

use crate::config::Config;

/// What came of doing something.
pub enum Done {
    /// It was done; the result.
    Yes(Value),
    /// Nothing was done: the group goes on under another id.
    Moved(String),
}

/// Does something that must not be done twice.
pub fn act(config: &Config, method: &str, body: &Value) -> Result<Done, Failure> {
    let response = http::post(config.url(method)).json(body).send().map_err(http::Error::of_action)?;
    let value = response.value();
    match value.text("parameters.migrate_to_chat_id") {
        Some(chat) => Ok(Done::Moved(chat)),
        None => accept(&response, &value).map(Done::Yes),
    }
}

/// Asks something.
pub fn ask(config: &Config, method: &str, body: &Value) -> Result<Value, Failure> {
    let response = http::post(config.url(method)).json(body).send().map_err(http::Error::of_query)?;
    accept(&response, &response.value())
}

/// Asks something that takes no parameters.
pub fn ask_plainly(config: &Config, method: &str) -> Result<Value, Failure> {
    ask(config, method, &json!({}))
}

fn accept(response: &Response, value: &Value) -> Result<Value, Failure> {
    if response.is_success() && value.flag("ok") {
        Ok(value.at("result").clone())
    } else {
        Err(refusal(response, value))
    }
}

fn refusal(response: &Response, value: &Value) -> Failure {
    let code = value.int("error_code").unwrap_or_else(|| response.status.into());
    let sentence = value.text("description").unwrap_or_else(|| format!("Telegram answered with HTTP status {code}."));
    let problem = Problem::with_code(sentence, code.to_string());
    // How long to wait stands in the body; the header is for what may stand in front of a Bot API server.
    let seconds = value.int("parameters.retry_after").and_then(|seconds| u64::try_from(seconds).ok());
    let after = seconds.map(|seconds| seconds.saturating_mul(1000)).or_else(|| response.retry_after_ms());
    match code {
        429 => Failure::RateLimited((after, problem)),
        // Blocked, deactivated, thrown out of the group, or never spoken to.
        403 => Failure::RecipientGone(problem),
        // An unknown token makes an unknown path.
        401 | 404 => Failure::Credentials(problem),
        // Somebody on the way waited in vain; what became of the request behind them is unknown.
        504 => Failure::Uncertain(problem),
        500.. => Failure::Retry((after, problem)),
        // A success without an `ok` is no answer of the Bot API.
        200..300 => Failure::Uncertain(problem),
        _ => Failure::Rejected(problem),
    }
}
