//! Doing what an agent wants done.

use jackfield_sdk::http::{self, Response};
use jackfield_sdk::json::Look;
use jackfield_sdk::{Action, Delivery, Failure, Part, Problem, Receipt, config, send};
use serde::Deserialize;
use serde_json::json;

/// Characters, as the manifest says.
const TEXT_LIMIT: usize = 2000;

/// The channel's configuration, as the manifest's schema describes it.
#[derive(Deserialize)]
struct Config {
    #[serde(default = "api_base")]
    api_base: String,
}

fn api_base() -> String {
    "https://api.example.com".into()
}

/// Does one thing.
pub fn deliver(delivery: &Delivery, idempotency_key: &str) -> Result<Receipt, Failure> {
    let Action::Message(content) = &delivery.action else {
        return Err(Failure::unsupported("This channel only sends messages."));
    };
    let texts = content.parts.iter().map(text).collect::<Result<Vec<_>, _>>()?;
    let config: Config = config::load()?;
    send::in_order(texts, |text, _| post(&config, &delivery.to.value, text, idempotency_key))
}

fn text(part: &Part) -> Result<&str, Failure> {
    match part {
        Part::Text(text) if text.chars().count() > TEXT_LIMIT => {
            Err(Failure::rejected(format!("The text is longer than {TEXT_LIMIT} characters.")))
        }
        Part::Text(text) => Ok(text),
        _ => Err(Failure::unsupported("This channel only sends text.")),
    }
}

/// Posts one message; its id. The host adds the token.
fn post(config: &Config, to: &str, text: &str, key: &str) -> Result<String, Failure> {
    let url = [config.api_base.trim_end_matches('/'), "/messages"].concat();
    let request = http::post(url).header("idempotency-key", key).json(&json!({"to": to, "text": text}));
    // Where no answer comes back, nobody knows whether it was sent: `of_action` says so.
    let response = request.send().map_err(http::Error::of_action)?;
    if !response.is_success() {
        return Err(refusal(&response));
    }
    let id = response.value().text("id");
    id.ok_or_else(|| Failure::uncertain("The provider took the message but gave no id of it."))
}

/// What to do about a refusal.
fn refusal(response: &Response) -> Failure {
    let sentence = response.value().text("error");
    let problem = Problem {
        message: sentence.unwrap_or_else(|| format!("The provider answered with HTTP status {}.", response.status)),
        code: Some(response.status.to_string()),
    };
    match response.status {
        429 => Failure::RateLimited((response.retry_after_ms(), problem)),
        401 | 403 => Failure::Credentials(problem),
        // Somebody on the way waited in vain; what became of the request behind them is unknown.
        504 => Failure::Uncertain(problem),
        500.. => Failure::Retry((response.retry_after_ms(), problem)),
        _ => Failure::Rejected(problem),
    }
}
