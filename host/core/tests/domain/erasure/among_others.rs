//! What is left of facts that hold something of the person and of somebody else: echoes, answers, addresses that pass on in one fact.

use jackfield_core::conversation::inbox;
use jackfield_core::event::{
    Author, DeliveryScope, DeliveryUpdate, Event, EventBody, Problem, Property, Sender, Trust,
};
use jackfield_core::fact::{Fact, SendResult};
use jackfield_core::identity::links;
use jackfield_core::identity::rows::SuggestionState;
use jackfield_core::ids::{CustomerId, MessageId, Millis};
use jackfield_core::limits;

use super::{body, ended, erase, erased, in_group, queued, reacts, request, rewritten, sent_as};
use crate::support::{Desk, hint, identifier, sender, text};

fn ana() -> jackfield_core::event::Sender {
    sender("whatsapp", "ana", vec![])
}

fn bob() -> jackfield_core::event::Sender {
    sender("whatsapp", "bob", vec![])
}

/// Both have written; an answer to Ana was echoed under Bob's address before the channel said that it has it.
fn echoed_to_bob() -> (Desk, CustomerId, CustomerId, MessageId) {
    let mut desk = Desk::new();
    desk.receive("wa", vec![text("in-1", ana(), "hello")]);
    desk.receive("wa", vec![text("in-2", bob(), "hello too")]);
    let (ana, bob) = (desk.customer_of("whatsapp", "ana"), desk.customer_of("whatsapp", "bob"));
    let message = queued(desk.apply(request(ana, "for ana only", None, None)));
    desk.apply(Fact::SendStarted { message, attempt: 1 });
    desk.receive("wa", vec![echo("out-1", "for ana only")]);
    desk.apply(ended(message, sent_as("out-1"), vec![], vec![]));
    (desk, ana, bob, message)
}

fn echo(id: &str, words: &str) -> Event {
    let mut echo = text(id, bob(), words);
    if let EventBody::Message(message) = &mut echo.body {
        message.author = Author::Account;
    }
    echo
}

#[test]
fn an_echo_under_another_address_leaves_that_conversation_as_it_was() {
    let (desk, _, bob, message) = echoed_to_bob();
    let page = inbox::inbox(&desk.tables, &inbox::Filter::default(), None, 10).unwrap();
    let entry = page.items.iter().find(|entry| entry.customer == bob).unwrap();
    let last = entry.last_message.as_ref().unwrap();
    assert_ne!(last.id, message);
    assert_eq!((last.seq, entry.waiting_since), (last.seq, Some(last.sent_at)), "Bob waits for an answer still");
    assert_eq!(desk.timeline_texts(bob), ["hello too"]);
}

#[test]
fn an_echo_under_another_address_goes_with_the_message_that_it_echoes() {
    let (mut desk, ana, bob, _) = echoed_to_bob();
    desk.receive("wa", vec![reacts(sender("whatsapp", "citra", vec![]), "out-1")]);
    let left = erase(&mut desk, ana);
    assert!(!serde_json::to_string(&left.journal).unwrap().contains("for ana only"));
    desk.tables = left.tables;
    assert_eq!(desk.timeline_texts(bob), ["hello too"]);
}

#[test]
fn whoever_had_the_address_earlier_in_the_same_fact_keeps_what_is_theirs() {
    let mut desk = Desk::new();
    let had = |value: &str| sender("whatsapp", value, vec![]);
    desk.receive("wa", vec![text("a-1", had("n1"), "ana")]);
    let (old, new) = (identifier("whatsapp", "n1"), identifier("whatsapp", "n2"));
    let change = body(EventBody::IdentityChange { old, new, at: None, reason: "moved".into() });
    let order = body(EventBody::Touchpoint {
        sender: had("n1"),
        kind: "order".into(),
        at: None,
        summary: "order 4711".into(),
        extra: vec![],
    });
    desk.receive("wa", vec![order, reacts(had("n1"), "a-1"), change, text("b-1", had("n1"), "bob")]);
    let bob = desk.customer_of("whatsapp", "n1");
    let left = erase(&mut desk, bob);
    assert!(serde_json::to_string(&left.journal).unwrap().contains("order 4711"));
}

#[test]
fn an_answer_stands_where_it_stood_when_what_it_answered_is_erased() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![in_group(text("a-1", ana(), "question"), "g")]);
    let mut answer = in_group(text("b-1", bob(), "answer"), "g");
    if let EventBody::Message(message) = &mut answer.body {
        message.reply_to = Some("a-1".into());
        message.sent_at = Some(Millis(desk.now - 5_500));
    }
    desk.receive("wa", vec![answer]);
    let ana = desk.customer_of("whatsapp", "ana");
    let left = erase(&mut desk, ana);
    desk.tables = left.tables;
    assert_eq!(desk.timeline_texts(desk.customer_of("whatsapp", "bob")), ["answer"]);
}

