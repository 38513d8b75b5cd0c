//! WASI is there, because runtimes of languages touch it; behind it is nothing. And what the permissions of a channel are about is
//! refused without them.

use std::time::Duration;

use jackfield_core::event::Identifier;
use jackfield_sandbox::{Binding, CallErrorKind, Failure, Grants, Secret};
use serde_json::json;
use tokio::net::TcpListener;

use crate::fixture::{binding, component, hostile, sandbox, signed, unsigned};

#[tokio::test]
async fn files_sockets_names_and_the_environment_are_not_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let intruder = sandbox().load(component("intruder")).await.unwrap();
    let mut binding = Binding { grants: Grants::default(), config: json!({}), ..binding("") };
    binding.secrets.clear();
    let call = intruder.bind(binding).unwrap().receive(unsigned(port.to_string())).await.unwrap();
    let told = String::from_utf8(call.result.unwrap().reply.body).unwrap();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines[..4], ["directories 0", "environment 0", "arguments 0", "folder None"]);
    for (line, what) in lines[4..].iter().zip(["name", "connect", "listen", "datagram"]) {
        assert!(line.starts_with(what) && !line.contains("succeeded"), "{told}");
        assert!(line.contains("access-denied") || line.contains("permanent-resolver-failure"), "{told}");
    }
    let came = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(came.is_err(), "a connection was made");
}

#[tokio::test]
async fn an_origin_that_was_not_granted_is_no_channel() {
    for revoked in ["http://127.0.0.1:1", "http://127.0.0.1:2"] {
        let mut binding = binding("calls");
        binding.grants.http.retain(|origin| origin.to_string() != revoked);
        let problems = hostile().await.bind(binding).unwrap_err();
        assert_eq!(problems[0].code.as_deref(), Some("not_granted"), "{problems:?}");
        assert!(problems[0].message.contains(revoked), "{problems:?}");
    }
}

#[tokio::test]
async fn a_grant_of_what_the_manifest_does_not_ask_for_gives_nothing() {
    let mut binding = binding("calls");
    binding.grants.http.push("http://169.254.169.254".parse().unwrap());
    binding.grants.private_addresses.push("http://169.254.169.254".parse().unwrap());
    let wanted = json!([{"method": "GET", "url": "http://169.254.169.254/allowed/x"}]).to_string();
    let call = hostile().await.bind(binding).unwrap().receive(unsigned(wanted)).await.unwrap();
    assert_eq!((call.effects.usage.denials, call.effects.usage.http_sent), (1, 0));
}

#[tokio::test]
async fn a_secret_that_the_manifest_does_not_declare_is_not_there() {
    let mut binding = binding("verifies");
    binding.secrets.insert("of-another-channel".to_owned(), Secret::new("of another channel"));
    let problems = hostile().await.bind(binding).unwrap_err();
    assert_eq!(problems[0].code.as_deref(), Some("unknown_secret"));
}

#[tokio::test]
async fn public_webhook_is_needed_for_what_nobody_signed() {
    let mut binding = binding("forges");
    let channel = hostile().await.bind(binding.clone()).unwrap();
    assert_eq!(channel.receive(unsigned("x")).await.unwrap_err().kind, CallErrorKind::Unverified);
    binding.grants.public_webhook = true;
    let channel = hostile().await.bind(binding).unwrap();
    assert!(channel.receive(unsigned("x")).await.unwrap().result.is_ok());
}

#[tokio::test]
async fn a_connector_sees_nothing_of_another_channel() {
    // Two channels of one connector: what one writes, the other does not read, and the secrets of one do not verify for the other.
    let one = hostile().await.bind(binding("verifies")).unwrap();
    let mut other = binding("verifies");
    other.channel = "other".parse().unwrap();
    other.secrets.insert("app-secret".to_owned(), Secret::new("another-secret"));
    let other = hostile().await.bind(other).unwrap();
    assert!(one.receive(signed("x")).await.unwrap().result.is_ok());
    let refused = other.receive(signed("x")).await.unwrap().result;
    assert!(matches!(refused, Err(Failure::Unauthenticated(_))), "{refused:?}");
    let who = Identifier {
        kind: "phone".to_owned(),
        namespace: String::new(),
        value: "+1".to_owned(),
        raw: None,
        scope: None,
    };
    assert!(other.hints(who).await.unwrap().effects.state.is_empty());
}
