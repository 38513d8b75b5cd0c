//! Calling the Graph API, and what its refusals mean.

use jackfield_sdk::http::{self, Response};
use jackfield_sdk::json::Look;
use jackfield_sdk::{Failure, Problem};
use serde_json::Value;

/// Posts something that must not be done twice. The answer's body, if it is a success.
pub fn act(url: String, body: &Value) -> Result<Value, Failure> {
    accept(&http::post(url).json(body).send().map_err(http::Error::of_action)?)
}

/// Asks something.
pub fn ask(url: String) -> Result<Value, Failure> {
    accept(&http::get(url).send().map_err(http::Error::of_query)?)
}

/// The body of an answer that is a success.
pub fn accept(response: &Response) -> Result<Value, Failure> {
    let value = response.value();
    if response.is_success() && value.at("error").is_null() { Ok(value) } else { Err(refusal(response, &value)) }
}

/// Built on codes and details, as Meta asks for; titles and sentences change.
fn refusal(response: &Response, value: &Value) -> Failure {
    let error = value.at("error");
    let sentence = ["error_data.details", "message", "error_user_msg"].into_iter().find_map(|path| error.text(path));
    let problem = Problem {
        message: sentence.unwrap_or_else(|| format!("WhatsApp answered with HTTP status {}.", response.status)),
        code: error.text("code"),
    };
    let after = response.retry_after_ms();
    match (error.int("code"), response.status) {
        // One customer is written to too fast: about one message in six seconds, and only for that pair.
        (Some(131_056), _) => Failure::Retry((after.or(Some(6_000)), problem)),
        (Some(4 | 613 | 80_007 | 130_429 | 131_048 | 133_016), _) | (_, 429) => Failure::RateLimited((after, problem)),
        (Some(131_047 | 470), _) => Failure::WindowClosed(problem),
        // Undeliverable, or opted out of marketing.
        (Some(131_026 | 131_050), _) => Failure::RecipientGone(problem),
        (Some(0 | 3 | 10 | 190 | 200..=299 | 131_005), _) | (_, 401) => Failure::Credentials(problem),
        (Some(1 | 2 | 131_000 | 131_016 | 131_053 | 133_004), _) => Failure::Retry((after, problem)),
        (Some(_), _) => Failure::Rejected(problem),
        (None, 403) => Failure::Credentials(problem),
        // Somebody on the way waited in vain; what became of the request behind them is unknown.
        (None, 504) => Failure::Uncertain(problem),
        (None, 500..) => Failure::Retry((after, problem)),
        (None, _) => Failure::Rejected(problem),
    }
}
