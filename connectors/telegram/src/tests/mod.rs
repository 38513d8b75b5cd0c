//! The connector against updates in the documented shapes, and against a stand-in for the Bot API.

mod files;
mod inbound;
mod sending;

use jackfield_sdk::testing::{self, Env};
use jackfield_sdk::{Connector, Failure, Header, Outcome};

use crate::Telegram;

pub fn env() -> Env {
    Env::new("tg-main").config(r#"{"api_base": "http://127.0.0.1:4000"}"#).secret("webhook-secret", "hook-Secret_1")
}

pub fn receive(env: &mut Env, body: &str, token: &str) -> Result<Outcome, Failure> {
    let mut request = testing::post("/hooks/tg-main", body);
    request.headers.push(Header { name: "x-telegram-bot-api-secret-token".into(), value: token.into() });
    env.run(|| Telegram::receive(request))
}
