//! Why nothing is done, and by whom it was asked.

use crate::fact::{Actor, Outcome, Refusal};

/// How an actor is written in keys and evidence.
#[must_use]
pub fn actor_name(actor: &Actor) -> String {
    match actor {
        Actor::Host => String::from("host"),
        Actor::Operator => String::from("operator"),
        Actor::Channel(channel) => format!("channel {channel}"),
        Actor::Key(key) => key.to_string(),
    }
}

/// A refusal without details.
pub(crate) fn refuse(code: &str, message: &str) -> Outcome {
    refuse_with(code, message, &[])
}

pub(crate) fn refuse_with(code: &str, message: &str, details: &[(&str, String)]) -> Outcome {
    let details = details.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
    Outcome::Refused(Refusal { code: code.to_owned(), message: message.to_owned(), details })
}

pub(crate) fn not_found(what: &str, id: impl std::fmt::Display) -> Outcome {
    refuse("not_found", &format!("there is no {what} {id}"))
}
