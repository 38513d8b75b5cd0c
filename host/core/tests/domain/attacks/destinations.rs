//! Where an answer goes.

use super::{PHONE, ask, event, goes_to, shop, victim};
use crate::support::{Desk, HOUR, channel, hint, identifier, sender, text};
use jackfield_core::event::{Event, EventBody, Part, Problem, Thread, Trust};
use jackfield_core::fact::{Fact, Outcome, SendResult, Via};
use jackfield_core::identity::customer;
use jackfield_core::ids::{CustomerId, MessageId, Millis};
use jackfield_core::views::operations;

#[test]
fn an_answer_goes_to_the_last_thread_in_which_nobody_else_listens() {
    let mut desk = shop();
    for (id, kind, thread) in [("g-1", "group", "g"), ("c-1", "comments", "post"), ("x-1", "room", "r")] {
        let mut said = text(id, sender("whatsapp", "62811", vec![]), "hello all");
        if let EventBody::Message(message) = &mut said.body {
            message.thread = Thread { id: thread.into(), kind: kind.into() };
        }
        desk.receive("wa", vec![said]);
    }
    let victim = victim(&desk);
    assert_eq!(goes_to(ask(&mut desk, victim, None)), ("wa".into(), "62811".into()));
    let view = customer::customer(&desk.tables, victim).unwrap().unwrap();
    let json = serde_json::to_value(&view).unwrap();
    let group: MessageId = json["last_messages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|e| e["message"]["thread"]["id"] == "g")
        .unwrap()["message"]["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let parts = vec![Part::Text { text: "hi all".into() }];
    let (reply_to, thread) = (Some(group), None);
    let fact = Fact::MessageRequested {
        customer: victim,
        parts: parts.clone(),
        via: None,
        reply_to,
        thread,
        idempotency: None,
    };
    assert_eq!(
        goes_to(desk.apply(fact)),
        ("wa".into(), "g".into()),
        "an answer to a message goes where it was written"
    );
    let (reply_to, thread) = (None, Some("g".to_owned()));
    let fact = Fact::MessageRequested { customer: victim, parts, via: None, reply_to, thread, idempotency: None };
    assert_eq!(goes_to(desk.apply(fact)), ("wa".into(), "g".into()), "and so does one to a thread that is named");
}

#[test]
fn somebody_who_wrote_only_where_others_listen_is_not_written_to_by_accident() {
    let mut desk = shop();
    let mut comment = text("c-1", sender("instagram", "7", vec![]), "nice");
    if let EventBody::Message(message) = &mut comment.body {
        message.thread = Thread { id: "post".into(), kind: "comments".into() };
    }
    desk.receive("ig", vec![comment]);
    let who = desk.customer_of("instagram", "7");
    let Outcome::Refused(refusal) = ask(&mut desk, who, None) else { panic!("it was queued") };
    assert_eq!(refusal.code, "no_direct_thread");
}

#[test]
fn a_public_comment_does_not_open_the_window_of_the_private_thread() {
    let mut desk = shop();
    desk.now += 25 * HOUR;
    let mut comment = text("c-1", sender("whatsapp", "62811", vec![]), "hello?");
    if let EventBody::Message(message) = &mut comment.body {
        message.thread = Thread { id: "post".into(), kind: "comments".into() };
    }
    desk.receive("wa", vec![comment]);
    let victim = victim(&desk);
    let Outcome::Refused(refusal) = ask(&mut desk, victim, None) else { panic!("it was queued") };
    assert_eq!(refusal.code, "window_closed");
}

/// Somebody who wrote in a direct thread, and after that in a group.
fn in_a_group(desk: &mut Desk) -> CustomerId {
    let who = || sender("whatsapp", "62811", vec![]);
    let mut group = text("g-1", who(), "hello all");
    if let EventBody::Message(message) = &mut group.body {
        message.thread = Thread { id: "family".into(), kind: "group".into() };
    }
    desk.receive("wa", vec![text("d-1", who(), "hello")]);
    desk.receive("wa", vec![group]);
    desk.customer_of("whatsapp", "62811")
}

#[test]
fn what_an_old_journal_sent_to_a_group_is_there_when_it_is_applied_again_and_nothing_goes_there_now() {
    let mut desk = Desk::before();
    let who = in_a_group(&mut desk);
    assert_eq!(goes_to(ask(&mut desk, who, None)), ("wa".into(), "family".into()));
    desk.apply(Fact::IdsByPlace);
    assert_eq!(goes_to(ask(&mut desk, who, None)), ("wa".into(), "62811".into()));
}

#[test]
fn what_an_old_journal_refused_does_not_go_out_when_it_is_applied_again() {
    let mut desk = Desk::before();
    let (old, new) = (identifier("whatsapp", "62811"), identifier("whatsapp", "62822"));
    in_a_group(&mut desk);
    desk.receive("wa", vec![event(EventBody::IdentityChange { old, new, at: None, reason: "moved".into() })]);
    // It was written before the last message from the old number, and came late.
    let mut late = text("n-1", sender("whatsapp", "62822", vec![]), "from my new number");
    if let EventBody::Message(message) = &mut late.body {
        message.sent_at = Some(Millis(desk.now - HOUR));
    }
    desk.receive("wa", vec![late]);
    let who = desk.customer_of("whatsapp", "62822");
    let to = Some(Via::Channel(channel("wa")));
    let Outcome::Refused(refusal) = ask(&mut desk, who, to) else { panic!("it was queued") };
    assert_eq!(refusal.code, "recipient_gone");
}

#[test]
fn an_answer_says_where_the_customer_wrote_last_if_that_is_elsewhere() {
    let mut desk = shop();
    let telegram = sender("telegram", "77", vec![hint("phone", PHONE, Trust::Attested)]);
    desk.receive("tg", vec![text("t-1", telegram, "me again")]);
    let victim = victim(&desk);
    let Outcome::Queued { to: Some(to), .. } = ask(&mut desk, victim, Some(Via::Channel(channel("wa")))) else {
        panic!("it was refused")
    };
    assert_eq!(to.newest.unwrap().channel, channel("tg"));
}

#[test]
fn an_address_that_was_left_is_passed_over_where_another_one_is_there() {
    let mut desk = shop();
    let (old, new) = (identifier("whatsapp", "62811"), identifier("whatsapp", "62822"));
    desk.receive("wa", vec![event(EventBody::IdentityChange { old, new, at: None, reason: "moved".into() })]);
    desk.receive("wa", vec![text("v-2", sender("whatsapp", "62822", vec![]), "my new number")]);
    let who = desk.customer_of("whatsapp", "62822");
    let answer = ask(&mut desk, who, Some(Via::Channel(channel("wa"))));
    assert_eq!(goes_to(answer), ("wa".into(), "62822".into()));
}

#[test]
fn nothing_that_waits_goes_to_an_address_that_came_to_somebody_else_meanwhile() {
    let mut desk = Desk::new();
    let ana = || sender("whatsapp", "6281", vec![]);
    desk.receive("wa", vec![text("a-1", ana(), "hello")]);
    let customer = desk.customer_of("whatsapp", "6281");
    let queue = |desk: &mut Desk, text: &str| {
        let parts = vec![Part::Text { text: text.into() }];
        let (via, reply_to, thread, idempotency) = (None, None, None, None);
        match desk.apply(Fact::MessageRequested { customer, parts, via, reply_to, thread, idempotency }) {
            Outcome::Queued { message, .. } => message,
            other => panic!("{other:?}"),
        }
    };
    let (uncertain, waiting) = (queue(&mut desk, "one"), queue(&mut desk, "two"));
    desk.apply(Fact::SendStarted { message: uncertain, attempt: 1 });
    let problem = Problem { message: "?".into(), code: None };
    let result = SendResult::Uncertain { problem };
    desk.apply(Fact::SendEnded { message: uncertain, attempt: 1, result, events: vec![], source: None, state: vec![] });
    let change = EventBody::IdentityChange {
        old: identifier("whatsapp", "6282"),
        new: identifier("whatsapp", "6281"),
        reason: "another number".into(),
        at: None,
    };
    desk.receive("wa", vec![text("b-1", sender("whatsapp", "6282", vec![]), "I am Budi")]);
    desk.receive("wa", vec![Event { id: String::new(), body: change }]);
    let gone = |outcome: Outcome| match outcome {
        Outcome::Refused(refusal) => assert_eq!(refusal.code, "recipient_gone"),
        other => panic!("{other:?}"),
    };
    gone(desk.apply(Fact::SendStarted { message: waiting, attempt: 1 }));
    gone(desk.apply(Fact::RetryRequested { message: uncertain }));
    gone(desk.apply(Fact::RetryRequested { message: waiting }));
    let row = operations::message(&desk.tables, waiting).unwrap().unwrap();
    assert_eq!(row.delivery.unwrap().class.as_deref(), Some("recipient_gone"));
    assert!(operations::outbox(&desk.tables, &channel("wa"), 10).unwrap().is_empty());
}
