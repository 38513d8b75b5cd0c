//! Instances are fresh for every call, unless connector and operator agreed otherwise; and what that gives up goes no further.

use jackfield_sandbox::{CallErrorKind, Channel, Limits};
use tokio::task::JoinSet;

use crate::fixture::{binding, hostile, limited, sandbox, signed, unsigned};

async fn warm(instances: usize) -> Channel {
    limited("remembers", Limits { warm: instances, ..Limits::default() }).await
}

/// What the instance that answered had been told, this time included.
async fn told(channel: &Channel, what: &str) -> String {
    let received = channel.receive(unsigned(what)).await.unwrap().result.unwrap();
    String::from_utf8(received.reply.body).unwrap()
}

#[tokio::test]
async fn by_default_no_call_sees_anything_of_another() {
    let channel = warm(0).await;
    assert_eq!((told(&channel, "a").await, told(&channel, "b").await), ("a".to_owned(), "b".to_owned()));
}

#[tokio::test]
async fn a_kept_instance_is_called_again_within_its_channel_only() {
    let (channel, other) = (warm(1).await, warm(1).await);
    assert_eq!((told(&channel, "a").await, told(&channel, "b").await), ("a".to_owned(), "a,b".to_owned()));
    assert_eq!(told(&other, "c").await, "c");
    // Grants that change, and new versions, make a new channel of it.
    assert_eq!(told(&warm(1).await, "d").await, "d");
}

#[tokio::test]
async fn an_instance_whose_call_came_to_nothing_is_never_called_again() {
    let channel = warm(1).await;
    told(&channel, "a").await;
    let error = channel.receive(unsigned("trap")).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Trap);
    assert_eq!(told(&channel, "b").await, "b");
}

#[tokio::test]
async fn what_a_call_may_do_does_not_pass_on_to_the_next_one() {
    let channel = limited("verifies", Limits { warm: 1, ..Limits::default() }).await;
    assert!(channel.receive(signed("x")).await.unwrap().effects.authenticated);
    let next = channel.receive(unsigned("x")).await.unwrap();
    assert!(!next.effects.authenticated);
    let channel = warm(1).await;
    let error = channel.receive(unsigned("write")).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Unverified);
    let call = channel.receive(unsigned("x")).await.unwrap();
    assert!(call.effects.state.is_empty(), "{:?}", call.effects.state);
}

#[tokio::test]
async fn an_instance_whose_answer_was_refused_is_never_called_again() {
    let channel = warm(1).await;
    told(&channel, "a").await;
    let error = channel.receive(unsigned("write")).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Unverified);
    assert_eq!(told(&channel, "b").await, "b");
}

#[tokio::test]
async fn every_bound_is_set_anew_for_each_call() {
    let channel = limited("floods-log", Limits { warm: 1, log_lines: 3, ..Limits::default() }).await;
    for _ in 0..2 {
        let effects = channel.receive(unsigned("x")).await.unwrap().effects;
        assert_eq!(effects.log.len(), 4, "three lines, and one that counts the others: {:?}", effects.log);
    }
}

/// All of them at once; each is answered.
async fn told_at_once(channel: &Channel, times: usize) {
    let mut calls = JoinSet::new();
    for _ in 0..times {
        let channel = channel.clone();
        calls.spawn(async move { told(&channel, "x").await });
    }
    assert_eq!(calls.join_all().await.len(), times);
}

#[tokio::test]
async fn instances_that_wait_take_no_place_from_those_that_run() {
    // As many as the sandbox has places, all kept for their next call.
    let greedy = limited("remembers", Limits { warm: 100, concurrency: 100, ..Limits::default() }).await;
    told_at_once(&greedy, 60).await;
    let other = limited("remembers", Limits { concurrency: 100, ..Limits::default() }).await;
    told_at_once(&other, 60).await;
    told_at_once(&greedy, 60).await;
}

#[tokio::test]
async fn a_connector_that_does_not_ask_for_it_gets_fresh_instances_whatever_the_operator_says() {
    let intruder = sandbox().load(crate::fixture::component("intruder")).await.unwrap();
    let mut wanted = binding("remembers");
    wanted.config = serde_json::json!({});
    wanted.secrets.clear();
    wanted.grants.http.clear();
    wanted.limits = Limits { warm: 1, ..Limits::default() };
    let problems = intruder.bind(wanted).unwrap_err();
    assert!(problems.iter().any(|problem| problem.message.contains("may be used again")), "{problems:?}");
    assert!(hostile().await.manifest().limits.reuse);
}