#[test]
fn the_ids_of_attempts_before_the_last_one_are_known_to_an_erasure() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![text("in-1", ana(), "hello")]);
    let who = desk.customer_of("whatsapp", "ana");
    let message = queued(desk.apply(request(who, "hi", None, None)));
    let sent = |id: &str| SendResult::Sent { external_ids: vec![id.into()] };
    desk.apply(Fact::SendStarted { message, attempt: 1 });
    desk.apply(ended(message, sent("first"), vec![], vec![]));
    let problem = Problem { message: "undeliverable to ana".into(), code: None };
    let (about, state) = (DeliveryScope::Message("first".into()), DeliveryUpdate::Failed(problem));
    desk.receive("wa", vec![body(EventBody::Delivery { about, state, at: None })]);
    desk.apply(Fact::RetryRequested { message });
    desk.apply(Fact::SendStarted { message, attempt: 2 });
    let second =
        Fact::SendEnded { message, attempt: 2, result: sent("second"), events: vec![], source: None, state: vec![] };
    desk.apply(second);
    desk.receive("wa", vec![reacts(bob(), "first")]);
    let left = erase(&mut desk, who);
    assert!(!serde_json::to_string(&left.journal).unwrap().contains("undeliverable to ana"));
}

#[test]
fn whoever_has_an_erased_persons_address_next_is_not_who_was_claimed() {
    const PHONE: &str = "+6281234567890";
    let mut desk = Desk::new();
    let with = |kind: &str, who: &str, trust: Trust| sender(kind, who, vec![hint("phone", PHONE, trust)]);
    desk.receive("wa", vec![text("1", with("whatsapp", "62811", Trust::Attested), "hello")]);
    desk.receive("ig", vec![text("2", with("instagram", "claimant", Trust::Claimed), "that number is mine")]);
    let who = desk.customer_of("whatsapp", "62811");
    desk.apply(erased(who));
    desk.receive("tg", vec![text("3", with("telegram", "next", Trust::Attested), "I am new")]);
    let left = rewritten(&desk.tables, &desk.journal, None);
    for tables in [&desk.tables, &left.tables] {
        let open = links::suggestions(tables, Some(SuggestionState::Open), None, 10).unwrap().items;
        assert!(open.is_empty(), "{open:?}");
    }
    desk.receive("ig", vec![text("4", with("instagram", "claimant", Trust::Claimed), "that number is mine")]);
    let open = links::suggestions(&desk.tables, Some(SuggestionState::Open), None, 10).unwrap().items;
    assert_eq!(open.len(), 1, "who claims it from now on claims that of the next one");
}

fn call(who: Sender, state: &str, extra: Vec<Property>) -> Event {
    let (call_id, direction, state) = (String::from("call-1"), String::from("inbound"), state.to_owned());
    body(EventBody::Call { call_id, sender: who, direction, state, at: None, duration_seconds: None, extra })
}

#[test]
fn what_a_channel_says_in_an_erased_persons_name_of_somebody_elses_call_stays_true_of_the_call() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![text("1", sender("whatsapp", "62811223344", vec![]), "hello")]);
    desk.receive("wa", vec![call(bob(), "ringing", vec![])]);
    let property = |name: &str, value: &str| Property { name: name.into(), value: value.into() };
    let extra = vec![property("line", "7"), property("by", "62811223344")];
    desk.receive("wa", vec![call(sender("whatsapp", "62811223344", vec![]), "completed", extra)]);
    let who = desk.customer_of("whatsapp", "62811223344");
    desk.apply(erased(who));
    let left = rewritten(&desk.tables, &desk.journal, None);
    let desk = Desk { tables: left.tables, journal: left.journal, ..desk };
    let view = desk.view(desk.customer_of("whatsapp", "bob"));
    assert!(view.contains("inbound call, completed") && view.contains("line"), "{view}");
    assert!(!serde_json::to_string(&desk.journal).unwrap().contains("62811223344"));
}

#[test]
fn whoever_reacted_to_an_erased_message_before_it_came_is_made_by_as_many_reactions_as_waited_for_it() {
    let mut desk = Desk::new();
    let of = |n: usize| reacts(sender("whatsapp", &format!("other-{n}"), vec![]), "m");
    desk.receive("wa", (0..limits::EARLY + 4).map(of).collect());
    desk.receive("wa", vec![body(EventBody::Deletion { message_id: "m".into(), at: None })]);
    desk.receive("wa", vec![text("m", ana(), "mine")]);
    let who = desk.customer_of("whatsapp", "ana");
    erase(&mut desk, who);
}
