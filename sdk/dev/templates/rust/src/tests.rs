//! The connector as an ordinary program: the SDK stands in for the host, with real signatures.

use jackfield_sdk::http::{self, Response};
use jackfield_sdk::testing::{self, Env};
use jackfield_sdk::{
    Action, Connector, Content, Delivery, EventBody, Failure, Header, Identifier, Outcome, Part, secrets,
};
use serde_json::json;

use crate::{{type}};

const MESSAGES: &str = include_str!("../fixtures/messages.json");

fn env() -> Env {
    let config = json!({"api_base": "http://127.0.0.1:4000"});
    Env::new("main").config(config).secret("webhook-secret", "a test secret").secret("api-token", "a test token")
}

fn receive(body: &str) -> Result<Outcome, Failure> {
    let mut request = testing::post("/hooks/main", body);
    let mut env = env();
    let sign = || secrets::sign("webhook-secret", &secrets::Scheme::HmacSha256, body.as_bytes());
    let hex: String = env.run(sign).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    request.headers.push(Header { name: "x-signature".into(), value: format!("sha256={hex}").into_bytes() });
    env.run(|| {{type}}::receive(request))
}

fn deliver(env: &mut Env, text: &str) -> Result<Vec<String>, Failure> {
    let content = Content { parts: vec![Part::Text(text.into())], reply_to: None };
    let to = Identifier::global("{{name}}", "ada");
    let delivery = Delivery { to, thread: None, action: Action::Message(content) };
    env.run(|| {{type}}::send(delivery, "key-1")).map(|receipt| receipt.message_ids)
}

#[test]
fn a_text_becomes_a_message_and_an_unknown_kind_is_kept() {
    let outcome = receive(MESSAGES).unwrap();
    assert_eq!(outcome.events.len(), 3);
    let EventBody::Message(first) = &outcome.events[0].body else { panic!("no message") };
    assert_eq!((first.id.as_str(), first.thread.id.as_str()), ("m1", "ada"));
    assert_eq!(first.parts, [Part::Text("Is it in stock? 📦".into())]);
    assert!(matches!(&outcome.events[2].body, EventBody::Other(kept) if kept.name == "hologram"));
}

#[test]
fn a_broken_item_takes_no_sibling_with_it() {
    let body = r#"{"messages": [7, {"type": "text", "id": "m9", "from": "ada", "text": "Hi"}]}"#;
    let outcome = receive(body).unwrap();
    assert_eq!((outcome.events.len(), outcome.unreadable.len()), (1, 1));
}

#[test]
fn a_request_without_a_genuine_signature_is_unauthenticated() {
    let unsigned = testing::post("/hooks/main", MESSAGES);
    assert!(matches!(env().run(|| {{type}}::receive(unsigned)), Err(Failure::Unauthenticated(_))));
}

#[test]
fn a_text_is_sent() {
    let mut env = env().respond_with(Response::json(200, &json!({"id": "out-1"})));
    assert_eq!(deliver(&mut env, "Yes, two").unwrap(), ["out-1"]);
    assert_eq!(env.requests()[0].url, "http://127.0.0.1:4000/messages");
}

#[test]
fn refusals_say_what_to_do_about_them() {
    let answer = |status| env().respond_with(Response::json(status, &json!({})));
    assert!(matches!(deliver(&mut answer(401), "Hi"), Err(Failure::Credentials(_))));
    assert!(matches!(deliver(&mut answer(429), "Hi"), Err(Failure::RateLimited(_))));
    assert!(matches!(deliver(&mut answer(503), "Hi"), Err(Failure::Retry(_))));
    let mut silent = env().respond(|_| Err(http::Error::Unanswered("time ran out".into())));
    assert!(matches!(deliver(&mut silent, "Hi"), Err(Failure::Uncertain(_))));
}
