//! A component that was built for the first edition of 0.1 and never again: everything it uses has to go on working.

use std::sync::Arc;

use jackfield_core::event::{
    Author, DeliveryScope, DeliveryUpdate, Event, EventBody, Identifier, Part, Property, Subject, Trust,
};
use jackfield_core::fact::StateChange;
use jackfield_sandbox::{Action, Channel, Connector, Delivery, Failure, Interfaces, LogLevel, Request};
use serde_json::json;
use tokio::sync::OnceCell;

use crate::fixture::{online, sandbox, signed, unsigned};
use crate::server::{Answer, Server, ok};

async fn golden() -> Arc<Connector> {
    static GOLDEN: OnceCell<Arc<Connector>> = OnceCell::const_new();
    let load = || async { sandbox().load(declaring_that_it_signs(FROZEN)).await.unwrap() };
    GOLDEN.get_or_init(load).await.clone()
}

const FROZEN: &[u8] = include_bytes!("../../../../tests/golden/0.1/rust.wasm");

/// The frozen component with one line more in its manifest: that a connector signs has to be declared since (wit/VERSIONING.md).
fn declaring_that_it_signs(component: &[u8]) -> Vec<u8> {
    let old = b"[[secrets]]\nname = \"app-secret\"\nprompt = \"The key of the signatures\"";
    let new = b"[[secrets]]\nname=\"app-secret\"\nprompt=\"\"\nuse=[\"verify\",\"sign\",\"send\"]";
    assert_eq!(old.len(), new.len());
    let at = component.windows(old.len()).position(|window| window == old).unwrap();
    [&component[..at], new, &component[at + old.len()..]].concat()
}

async fn channel(target: &str) -> Channel {
    let mut binding = online("", target);
    binding.config = json!({"target": target});
    binding.grants.http = vec![target.parse().unwrap()];
    golden().await.bind(binding).unwrap()
}

async fn offline() -> Channel {
    channel("http://127.0.0.1:9").await
}

#[tokio::test]
async fn a_component_of_the_first_edition_is_loaded_with_what_it_has() {
    let only = Interfaces { receive: true, poll: false, send: true, configure: true, media: false };
    assert_eq!(golden().await.interfaces(), only);
    let manifest = golden().await.manifest().clone();
    assert_eq!((manifest.id.as_str(), manifest.contract.as_str()), ("golden", "0.1.0"));
    let rules = manifest.channel_rules(true);
    assert!(rules.templates && rules.idempotent && rules.reply_window_ms == Some(86_400_000));
    assert_eq!(golden().await.digest().len(), 64);
}

