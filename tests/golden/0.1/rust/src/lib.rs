//! A connector that uses everything the contract 0.1 had in its first edition: every export, every import, every kind of event.

mod events;

use jackfield_sdk::bindings::jackfield::connector::channel;
use jackfield_sdk::bindings::wasi::clocks::{monotonic_clock, wall_clock};
use jackfield_sdk::bindings::wasi::random::random;
use jackfield_sdk::secrets::{self, Scheme};
use jackfield_sdk::{
    Action, Connector, Delivery, Failure, Health, Hint, Identifier, Outcome, Problem, Receipt, Reply, Request, Step,
    Subject, Trust, export, http, log, state,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Config {
    target: String,
}

fn config() -> Result<Config, Failure> {
    serde_json::from_str(&channel::config()).map_err(|e| Failure::misconfigured(e.to_string()))
}

/// The connector.
struct Golden;

impl Connector for Golden {
    /// Verifies the body's signature, then tells one event of every kind. `GET` is the handshake.
    fn receive(request: Request) -> Result<Outcome, Failure> {
        if request.method == "GET" {
            let token = request.query("token").unwrap_or_default();
            return match secrets::equals("app-secret", token.as_bytes())? {
                true => Ok(Outcome::reply(Reply::text(200, request.query("challenge").unwrap_or_default()))),
                false => Err(Failure::unauthenticated("The token is wrong.")),
            };
        }
        let signature = request.header("x-signature").unwrap_or_default();
        if !secrets::verify_hex("app-secret", &Scheme::HmacSha256, &request.body, signature)? {
            return Err(Failure::unauthenticated("The signature is wrong."));
        }
        let seen = state::get_text("seen")?.unwrap_or_default().len();
        state::set("seen", "x".repeat(seen + 1))?;
        state::set("gone", "x")?;
        state::delete("gone")?;
        log::debug(&format!("channel {} keys {}", channel::id(), state::list_keys("")?.join(",")));
        log::info("information");
        log::warn("warning");
        log::error("error");
        let mut outcome = Outcome::reply(Reply::text(200, "taken"));
        outcome.events = events::all(&String::from_utf8_lossy(&request.body), request.received_at);
        outcome.unreadable("raw", "on purpose");
        Ok(outcome)
    }

    /// Answers with what the action was.
    fn send(delivery: Delivery, key: &str) -> Result<Receipt, Failure> {
        let what = match delivery.action {
            Action::Message(content) => {
                let answer = http::post(format!("{}/golden/send", config()?.target))
                    .json(&serde_json::json!({"to": delivery.to.value, "parts": content.parts.len(), "key": key}))
                    .send()
                    .map_err(|error| error.of_action())?;
                format!("message:{}", answer.status)
            }
            Action::Template(template) => format!("template:{}:{}", template.name, template.parameters.join(",")),
            Action::Edit(edit) => format!("edit:{}", edit.message_id),
            Action::Delete(id) => format!("delete:{id}"),
            Action::Reaction(reaction) => format!("reaction:{}", reaction.emoji.unwrap_or_default()),
            Action::MarkRead(id) => format!("mark-read:{id}"),
            Action::Typing => return Ok(Receipt::done()),
            Action::Call => return Err(Failure::unsupported("Nobody calls here.")),
            Action::Other(other) => return Err(failure(&other.name)),
        };
        Ok(Receipt { message_ids: vec![what], events: vec![events::change()] })
    }

    fn hints(who: Identifier) -> Result<Vec<Hint>, Failure> {
        Ok(events::hints(&who.value))
    }

    fn validate(config: &str) -> Vec<Problem> {
        match serde_json::from_str::<Config>(config) {
            Ok(config) if config.target.ends_with('/') => vec![Problem::with_code("`target` ends in a slash.", "slash")],
            Ok(_) => Vec::new(),
            Err(error) => vec![Problem::new(error.to_string())],
        }
    }

    /// Uses the clocks and random numbers, and calls the provider.
    fn check() -> Result<Health, Failure> {
        let (started, now) = (monotonic_clock::now(), wall_clock::now().seconds);
        let differ = random::get_random_u64() != random::get_random_u64();
        let signed = secrets::sign("app-secret", &Scheme::HmacSha256, b"check")?.len();
        let answer = http::get(format!("{}/golden/check", config()?.target)).send();
        let answer = answer.map_err(|error| error.of_action())?;
        let forward = monotonic_clock::now() >= started;
        Ok(Health {
            summary: format!(
                "status {} clock {} {forward} random {differ} signature {signed}",
                answer.status,
                now > 1_700_000_000
            ),
        })
    }

    fn connect(public_url: &str) -> Result<Vec<Step>, Failure> {
        let done = Step { title: format!("Registered {public_url}"), todo: None };
        Ok(vec![done, Step { title: "Publish".into(), todo: Some("Press the button.".into()) }])
    }
}

/// The failure of this name.
fn failure(name: &str) -> Failure {
    let problem = Problem::with_code("on purpose", "E1");
    match name {
        "retry" => Failure::Retry((Some(1), problem)),
        "rate-limited" => Failure::RateLimited((Some(2), problem)),
        "rejected" => Failure::Rejected(problem),
        "recipient-gone" => Failure::RecipientGone(problem),
        "window-closed" => Failure::WindowClosed(problem),
        "credentials" => Failure::Credentials(problem),
        "unsupported" => Failure::Unsupported(problem),
        "uncertain" => Failure::Uncertain(problem),
        "unauthenticated" => Failure::Unauthenticated(problem),
        "misconfigured" => Failure::Misconfigured(problem),
        _ => Failure::Other(problem),
    }
}

/// Used by `events` too.
fn hint(about: Subject, trust: Trust) -> Hint {
    Hint::new(about, trust, "golden")
}

export!(Golden);
