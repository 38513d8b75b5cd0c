//! What a call brings back, and how far it is believed.

use std::sync::Arc;

use jackfield_core::event::{Event, EventBody, Hint, Identifier, Part, Subject, Trust};
use jackfield_core::fact::StateChange;
use jackfield_sandbox::{Binding, CallErrorKind, Failure, Received};

use crate::fixture::{Fixed, binding, channel, hostile, signed, unsigned};

fn sender(event: &Event) -> (&str, Trust, &[Hint]) {
    match &event.body {
        EventBody::Message(m) => (&m.sender.identity.value, m.sender.trust, &m.sender.hints),
        other => panic!("{other:?}"),
    }
}

async fn public(behaviour: &str) -> Received {
    let mut binding = binding(behaviour);
    binding.grants.public_webhook = true;
    hostile().await.bind(binding).unwrap().receive(unsigned("hello")).await.unwrap().result.unwrap()
}

#[tokio::test]
async fn a_genuine_request_becomes_an_event() {
    let call = channel("verifies").await.receive(signed("hello")).await.unwrap();
    assert!(call.effects.authenticated);
    let received = call.result.unwrap();
    assert_eq!(received.reply.status, 200);
    assert_eq!(sender(&received.events[0]).0, "+15550001");
    assert!(call.effects.usage.memory_bytes > 0);
    assert_eq!(call.effects.usage.http_sent, 0);
}

#[tokio::test]
async fn a_changed_body_or_a_missing_signature_is_refused() {
    let mut changed = signed("hello");
    changed.body.push(b' ');
    for request in [changed, unsigned("hello")] {
        let call = channel("verifies").await.receive(request).await.unwrap();
        assert!(matches!(call.result, Err(Failure::Unauthenticated(_))), "{:?}", call.result);
        assert!(!call.effects.authenticated);
    }
}

#[tokio::test]
async fn no_trust_exceeds_what_the_manifest_declares() {
    let call = channel("verifies").await.receive(signed("hello")).await.unwrap();
    let received = call.result.unwrap();
    let (_, trust, hints) = sender(&received.events[0]);
    assert_eq!(trust, Trust::Attested);
    let trusts: Vec<Trust> = hints.iter().map(|hint| hint.trust).collect();
    // phone is declared attested, email claimed, passport not at all, and a name is never more than a claim.
    assert_eq!(trusts, [Trust::Attested, Trust::Claimed, Trust::Claimed, Trust::Claimed]);

    let who = Identifier {
        kind: "phone".to_owned(),
        namespace: String::new(),
        value: "+15550001".to_owned(),
        raw: None,
        scope: None,
    };
    let hints = channel("verifies").await.hints(who).await.unwrap().result.unwrap();
    assert_eq!(hints.iter().map(|hint| hint.trust).collect::<Vec<_>>(), trusts);
    assert!(matches!(&hints[3].about, Subject::Name(name) if name == "Ada"));
}

#[tokio::test]
async fn what_belongs_to_everybody_is_attested_only_where_that_is_granted() {
    let mut bound = binding("verifies");
    bound.grants.attests.clear();
    let channel = hostile().await.bind(bound).unwrap();
    let received = channel.receive(signed("hello")).await.unwrap().result.unwrap();
    let (_, trust, hints) = sender(&received.events[0]);
    assert_eq!(trust, Trust::Claimed);
    assert!(hints.iter().all(|hint| hint.trust <= Trust::Claimed), "{hints:?}");
    let who = Identifier {
        kind: "phone".to_owned(),
        namespace: String::new(),
        value: "+15550001".to_owned(),
        raw: None,
        scope: None,
    };
    let hints = channel.hints(who).await.unwrap().result.unwrap();
    assert!(hints.iter().all(|hint| hint.trust <= Trust::Claimed), "{hints:?}");
}

#[tokio::test]
async fn a_change_of_identity_counts_only_where_both_ends_may_be_attested() {
    let mut bound = binding("changes");
    let received = channel("changes").await.receive(signed("x")).await.unwrap().result.unwrap();
    assert!(matches!(received.events[0].body, EventBody::IdentityChange { .. }), "{:?}", received.events);
    bound.grants.attests.clear();
    let call = hostile().await.bind(bound).unwrap().receive(signed("x")).await.unwrap();
    match &call.result.unwrap().events[0].body {
        EventBody::Other(kept) => {
            assert!(kept.name == "identity-change" && kept.value.contains("15550002"), "{kept:?}")
        }
        other => panic!("{other:?}"),
    }
    assert!(call.effects.log.iter().any(|line| line.message.contains("links nobody")), "{:?}", call.effects.log);
}

