//! Who is who: nobody speaks as somebody else, or takes their address.

use super::{PHONE, ask, event, goes_to, shop, unproven, victim};
use crate::support::{Desk, channel, identifier, sender, text};
use jackfield_core::event::{Author, EventBody, Hint, Subject, Trust};
use jackfield_core::fact::{Fact, Outcome, Via};
use jackfield_core::identity::{customer, search};
use jackfield_core::ids::CustomerId;

/// After whatever was tried, the victim's view shows nothing of it as the victim's own, and answers go where they went before.
fn nothing_crossed(desk: &mut Desk) {
    let victim = victim(desk);
    let view = customer::customer(&desk.tables, victim).unwrap().unwrap();
    let json = serde_json::to_value(&view).unwrap();
    let own = json["last_messages"].as_array().unwrap().iter().filter(|e| e["provisional"].is_null());
    let own: Vec<_> = own.map(|e| e["message"]["parts"][0]["text"].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(own, ["where is my parcel?"]);
    assert_eq!(view.identities.len(), 2, "{:?}", view.identities);
    assert_eq!(goes_to(ask(desk, victim, None)), ("wa".into(), "62811".into()));
}

#[test]
fn a_connector_cannot_write_as_somebody_of_another_connector() {
    let mut desk = shop();
    desk.receive("evil", vec![text("e-1", sender("whatsapp", "62811", vec![]), "I am the victim")]);
    nothing_crossed(&mut desk);
}

#[test]
fn an_echo_on_somebody_elses_address_does_not_answer_their_question() {
    let mut desk = shop();
    let mut echo = text("e-1", sender("whatsapp", "62811", vec![]), "answered");
    if let EventBody::Message(message) = &mut echo.body {
        message.author = Author::Account;
    }
    desk.receive("evil", vec![echo]);
    let victim = victim(&desk);
    assert!(customer::customer(&desk.tables, victim).unwrap().unwrap().waiting_since.is_some());
    nothing_crossed(&mut desk);
}

#[test]
fn whoever_gives_an_address_without_proof_is_somebody_of_their_own_and_claims_it() {
    for (kind, value) in [("phone", PHONE), ("whatsapp", "62811")] {
        let mut desk = shop();
        desk.receive("form", vec![text("f-1", unproven(kind, value), "send it to me")]);
        nothing_crossed(&mut desk);
        let (victim, via) = (victim(&desk), Some(Via::Channel(channel("form"))));
        assert!(matches!(ask(&mut desk, victim, via), Outcome::Refused(_)));
        desk.receive("form", vec![text("f-2", unproven(kind, value), "hello?")]);
        let strangers = search::search(&desk.tables, "hello", 10).unwrap();
        assert!(strangers.is_empty());
    }
}

#[test]
fn a_visitor_without_proof_is_the_same_visitor_the_next_time_on_the_same_channel_only() {
    let mut desk = shop();
    for (on, id) in [("form", "1"), ("form", "2"), ("ig", "3")] {
        desk.receive(on, vec![text(id, unproven("visitor", "17"), id)]);
    }
    let all = search::all(&desk.tables, None, 10).unwrap().items;
    let visitors = all.iter().filter(|c| c.identities.iter().any(|i| i.kind == "visitor"));
    assert_eq!(visitors.count(), 2);
}

#[test]
fn a_connector_cannot_take_an_address_over_by_saying_that_it_changed() {
    for (old, new) in [
        (identifier("whatsapp", "62811"), identifier("mine", "1")),
        (identifier("mine", "1"), identifier("whatsapp", "62811")),
    ] {
        let mut desk = shop();
        desk.receive("evil", vec![text("e-1", sender("mine", "1", vec![]), "hello")]);
        let change = EventBody::IdentityChange { old, new, at: None, reason: "moved".into() };
        desk.receive("evil", vec![event(change)]);
        nothing_crossed(&mut desk);
    }
}

#[test]
fn what_a_channel_tells_when_asked_is_about_its_own_people_only() {
    let mut desk = shop();
    let name = Hint { about: Subject::Name("Mallory".into()), trust: Trust::Attested, evidence: String::new() };
    let identity = identifier("whatsapp", "62811");
    let fact = |on: &str| Fact::HintsLearnt {
        channel: channel(on),
        identity: identity.clone(),
        id: None,
        hints: vec![name.clone()],
        source: None,
        state: vec![],
    };
    assert!(matches!(desk.apply(fact("evil")), Outcome::Refused(_)));
    assert!(!desk.view(victim(&desk)).contains("Mallory"));
    assert_eq!(desk.apply(fact("wa")), Outcome::Done);
}

#[test]
fn a_namespace_that_looks_like_a_scope_leads_to_nobody_elses_people() {
    for namespace in ["whatsapp/account", "?form/form", ""] {
        let mut desk = shop();
        let mut who = sender("whatsapp", "62811", vec![]);
        who.identity.namespace = namespace.into();
        desk.receive("evil", vec![text("e-1", who, "I am the victim")]);
        let (mut old, new) = (identifier("whatsapp", "62811"), identifier("mine", "1"));
        old.namespace = namespace.into();
        desk.receive("evil", vec![event(EventBody::IdentityChange { old, new, at: None, reason: "moved".into() })]);
        nothing_crossed(&mut desk);
    }
}

#[test]
fn two_strangers_of_one_event_are_two_people() {
    let mut desk = shop();
    desk.apply(Fact::IdsByPlace);
    let reaction = |from: &str| {
        let (sender, emoji) = (sender("whatsapp", from, vec![]), Some("👍".to_owned()));
        event(EventBody::Reaction { message_id: "m-1".into(), sender, emoji, at: None })
    };
    let message = text("m-1", sender("whatsapp", "62855", vec![]), "hello");
    desk.receive("wa", vec![reaction("62866"), reaction("62877"), message]);
    let people: std::collections::BTreeSet<CustomerId> =
        ["62855", "62866", "62877"].iter().map(|value| desk.customer_of("whatsapp", value)).collect();
    assert_eq!(people.len(), 3);
    assert_eq!(desk.timeline_texts(desk.customer_of("whatsapp", "62855")), ["hello"]);
}