fn message(event: &Event) -> &jackfield_core::event::InboundMessage {
    match &event.body {
        EventBody::Message(message) => message,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_kind_of_event_still_arrives() {
    let call = offline().await.receive(signed("hello")).await.unwrap();
    assert!(call.effects.authenticated);
    let received = call.result.unwrap();
    assert_eq!((received.reply.status, received.reply.body.as_slice()), (200, &b"taken"[..]));
    assert_eq!((received.unreadable.len(), received.unreadable[0].raw.as_slice()), (1, &b"raw"[..]));
    let events = received.events;
    assert_eq!(events.len(), 26, "{events:?}");

    let first = message(&events[0]);
    assert_eq!((first.id.as_str(), first.author, first.thread.kind.as_str()), ("m1", Author::Customer, "direct"));
    assert_eq!(
        (first.sender.identity.kind.as_str(), first.sender.identity.namespace.as_str()),
        ("golden", "account-1")
    );
    assert_eq!((first.sent_at.map(|at| at.0), first.reply_to.as_deref()), (Some(1_000), Some("m0")));
    assert_eq!(first.extra[0], Property { name: "referral".to_owned(), value: "\"ad-1\"".to_owned() });
    let kinds: Vec<&str> = first.parts.iter().map(kind).collect();
    assert_eq!(
        kinds,
        ["text", "image", "audio", "video", "file", "sticker", "location", "contact", "interaction", "other"]
    );
    let authors: Vec<Author> = events[1..6].iter().map(|event| message(event).author).collect();
    assert_eq!(authors, [Author::Account, Author::System, Author::System, Author::Customer, Author::Customer]);
    let threads: Vec<&str> = events[1..6].iter().map(|event| message(event).thread.kind.as_str()).collect();
    assert_eq!(threads, ["group", "comments", "mail", "call", "room"]);

    let rest: Vec<String> = events[6..].iter().map(|event| name(&event.body)).collect();
    assert_eq!(
        rest,
        [
            "edit",
            "deletion",
            "reaction",
            "touchpoint",
            "other novelty",
            "sent",
            "delivered",
            "read",
            "failed",
            "played",
            "read until",
            "other delivery",
            "outbound ringing",
            "conference answered",
            "inbound completed",
            "inbound missed",
            "inbound busy",
            "inbound failed",
            "inbound voicemail",
            "change"
        ]
    );
}

fn kind(part: &Part) -> &'static str {
    match part {
        Part::Text { .. } => "text",
        Part::Image(m) if m.sha256.is_some() && m.size == Some(3) => "image",
        Part::Audio(_) => "audio",
        Part::Video(_) => "video",
        Part::File(_) => "file",
        Part::Sticker(_) => "sticker",
        Part::Location { latitude: 1.5, longitude: -2.5, .. } => "location",
        Part::Contact { .. } => "contact",
        Part::Interaction { .. } => "interaction",
        Part::Other { .. } => "other",
        _ => "unknown",
    }
}

fn name(body: &EventBody) -> String {
    match body {
        EventBody::Message(_) => "message".to_owned(),
        EventBody::Edit { .. } => "edit".to_owned(),
        EventBody::Deletion { .. } => "deletion".to_owned(),
        EventBody::Reaction { .. } => "reaction".to_owned(),
        EventBody::Touchpoint { .. } => "touchpoint".to_owned(),
        EventBody::Erased { .. } => "erased".to_owned(),
        EventBody::IdentityChange { .. } => "change".to_owned(),
        EventBody::Other(property) => format!("other {}", property.name),
        EventBody::Call { direction, state, .. } => format!("{direction} {state}"),
        EventBody::Delivery { about: DeliveryScope::ThreadUntil(..), .. } => "read until".to_owned(),
        EventBody::Delivery { state, .. } => match state {
            DeliveryUpdate::Sent => "sent".to_owned(),
            DeliveryUpdate::Delivered => "delivered".to_owned(),
            DeliveryUpdate::Read => "read".to_owned(),
            DeliveryUpdate::Failed(_) => "failed".to_owned(),
            DeliveryUpdate::Other(other) => other.clone(),
        },
    }
}

#[tokio::test]
async fn state_log_and_the_handshake_still_work() {
    let channel = offline().await;
    let call = channel.receive(signed("hello")).await.unwrap();
    let seen = StateChange { key: "seen".to_owned(), value: Some(b"x".to_vec()) };
    assert_eq!(call.effects.state.iter().find(|change| change.key == "seen"), Some(&seen));
    let levels: Vec<LogLevel> = call.effects.log.iter().map(|line| line.level).collect();
    assert_eq!(levels, [LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error]);
    assert_eq!(call.effects.log[0].message, "channel test keys seen");

    let challenge = |token: &str| Request {
        method: "GET".to_owned(),
        url: format!("https://desk.example/hooks/test?token={token}&challenge=42"),
        ..unsigned("")
    };
    let answered = channel.receive(challenge(crate::fixture::APP_SECRET)).await.unwrap().result.unwrap();
    assert_eq!(answered.reply.body, b"42");
    let refused = channel.receive(challenge("guess")).await.unwrap().result;
    assert!(matches!(refused, Err(Failure::Unauthenticated(_))), "{refused:?}");
}

async fn deliver(channel: &Channel, action: Action) -> Result<Vec<String>, Failure> {
    let value = "ada".to_owned();
    let to = Identifier { kind: "golden".to_owned(), namespace: "account-1".to_owned(), value, raw: None, scope: None };
    let call = channel.deliver(Delivery { to, thread: Some("t".to_owned()), action }, "key-1").await.unwrap();
    call.result.map(|receipt| receipt.message_ids)
}

#[tokio::test]
async fn every_kind_of_action_still_arrives_there() {
    let server = Server::start(|_| Answer::Bytes(ok("", "{}"))).await;
    let channel = channel(&server.origin).await;
    let text = || vec![Part::Text { text: "hello".to_owned() }];
    let id = || "m1".to_owned();
    for (action, told) in [
        (Action::Message { parts: text(), reply_to: None }, "message:200"),
        (
            Action::Template {
                name: "welcome".to_owned(),
                language: "en".to_owned(),
                parameters: vec!["a".to_owned(), "b".to_owned()],
                extra: Vec::new(),
            },
            "template:welcome:a,b",
        ),
        (Action::Edit { message_id: id(), parts: text(), reply_to: None }, "edit:m1"),
        (Action::Delete(id()), "delete:m1"),
        (Action::Reaction { message_id: id(), emoji: Some("👍".to_owned()) }, "reaction:👍"),
        (Action::MarkRead(id()), "mark-read:m1"),
    ] {
        assert_eq!(deliver(&channel, action).await.unwrap(), [told]);
    }
    assert!(deliver(&channel, Action::Typing).await.unwrap().is_empty());
    let sent = &server.requests()[0];
    assert!(sent.contains("authorization: Bearer the-app-secret") && sent.contains("\"key\":\"key-1\""), "{sent}");
}

#[tokio::test]
async fn every_kind_of_failure_still_arrives() {
    let channel = offline().await;
    let mut told = Vec::new();
    for name in [
        "retry",
        "rate-limited",
        "rejected",
        "recipient-gone",
        "window-closed",
        "credentials",
        "unsupported",
        "uncertain",
        "unauthenticated",
        "misconfigured",
        "novel",
    ] {
        let failure = deliver(&channel, Action::Other(Property { name: name.to_owned(), value: "1".to_owned() })).await;
        told.push(format!("{:?}", failure.unwrap_err()));
    }
    for (told, kind) in told.iter().zip([
        "Retry { after_ms: Some(1)",
        "RateLimited { after_ms: Some(2)",
        "Rejected",
        "RecipientGone",
        "WindowClosed",
        "Credentials",
        "Unsupported",
        "Uncertain",
        "Unauthenticated",
        "Misconfigured",
        "Other",
    ]) {
        assert!(told.starts_with(kind) && told.contains("on purpose") && told.contains("E1"), "{told}");
    }
}

#[tokio::test]
async fn hints_still_arrive_with_their_trust() {
    let value = "bob".to_owned();
    let who =
        Identifier { kind: "golden".to_owned(), namespace: "account-1".to_owned(), value, raw: None, scope: None };
    let hints = offline().await.hints(who).await.unwrap().result.unwrap();
    let trusts: Vec<Trust> = hints.iter().map(|hint| hint.trust).collect();
    use Trust::{Attested, Claimed, Inferred};
    assert_eq!(trusts, [Attested, Claimed, Claimed, Inferred, Claimed, Claimed, Claimed]);
    assert!(matches!(&hints[0].about, Subject::Identifier(identity) if identity.value == "bob"));
}

#[tokio::test]
async fn setting_up_still_works_with_clocks_and_random_numbers() {
    let server = Server::start(|_| Answer::Bytes(ok("", "{}"))).await;
    let channel = channel(&server.origin).await;
    let problems = channel.validate(&json!({"target": "http://x/"})).await.unwrap().result.unwrap();
    assert_eq!(problems[0].code.as_deref(), Some("slash"));
    let health = channel.check().await.unwrap().result.unwrap();
    assert_eq!(health.summary, "status 200 clock true true random true signature 32");
    let steps = channel.connect("https://desk.example/hooks/test").await.unwrap().result.unwrap();
    assert_eq!(steps[0].title, "Registered https://desk.example/hooks/test");
    assert_eq!(steps[1].todo.as_deref(), Some("Press the button."));
}