#[tokio::test]
async fn events_that_nobody_verified_are_refused() {
    for behaviour in ["forges", "forges-signature", "forges-state", "forges-changes"] {
        let error = channel(behaviour).await.receive(signed("hello")).await.unwrap_err();
        assert_eq!(error.kind, CallErrorKind::Unverified, "{behaviour}");
        assert!(error.message.contains("public_webhook"), "{error}");
    }
}

#[tokio::test]
async fn on_a_public_webhook_everybody_is_only_claimed() {
    let received = public("forges").await;
    let (_, trust, hints) = sender(&received.events[0]);
    assert_eq!(trust, Trust::Claimed);
    assert!(hints.iter().all(|hint| hint.trust <= Trust::Claimed), "{hints:?}");
}

#[tokio::test]
async fn on_a_public_webhook_nobody_changes_an_identity() {
    let received = public("forges-changes").await;
    assert!(received.events.is_empty());
    assert!(received.unreadable[0].reason.contains("nobody verified"), "{}", received.unreadable[0].reason);
}

#[tokio::test]
async fn a_broken_event_takes_no_sibling_with_it() {
    let received = channel("breaks-the-contract").await.receive(signed("x")).await.unwrap().result.unwrap();
    assert_eq!(received.events.len(), 2, "{:?}", received.events);
    assert!(
        matches!(&received.events[0].body, EventBody::Message(m) if m.parts == [Part::Text { text: "good".to_owned() }])
    );
    assert!(matches!(&received.events[1].body, EventBody::Other(p) if p.value == "\"not JSON\""));
    let reasons: Vec<&str> = received.unreadable.iter().map(|item| item.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "The host refused an event: a message has no parts.",
            "The host refused an event: a thread's id is empty.",
            "The host refused an event: a location is not on earth.",
            "The host refused an event: an address' value is empty.",
        ]
    );
}

#[tokio::test]
async fn a_reply_cannot_set_a_cookie() {
    let error = channel("breaks-the-reply").await.receive(signed("x")).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::BadOutput);
    assert_eq!(error.message, "The connector broke the contract: the reply sets the header `set-cookie`.");
}

#[tokio::test]
async fn a_reply_has_only_headers_that_a_provider_needs_and_never_leads_elsewhere() {
    let channel = channel("replies").await;
    for good in ["200\ncontent-type: text/plain; charset=utf-8", "404\nx-puppet: yes", "503\nretry-after: 5"] {
        let call = channel.receive(signed(good)).await.unwrap();
        assert_eq!(call.result.unwrap().reply.headers.len(), 1, "{good}");
    }
    for bad in [
        "200\nwww-authenticate: Basic",
        "200\nclear-site-data: *",
        "200\nnel: {}",
        "200\nrefresh: 0;url=https://evil.example",
        "200\nalt-svc: h3=evil",
        "200\naccess-control-allow-origin: *",
        "200\nx-other: yes",
        "200\ncontent-type: text/html",
        "302\nx-puppet: yes",
    ] {
        let error = channel.receive(signed(bad)).await.unwrap_err();
        assert_eq!(error.kind, CallErrorKind::BadOutput, "{bad}");
    }
}

fn with_state(behaviour: &str) -> Binding {
    let committed =
        [("counter", "1"), ("old", "x"), ("zebra", "z")].map(|(k, v)| (k.to_owned(), v.as_bytes().to_vec()));
    Binding { state: Arc::new(Fixed(committed.into())), ..binding(behaviour) }
}

#[tokio::test]
async fn a_call_sees_its_own_writes_and_brings_them_back() {
    let channel = hostile().await.bind(with_state("writes-state")).unwrap();
    let call = channel.receive(signed("x")).await.unwrap();
    assert_eq!(call.result.unwrap().reply.body, b"1+ b,counter,zebra");
    let change = |key: &str, value: Option<&str>| StateChange {
        key: key.to_owned(),
        value: value.map(|v| v.as_bytes().to_vec()),
    };
    assert_eq!(call.effects.state, [change("b", Some("2")), change("counter", Some("1+")), change("old", None)]);
}

#[tokio::test]
async fn the_writes_of_a_failure_vanish() {
    let channel = hostile().await.bind(with_state("writes-state-and-fails")).unwrap();
    let call = channel.receive(signed("x")).await.unwrap();
    assert!(matches!(call.result, Err(Failure::Rejected(_))));
    assert!(call.effects.state.is_empty());
}
