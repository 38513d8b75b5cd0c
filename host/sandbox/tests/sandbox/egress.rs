//! HTTP from inside: what is let out, with what, and what comes back.

use std::time::Duration;

use jackfield_core::event::{Identifier, Property};
use jackfield_sandbox::{Action, Binding, Call, CallErrorKind, Channel, Delivery, Failure, Limits, Receipt, Secret};
use serde_json::{Value, json};

use crate::fixture::{hostile, online, unsigned};
use crate::server::{Answer, Server, ok};

async fn bind(binding: Binding) -> Channel {
    hostile().await.bind(binding).unwrap()
}

/// Has the guest make these requests, and returns what it was told of each, and the lines of its log.
async fn calls(channel: &Channel, requests: Value) -> (Vec<Value>, String) {
    let call = channel.receive(unsigned(requests.to_string())).await.unwrap();
    let log = call.effects.log.iter().map(|line| line.message.as_str()).collect::<Vec<_>>().join("\n");
    (serde_json::from_slice(&call.result.unwrap().reply.body).unwrap(), log)
}

async fn call(channel: &Channel, method: &str, url: &str) -> (Value, String) {
    let (mut told, log) = calls(channel, json!([{"method": method, "url": url}])).await;
    (told.remove(0), log)
}

async fn echo() -> Server {
    Server::start(|request| Answer::Bytes(ok("", request))).await
}

/// A server that answers 200, and a channel that may call it.
async fn echo_and_channel() -> (Server, Channel) {
    let server = echo().await;
    let channel = bind(online("calls", &server.origin)).await;
    (server, channel)
}

#[tokio::test]
async fn what_is_granted_is_let_out() {
    let (server, channel) = echo_and_channel().await;
    let wanted =
        json!([{"method": "POST", "url": server.url("x?a=%20b"), "headers": [["x-mine", "1"]], "body": "hello"}]);
    let (told, log) = calls(&channel, wanted).await;
    assert_eq!(told[0]["status"], 200, "{told:?} {log}");
    let host = server.origin.trim_start_matches("http://");
    let sent = &server.requests()[0];
    assert!(sent.starts_with("POST /allowed/x?a=%20b HTTP/1.1\r\n"), "{sent}");
    for part in [
        &format!("host: {host}\r\n"),
        "x-mine: 1\r\n",
        "content-length: 5\r\n",
        "accept-encoding: identity\r\n",
        "\r\n\r\nhello",
    ] {
        assert!(sent.contains(part), "{part} in {sent}");
    }
}

