//! Polling: what it brings, and what a hostile poller can and cannot do.

use std::sync::Arc;
use std::time::Duration;

use jackfield_core::event::{EventBody, Trust};
use jackfield_core::fact::StateChange;
use jackfield_sandbox::{CallErrorKind, Connector, Failure, Interfaces};

use crate::fixture::{channel, component, hostile, sandbox, unsigned};

async fn poller() -> Arc<Connector> {
    sandbox().load(component("poller")).await.unwrap()
}

#[tokio::test]
async fn the_interfaces_of_a_component_are_found_from_its_type() {
    let all = Interfaces { receive: true, poll: true, send: true, configure: true, media: true };
    assert_eq!(hostile().await.interfaces(), all);
    let only = Interfaces { receive: false, poll: true, send: false, configure: false, media: false };
    assert_eq!(poller().await.interfaces(), only);
}

#[tokio::test]
async fn a_connector_without_a_webhook_is_polled() {
    let mut binding = crate::fixture::binding("polls");
    binding.config = serde_json::json!({});
    binding.secrets.clear();
    binding.grants.http.clear();
    let channel = poller().await.bind(binding).unwrap();
    let first = channel.poll(None).await.unwrap().result.unwrap();
    assert_eq!(first.events[0].id, "0");
    let second = channel.poll(first.cursor).await.unwrap().result.unwrap();
    assert_eq!((second.events[0].id.as_str(), second.cursor), ("1", Some(vec![0, 0])));
    // The rest is not there, and says so.
    let received = channel.receive(unsigned("x")).await.unwrap().result;
    assert!(matches!(received, Err(Failure::Unsupported(_))), "{received:?}");
}

#[tokio::test]
async fn a_poll_brings_events_state_and_where_to_go_on() {
    let channel = channel("polls").await;
    let call = channel.poll(Some(b"1".to_vec())).await.unwrap();
    let batch = call.result.unwrap();
    let EventBody::Message(message) = &batch.events[0].body else { panic!("{:?}", batch.events) };
    assert_eq!((message.id.as_str(), message.sender.trust), ("poll-1", Trust::Attested));
    assert_eq!(batch.unreadable[0].reason, "on purpose");
    assert_eq!((batch.cursor.as_deref(), batch.more), (Some(&b"2"[..]), true));
    assert_eq!(batch.wait, Some(Duration::from_millis(1_500)));
    assert_eq!(call.effects.state, [StateChange { key: "polled".to_owned(), value: Some(b"1".to_vec()) }]);
}

#[tokio::test]
async fn no_trust_of_a_polled_event_exceeds_what_the_manifest_declares() {
    let batch = channel("polls").await.poll(None).await.unwrap().result.unwrap();
    let EventBody::Message(message) = &batch.events[0].body else { panic!("{:?}", batch.events) };
    let trusts: Vec<Trust> = message.sender.hints.iter().map(|hint| hint.trust).collect();
    assert_eq!(trusts, [Trust::Attested, Trust::Claimed, Trust::Claimed, Trust::Claimed]);
}

#[tokio::test]
async fn a_poll_may_tell_of_changes_without_a_signature() {
    let batch = channel("polls-changes").await.poll(None).await.unwrap().result.unwrap();
    assert!(matches!(batch.events[0].body, EventBody::IdentityChange { .. }));
}

#[tokio::test]
async fn a_poll_that_fails_leaves_nothing_behind() {
    let call = channel("polls-and-fails").await.poll(None).await.unwrap();
    assert!(matches!(call.result, Err(Failure::RateLimited { after_ms: Some(7), .. })), "{:?}", call.result);
    assert!(call.effects.state.is_empty());
}

#[tokio::test]
async fn a_poll_that_traps_is_a_trap() {
    let error = channel("polls-and-traps").await.poll(None).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Trap);
}

#[tokio::test]
async fn a_cursor_without_end_is_refused() {
    let error = channel("polls-with-a-huge-cursor").await.poll(None).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::OutputExceeded);
    assert_eq!(error.message, "The cursor has more than 64 KiB.");
}

#[tokio::test]
async fn a_flood_of_polled_events_is_refused() {
    let error = channel("polls-a-flood").await.poll(None).await.unwrap_err();
    assert_eq!(error.message, "The call returned 5000 events; at most 2000 are taken.");
}

#[tokio::test]
async fn a_connector_cannot_put_off_polling_for_ever() {
    let batch = channel("polls-never-again").await.poll(None).await.unwrap().result.unwrap();
    assert_eq!(batch.wait, Some(Duration::from_secs(3_600)));
}
