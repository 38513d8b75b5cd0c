//! Secrets stay where they are.

use data_encoding::HEXLOWER;
use jackfield_sandbox::{Binding, Failure, Secret};
use serde_json::json;

use crate::fixture::{APP_SECRET, binding, channel, hostile, online, signed, unsigned};
use crate::server::{Answer, Server, ok};

#[tokio::test]
async fn an_unset_required_secret_is_a_problem_and_no_channel() {
    let mut binding = binding("verifies");
    binding.secrets.clear();
    let problems = hostile().await.bind(binding).unwrap_err();
    assert_eq!(problems[0].message, "The secret `app-secret` is not set: The key of the signatures.");
    assert_eq!(problems[0].code.as_deref(), Some("missing_secret"));
}

#[tokio::test]
async fn all_problems_of_a_binding_are_told_at_once_with_their_remedy() {
    let mut binding = binding("verifies");
    binding.config = json!({"do": 1, "doo": "x"});
    binding.secrets.insert("basic-key".to_owned(), Secret::new("no colon in it"));
    binding.secrets.insert("app-secret".to_owned(), Secret::new("short"));
    binding.secrets.insert("app-secert".to_owned(), Secret::new("misspelled"));
    binding.grants.http.clear();
    binding.limits.memory_bytes = 1 << 20;
    let problems = hostile().await.bind(binding).unwrap_err();
    let codes: Vec<_> = problems.iter().filter_map(|problem| problem.code.as_deref()).collect();
    assert_eq!(
        codes,
        ["config", "config", "bad_secret", "bad_secret", "unknown_secret", "not_granted", "not_granted"],
        "{problems:?}"
    );
    let told = format!("{problems:?}");
    assert!(told.contains("add it to the channel's `http` grants"), "{told}");
    for secret in ["no colon in it", "short\"", "misspelled"] {
        assert!(!told.contains(secret), "{told}");
    }
}

#[tokio::test]
async fn an_empty_secret_equals_nothing() {
    let mut binding = binding("verifies");
    binding.secrets.insert("app-secret".to_owned(), Secret::new(""));
    assert!(hostile().await.bind(binding).is_err());
}

#[tokio::test]
async fn a_secret_in_a_log_line_is_replaced_and_control_characters_are_escaped() {
    let request = unsigned(format!("it is {APP_SECRET}!\n\u{1b}[2Jforged line"));
    let call = channel("logs").await.receive(request).await.unwrap();
    assert_eq!(call.effects.log[0].message, "it is [redacted]!\\n\\u{1b}[2Jforged line");
}

#[tokio::test]
async fn the_guests_memory_holds_no_secret_even_when_a_server_sends_it_back() {
    let server = Server::start(|request| Answer::Bytes(ok("x-echo: the-bearer-key\r\n", request))).await;
    let mut binding = online("hunts", &server.origin);
    let secrets = [("bearer-key", "the-bearer-key"), ("query-key", "the/query&key"), ("header-key", "the-header-key")];
    for (name, value) in secrets {
        binding.secrets.insert(name.to_owned(), Secret::new(value));
    }
    let channel = hostile().await.bind(Binding { ..binding }).unwrap();
    let requests = json!([{"method": "POST", "url": server.url("hunt?a=1"), "body": "hello"}]);

    for (name, value) in secrets.into_iter().chain([("app-secret", APP_SECRET)]) {
        assert_eq!(hunt(&channel, &requests.to_string(), value).await, 0, "{name} is in the guest's memory");
    }
    // The hunter finds what is there: its own configuration.
    assert!(hunt(&channel, &requests.to_string(), &server.origin).await > 0);
    // And the server did get the secrets.
    let sent = &server.requests()[0];
    assert!(sent.contains("authorization: Bearer the-bearer-key"), "{sent}");
    assert!(sent.contains("POST /allowed/hunt?a=1&key=the%2Fquery%26key "), "{sent}");
    assert!(sent.contains("x-api-key: the-header-key"), "{sent}");
}

async fn hunt(channel: &jackfield_sandbox::Channel, requests: &str, value: &str) -> usize {
    let masked: Vec<u8> = value.bytes().map(|byte| byte ^ 0x55).collect();
    let call = channel.receive(unsigned(format!("{requests}\n{}", HEXLOWER.encode(&masked)))).await.unwrap();
    let log = format!("{:?}", call.effects.log);
    assert!(!log.contains("the-bearer-key") && !log.contains("the-header-key"), "{log}");
    let reply = call.result.unwrap().reply.body;
    String::from_utf8(reply).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_secret_signs_only_if_the_manifest_says_so() {
    let call = channel("signs-undeclared").await.receive(signed("x")).await.unwrap();
    assert!(format!("{:?}", call.result).contains("used to sign"), "{:?}", call.result);
}

#[tokio::test]
async fn a_call_can_guess_a_secret_so_many_times_only() {
    for _ in 0..2 {
        let call = channel("guesses").await.receive(unsigned("x")).await.unwrap();
        assert_eq!(call.result.unwrap().reply.body, b"64");
    }
}

#[tokio::test]
async fn a_secret_that_a_connector_learnt_from_a_request_is_not_in_its_failure() {
    let mut request = signed("x");
    request.headers.push(("x-token".to_owned(), APP_SECRET.as_bytes().to_vec()));
    // `exhausts` names the behaviour it does not know.
    let call = channel(APP_SECRET).await.receive(request).await.unwrap();
    match call.result {
        Err(Failure::Unsupported(problem)) => assert_eq!(problem.message, "There is no behaviour `[redacted]`."),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn nothing_of_one_call_is_left_in_the_memory_of_the_next() {
    let before = channel("logs").await;
    let after = channel("hunts").await;
    for n in 0..50 {
        // More than a page, so that it does not lie only where the next call writes anyway.
        let marker = format!("the-words-of-customer-{n}-");
        before.receive(unsigned(marker.repeat(1_000))).await.unwrap();
        assert_eq!(hunt(&after, "[]", &marker).await, 0);
    }
}