#[tokio::test]
async fn another_host_method_or_path_is_denied_and_nothing_is_sent() {
    let (server, channel) = echo_and_channel().await;
    let port = server.origin.rsplit(':').next().unwrap();
    let urls = [
        ("DELETE", server.url("x")),
        ("GET", format!("{}/other", server.origin)),
        ("GET", format!("{}/allowed/../other", server.origin)),
        ("GET", format!("{}/allowed/%2e%2e/other", server.origin)),
        ("GET", format!("{}/allowed/..%2fother", server.origin)),
        ("GET", "http://example.com/allowed/x".to_owned()),
        ("GET", format!("https://127.0.0.1:{port}/allowed/x")),
        ("GET", format!("http://127.0.0.1:{port}0/allowed/x")),
        ("GET", format!("http://localhost:{port}/allowed/x")),
        ("GET", format!("http://127.1:{port}/allowed/x")),
        ("GET", format!("http://2130706433:{port}/allowed/x")),
        ("GET", format!("http://0x7f000001:{port}/allowed/x")),
        ("GET", format!("http://[::ffff:127.0.0.1]:{port}/allowed/x")),
        ("GET", format!("http://[::1]:{port}/allowed/x")),
        ("GET", format!("http://user@127.0.0.1:{port}/allowed/x")),
        ("GET", format!("http://127.0.0.1:{port}@example.com/allowed/x")),
        ("GET", "http://169.254.169.254/allowed/x".to_owned()),
    ];
    for (method, url) in urls {
        let (told, log) = call(&channel, method, &url).await;
        assert!(told["denied"].is_string(), "{method} {url}: {told}");
        assert!(log.contains("An HTTP request was refused"), "{method} {url}: {log}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_private_address_needs_a_grant_of_its_own() {
    let server = echo().await;
    let port = server.origin.rsplit(':').next().unwrap();
    for target in [&server.origin, &format!("http://localhost:{port}"), &format!("http://[::ffff:127.0.0.1]:{port}")] {
        let mut binding = online("calls", target);
        binding.grants.private_addresses.clear();
        let (told, log) = call(&bind(binding.clone()).await, "GET", &format!("{target}/allowed/x")).await;
        assert!(told["denied"].is_string(), "{target}: {told}");
        assert!(log.contains("not a public address"), "{target}: {log}");
        assert!(server.requests().is_empty());
    }
    let target = format!("http://localhost:{port}");
    let (told, log) = call(&bind(online("calls", &target)).await, "GET", &format!("{target}/allowed/x")).await;
    assert_eq!(told["status"], 200, "{told} {log}");
}

#[tokio::test]
async fn headers_of_the_connection_are_the_hosts_to_set() {
    let (server, channel) = echo_and_channel().await;
    for name in [
        "host",
        "connection",
        "transfer-encoding",
        "x-forwarded-for",
        "forwarded",
        "expect",
        "te",
        "proxy-authorization",
    ] {
        let wanted = json!([{"method": "GET", "url": server.url("x"), "headers": [[name, "evil"]]}]);
        let (told, _) = calls(&channel, wanted).await;
        assert!(told[0]["denied"].is_string(), "{name}: {told:?}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn credentials_go_where_the_manifest_says_and_override_the_guests() {
    let (server, other) = (echo().await, echo().await);
    let mut binding = online("calls", &server.origin);
    binding.config["second"] = Value::from(other.origin.as_str());
    binding.grants.http.push(other.origin.parse().unwrap());
    binding.grants.private_addresses.push(other.origin.parse().unwrap());
    for (name, value) in
        [("bearer-key", "bearer-value"), ("query-key", "query-value"), ("path-key", "12345:path-value")]
    {
        binding.secrets.insert(name.to_owned(), Secret::new(value));
    }
    let channel = bind(binding).await;
    let headers = [["authorization", "Bearer evil"], ["x-api-key", "evil"]];
    let wanted = json!([
        {"method": "GET", "url": server.url("x?key=evil&a=1"), "headers": headers},
        {"method": "POST", "url": format!("{}/bot{{path-key}}/send", server.origin)},
        {"method": "POST", "url": format!("{}/bot%7Bpath-key%7D/send", server.origin)},
        {"method": "GET", "url": format!("{}/allowed/x", other.origin)},
    ]);
    let (told, log) = calls(&channel, wanted).await;
    assert!(told.iter().all(|told| told["status"] == 200), "{told:?} {log}");
    let sent = server.requests();
    assert!(sent[0].starts_with("GET /allowed/x?a=1&key=query-value HTTP"), "{}", sent[0]);
    assert!(
        sent[0].contains("authorization: Bearer bearer-value\r\n") && !sent[0].contains("Bearer evil"),
        "{}",
        sent[0]
    );
    for sent in &sent[1..] {
        assert!(sent.starts_with("POST /bot12345:path-value/send?key=query-value HTTP"), "{sent}");
    }
    let elsewhere = &other.requests()[0];
    assert!(!elsewhere.contains("value") && !elsewhere.contains("authorization"), "{elsewhere}");
}

#[tokio::test]
async fn secrets_in_a_response_are_replaced_in_every_spelling() {
    let answer = concat!(
        r#"{"plain":"user:pass/word=1","escaped":"user:pass\/word=1","url":"user%3Apass%2Fword%3D1","#,
        r#""basic":"dXNlcjpwYXNzL3dvcmQ9MQ==","password":"pass/word=1"}"#
    );
    let server = Server::start(move |_| Answer::Bytes(ok("x-token: Basic dXNlcjpwYXNzL3dvcmQ9MQ==\r\n", answer))).await;
    let mut binding = online("calls", &server.origin);
    binding.secrets.insert("basic-key".to_owned(), Secret::new("user:pass/word=1"));
    let (told, _) = call(&bind(binding).await, "GET", &server.url("x")).await;
    let body: Value = serde_json::from_str(told["body"].as_str().unwrap()).unwrap();
    for name in ["plain", "escaped", "url", "basic", "password"] {
        assert_eq!(body[name], "[redacted]", "{body}");
    }
    assert!(told["headers"].to_string().contains(r#"["x-token","Basic [redacted]"]"#), "{told}");
    assert!(server.requests()[0].contains("authorization: Basic dXNlcjpwYXNzL3dvcmQ9MQ==\r\n"));
}

#[tokio::test]
async fn an_answer_in_which_secrets_cannot_be_found_is_refused() {
    let server = Server::start(|_| Answer::Bytes(ok("content-encoding: gzip\r\n", "xxxx"))).await;
    let (told, _) = call(&bind(online("calls", &server.origin)).await, "GET", &server.url("x")).await;
    assert!(told["unanswered"].is_string(), "{told}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn redirects_are_told_and_not_followed() {
    let redirect = b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest\r\ncontent-length: 0\r\n\r\n";
    let server = Server::start(|_| Answer::Bytes(redirect.to_vec())).await;
    let (told, _) = call(&bind(online("calls", &server.origin)).await, "GET", &server.url("x")).await;
    assert_eq!(told["status"], 302);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn bodies_are_bounded_both_ways() {
    let server = Server::start(|_| Answer::Bytes(ok("", vec![b'x'; 200 << 10]))).await;
    let mut binding = online("calls", &server.origin);
    binding.limits.http_body_bytes = 100 << 10;
    let channel = bind(binding).await;
    let (told, _) = call(&channel, "GET", &server.url("big")).await;
    assert!(told["status"].is_null(), "{told}");
    let (told, _) = calls(&channel, json!([{"method": "POST", "url": server.url("x"), "body_size": 150 << 10}])).await;
    assert!(told[0]["status"].is_null(), "{told:?}");
    assert_eq!(server.requests().len(), 1, "the large request was not sent");
}

#[tokio::test]
async fn requests_are_counted() {
    let (server, channel) = echo_and_channel().await;
    let many: Vec<Value> = (0..20).map(|n| json!({"method": "GET", "url": server.url(&n.to_string())})).collect();
    let (told, log) = calls(&channel, Value::from(many)).await;
    assert!(told[..16].iter().all(|told| told["status"] == 200));
    assert!(told[16..].iter().all(|told| told["denied"].is_string()));
    assert!(log.contains("the call has made its 16 requests"), "{log}");
    assert_eq!(server.requests().len(), 16);
}

#[tokio::test]
async fn the_bodies_of_all_requests_of_a_call_are_bounded_together_and_counted() {
    let server = Server::start(|_| Answer::Bytes(ok("", "answered"))).await;
    let mut binding = online("calls", &server.origin);
    binding.limits.http_body_bytes = 100 << 10;
    let one = json!({"method": "POST", "url": server.url("x"), "body_size": 40 << 10});
    let call = bind(binding).await.receive(unsigned(json!([one, one, one, one]).to_string())).await.unwrap();
    let told: Vec<Value> = serde_json::from_slice(&call.result.unwrap().reply.body).unwrap();
    assert_eq!([&told[0]["status"], &told[1]["status"]], [200, 200], "{told:?}");
    assert!(told[2]["status"].is_null() && told[3]["status"].is_null(), "{told:?}");
    assert_eq!(server.requests().len(), 2, "what is too large is not sent");
    let usage = call.effects.usage;
    assert_eq!((usage.http_sent, usage.http_response_bytes), (2, 16));
    assert!(usage.http_request_bytes >= 80 << 10, "{usage:?}");
}

#[tokio::test]
async fn what_is_refused_is_counted() {
    let (server, channel) = echo_and_channel().await;
    let refused = json!({"method": "GET", "url": "http://169.254.169.254/allowed/x"});
    let wanted = json!([refused, {"method": "GET", "url": server.url("x")}, refused]);
    let call = channel.receive(unsigned(wanted.to_string())).await.unwrap();
    assert_eq!((call.effects.usage.denials, call.effects.usage.http_sent), (2, 1));
    let mut private = online("calls", &format!("http://localhost:{}", server.origin.rsplit(':').next().unwrap()));
    private.grants.private_addresses.clear();
    let url = format!("{}/allowed/x", private.config["target"].as_str().unwrap());
    let call = bind(private).await.receive(unsigned(json!([{"method": "GET", "url": url}]).to_string())).await.unwrap();
    assert_eq!((call.effects.usage.denials, call.effects.usage.http_sent), (1, 0));
}

#[tokio::test]
async fn a_server_that_drips_for_ever_costs_one_call_its_time() {
    let server = Server::start(|_| Answer::Stall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nx".to_vec())).await;
    let mut binding = online("calls", &server.origin);
    binding.limits = Limits { wall: Duration::from_millis(400), ..Limits::default() };
    let request = json!([{"method": "GET", "url": server.url("x")}]).to_string();
    let error = bind(binding).await.receive(unsigned(request)).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::WallExceeded);
    assert_eq!(error.usage.http_sent, 1);
}

async fn send(channel: &Channel, method: &str, url: &str) -> Result<Call<Receipt>, jackfield_sandbox::CallError> {
    let value = json!({"method": method, "url": url, "body": "hello"}).to_string();
    let to = Identifier {
        kind: "phone".to_owned(),
        namespace: String::new(),
        value: "+15550001".to_owned(),
        raw: None,
        scope: None,
    };
    let action = Action::Other(Property { name: "request".to_owned(), value });
    channel.deliver(Delivery { to, thread: None, action }, "key-1").await
}

#[tokio::test]
async fn a_send_that_was_answered_is_a_receipt() {
    let (server, channel) = echo_and_channel().await;
    let call = send(&channel, "POST", &server.url("send")).await.unwrap();
    assert_eq!(call.result.unwrap().message_ids, ["200"]);
    assert_eq!(call.effects.usage.http_sent, 1);
    assert_eq!(call.effects.usage.http_requests, 1);
}

#[tokio::test]
async fn a_refused_connection_is_certainly_not_sent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let channel = bind(online("calls", &origin)).await;
    let call = send(&channel, "POST", &format!("{origin}/allowed/send")).await.unwrap();
    assert!(matches!(call.result, Err(Failure::Retry { .. })), "{:?}", call.result);
    assert_eq!(call.effects.usage.http_sent, 0);
}

#[tokio::test]
async fn a_connection_lost_after_the_request_is_uncertain_and_nothing_is_sent_twice() {
    // The first request is answered, so that the second finds a connection that is open already: the case in which a client may be
    // tempted to send again.
    let server = Server::start(|request| match request.contains("/first") {
        true => Answer::Bytes(ok("", "")),
        false => Answer::Last(Vec::new()),
    })
    .await;
    let channel = bind(online("calls", &server.origin)).await;
    assert!(send(&channel, "POST", &server.url("first")).await.unwrap().result.is_ok());
    let call = send(&channel, "POST", &server.url("second")).await.unwrap();
    assert!(matches!(call.result, Err(Failure::Uncertain(_))), "{:?}", call.result);
    assert_eq!(call.effects.usage.http_sent, 1);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_is_replaced() {
    let server = Server::start(|_| Answer::Last(ok("", ""))).await;
    let channel = bind(online("calls", &server.origin)).await;
    for _ in 0..20 {
        // Between an answer and the next request the server closes; the client may know by then, or not.
        let call = send(&channel, "POST", &server.url("send")).await.unwrap();
        assert!(matches!(call.result, Ok(_) | Err(Failure::Uncertain(_))), "{:?}", call.result);
    }
    assert!(server.requests().len() <= 20);
}

#[tokio::test]
async fn a_guest_that_dies_after_sending_is_known_to_have_sent() {
    let server = echo().await;
    let channel = bind(online("sends-and-dies", &server.origin)).await;
    let error = send(&channel, "POST", &server.url("send")).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Trap);
    assert_eq!(error.usage.http_sent, 1);
}

#[tokio::test]
async fn checking_a_configuration_calls_nothing_outside() {
    let (server, channel) = echo_and_channel().await;
    let call = channel.validate(&json!({"do": "calls", "target": server.origin})).await.unwrap();
    let problems = call.result.unwrap();
    assert!(problems[0].message.contains("refused"), "{problems:?}");
    assert!(server.requests().is_empty());
}
