//! Calling the API, and what its refusals mean.

use jackfield_sdk::http::{self, Response};
use jackfield_sdk::json::Look;
use jackfield_sdk::{Failure, Problem};
use serde_json::Value;

/// Posts something that must not be done twice. The answer's body, if it is a success.
pub fn act(url: String, body: &Value) -> Result<Value, Failure> {
    accept(http::post(url).json(body).send().map_err(http::Error::of_action)?)
}

/// Asks something.
pub fn ask(url: String) -> Result<Value, Failure> {
    accept(http::get(url).send().map_err(http::Error::of_query)?)
}

fn accept(response: Response) -> Result<Value, Failure> {
    let value = response.value();
    if response.is_success() && value.at("error").is_null() { Ok(value) } else { Err(refusal(&response, &value)) }
}

fn refusal(response: &Response, value: &Value) -> Failure {
    let error = value.at("error");
    let problem = Problem {
        message: error
            .text("message")
            .unwrap_or_else(|| format!("Instagram answered with HTTP status {}.", response.status)),
        code: error.text("code"),
    };
    let after = response.retry_after_ms();
    match (error.int("code"), error.int("error_subcode"), response.status) {
        _ if is_window_closed(error, &problem) => Failure::WindowClosed(problem),
        // Unavailable, or nobody whom the account knows.
        (Some(551), ..) | (Some(100), Some(2_018_001), _) => Failure::RecipientGone(problem),
        (Some(4 | 32 | 613), ..) | (.., 429) => Failure::RateLimited((after, problem)),
        (Some(0 | 3 | 10 | 102 | 190 | 200..=299), ..) | (.., 401 | 403) => Failure::Credentials(problem),
        (Some(1 | 2 | 1200), ..) => Failure::Retry((after, problem)),
        (Some(_), ..) => Failure::Rejected(problem),
        // Somebody on the way waited in vain; what became of the request behind them is unknown.
        (None, _, 504) => Failure::Uncertain(problem),
        (None, _, 500..) => Failure::Retry((after, problem)),
        (None, ..) => Failure::Rejected(problem),
    }
}

/// Code and subcode differ with the way the account logs in, and some answers say it in words only.
fn is_window_closed(error: &Value, problem: &Problem) -> bool {
    let message = problem.message.to_ascii_lowercase();
    error.int("code") == Some(1_545_041)
        || matches!(error.int("error_subcode"), Some(1_545_041 | 2_018_278 | 2_534_022))
        || (message.contains("outside") && message.contains("allowed window"))
}
