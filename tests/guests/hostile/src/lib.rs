//! A connector that does, as its configuration says, everything that a hostile connector would.
//!
//! One crate for all, because what differs is a few lines each, and each crate more is a build and a file more. The file of a behaviour
//! is named after what it does:
//!
//! * [`asks`]: polling, honest and not.
//! * [`files`]: attachments, honest and not.
//! * [`exhausts`]: time, memory, stack, output, log, handles, state.
//! * [`calls`]: HTTP to wherever it is told, and waiting.
//! * [`forges`]: events of requests that nobody signed, and events that break the contract.
//! * [`hunts`]: for secrets, in all that it can reach.
//! * [`remembers`]: what earlier calls left in its memory.
//! * [`says`]: whatever it is told to, about anybody.

pub mod asks;
pub mod calls;
pub mod exhausts;
pub mod files;
pub mod forges;
#[cfg(target_family = "wasm")]
pub mod hunts;
pub mod remembers;
pub mod says;

use jackfield_sdk::{
    Action, Connector, Delivery, Failure, Hint, Identifier, Outcome, Problem, Property, Receipt, Reply, Request,
    config, export,
};
use serde::Deserialize;

/// The channel's configuration.
#[derive(Deserialize)]
pub struct Config {
    /// What to do.
    pub r#do: String,
    /// Where its author listens.
    #[serde(default)]
    pub target: String,
}

/// The connector.
pub struct Hostile;

impl Connector for Hostile {
    fn receive(request: Request) -> Result<Outcome, Failure> {
        let behaviour = config::load::<Config>()?.r#do;
        match behaviour.as_str() {
            "calls" | "only-calls" => Ok(Outcome::reply(Reply::text(200, calls::all(&request.body)))),
            "waits" => calls::waits(),
            "says" => forges::verifies(&request).and_then(|()| says::all(&request)),
            "says-unproven" => says::all(&request),
            "remembers" => Ok(remembers::remembers(&request.body)),
            #[cfg(target_family = "wasm")]
            "hunts" => Ok(Outcome::reply(Reply::text(200, hunts::hunts(&request.body).to_string()))),
            _ => match forges::run(&behaviour, &request) {
                Some(outcome) => outcome,
                None => exhausts::run(&behaviour, &request),
            },
        }
    }

    fn send(delivery: Delivery, key: &str) -> Result<Receipt, Failure> {
        let behaviour = config::load::<Config>()?.r#do;
        if behaviour.starts_with("says") {
            return says::tells(&delivery);
        }
        let Action::Other(Property { value, .. }) = &delivery.action else {
            return Err(Failure::unsupported("Only requests are sent here."));
        };
        let answer = calls::one(value.as_bytes());
        match (behaviour.as_str(), answer) {
            ("sends-and-dies", _) => panic!("after the request {key} had been sent"),
            (_, Ok(response)) => Ok(Receipt { message_ids: vec![response.status.to_string()], events: Vec::new() }),
            (_, Err(error)) => Err(error.of_action()),
        }
    }

    fn hints(who: Identifier) -> Result<Vec<Hint>, Failure> {
        Ok(forges::hints(who))
    }

    fn validate(config: &str) -> Vec<Problem> {
        // Nothing may be called outside from here; this tries.
        let target = serde_json::from_str::<serde_json::Value>(config).unwrap_or_default();
        if target["do"] != "calls" {
            return Vec::new();
        }
        let url = format!("{}/allowed/validate", target["target"].as_str().unwrap_or_default());
        match jackfield_sdk::http::get(url).send() {
            Ok(_) => vec![Problem::new("It was let out.")],
            Err(error) => vec![Problem::new(error.to_string())],
        }
    }
}

export!(Hostile, poll, media);
