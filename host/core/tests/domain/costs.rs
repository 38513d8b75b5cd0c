//! What facts cost: nobody makes one that costs much more than it is large, or that fills the memory.

use jackfield_core::conversation::view;
use jackfield_core::event::{Event, EventBody, Hint, Media, Part, Property, Sender, Subject, Trust};
use jackfield_core::fact::{Fact, MessageAction, Outcome, SendResult};
use jackfield_core::ids::{MessageId, Millis, Seq};
use jackfield_core::{feed, limits};

use crate::support::{Desk, channel, rules, sender, source, text, with_parts};

fn eve() -> Sender {
    sender("whatsapp", "eve", vec![])
}

fn event(body: EventBody) -> Event {
    Event { id: String::new(), body }
}

fn texts(count: usize, bytes: usize) -> Vec<Part> {
    (0..count).map(|_| Part::Text { text: "x".repeat(bytes) }).collect()
}

/// Bytes of the row of somebody's newest message.
fn row(desk: &Desk, value: &str) -> usize {
    let id = desk.first_message(desk.customer_of("whatsapp", value));
    serde_json::to_vec(&view::row(&desk.tables, id).unwrap().unwrap()).unwrap().len()
}

#[test]
fn a_thousand_changes_of_a_large_message_read_and_write_it_once() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![with_parts(text("big", eve(), ""), texts(100, 9_000))]);
    let size = row(&desk, "eve") as u64;
    let react = |n: u64| {
        let (message_id, emoji) = (String::from("big"), Some(String::from(["a", "b"][n as usize % 2])));
        event(EventBody::Reaction { message_id, sender: eve(), emoji, at: Some(Millis(desk.now + n)) })
    };
    let mut events: Vec<Event> = (0..900).map(react).collect();
    let edit = |n: usize| EventBody::Edit { message_id: "big".into(), at: None, parts: texts(n, 1) };
    events.extend((0..100).map(|n| event(edit(n % 7))));
    desk.now += 10_000;
    desk.receive("wa", events);
    let fact = serde_json::to_vec(desk.journal.last().unwrap()).unwrap().len() as u64;
    assert!(desk.last_cost.bytes < 2 * size + 40 * fact, "{:?} for {fact} bytes", desk.last_cost);
}

#[test]
fn a_message_that_is_larger_than_a_row_may_be_keeps_its_first_parts_and_says_so() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![with_parts(text("big", eve(), ""), texts(100, 39_000))]);
    let id = desk.first_message(desk.customer_of("whatsapp", "eve"));
    let shown = desk.message(id);
    assert!(row(&desk, "eve") < limits::MESSAGE_BYTES + 10_000);
    assert_eq!(shown["parts"].as_array().unwrap().len(), limits::MESSAGE_BYTES / 39_027);
    assert_eq!(shown["cut"].as_array().unwrap().len(), 1, "{}", shown["cut"]);
    // What is escaped in JSON counts as it is written.
    let parts = (0..20).map(|_| Part::Text { text: "\u{1}".repeat(39_000) }).collect();
    desk.receive("wa", vec![event(EventBody::Edit { message_id: "big".into(), at: None, parts })]);
    assert!(row(&desk, "eve") < limits::MESSAGE_BYTES + 10_000);
    assert_eq!(desk.message(id)["cut"].as_array().unwrap().len(), 2, "{}", desk.message(id)["cut"]);
    desk.receive("wa", vec![event(EventBody::Edit { message_id: "big".into(), at: None, parts: texts(1, 1) })]);
    assert_eq!(desk.message(id)["cut"].as_array().unwrap().len(), 1);
}

#[test]
fn what_is_larger_than_a_row_may_be_is_not_sent() {
    let mut desk = Desk::new();
    let rules =
        jackfield_core::fact::ChannelRules { content: vec!["text".into(), "edit".into()], text_limit: None, ..rules() };
    desk.apply(Fact::ChannelSet { channel: channel("wa"), source: source(), rules, scope: None });
    desk.receive("wa", vec![text("m-1", eve(), "hello")]);
    let customer = desk.customer_of("whatsapp", "eve");
    let request =
        |parts| Fact::MessageRequested { customer, parts, via: None, reply_to: None, thread: None, idempotency: None };
    assert!(matches!(desk.apply(request(texts(20, 60_000))), Outcome::Refused(refused) if refused.code == "too_long"));
    let Outcome::Queued { message, .. } = desk.apply(request(texts(1, 60_000))) else { panic!() };
    desk.apply(Fact::SendStarted { message, attempt: 1 });
    let result = SendResult::Sent { external_ids: vec!["e".into()] };
    desk.apply(Fact::SendEnded { message, attempt: 1, result, events: vec![], source: None, state: vec![] });
    let action = MessageAction::Edit { parts: texts(20, 60_000) };
    let edit = desk.apply(Fact::ActionRequested { message, action, idempotency: None });
    assert!(matches!(edit, Outcome::Refused(refused) if refused.code == "too_long"));
}

#[test]
fn an_erasure_reads_no_message_of_others_who_wait_on_the_same_channel() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![text("in-1", sender("whatsapp", "ana", vec![]), "hello")]);
    for n in 0..12 {
        let picture = |i: usize| {
            let (id, caption) = (Some(format!("pic-{n}-{i}")), Some("x".repeat(1_000)));
            Part::Image(Media { id, caption, ..Media::default() })
        };
        desk.receive("wa", vec![with_parts(text(&format!("s-{n}"), eve(), ""), (0..100).map(picture).collect())]);
    }
    let stranger = desk.customer_of("whatsapp", "eve");
    for _ in 0..20 {
        let parts = texts(10, 90);
        desk.apply(Fact::MessageRequested {
            customer: stranger,
            parts,
            via: None,
            reply_to: None,
            thread: None,
            idempotency: None,
        });
    }
    let customer = desk.customer_of("whatsapp", "ana");
    desk.apply(Fact::CustomerErased { customer, identities: vec![] });
    assert!(desk.last_cost.bytes < 1 << 20, "{:?}", desk.last_cost);
}

/// A call that brings a new message behind all of these counts, and costs no more than a fact may.
fn count_besides(desk: &mut Desk, mut events: Vec<Event>) {
    events.push(text("besides", sender("whatsapp", "ana", vec![]), "a message of the same call"));
    desk.receive("wa", events);
    assert!(desk.last_cost.bytes < limits::WORK_BYTES * 9 / 10, "{:?}", desk.last_cost);
    assert_eq!(desk.timeline_texts(desk.customer_of("whatsapp", "ana")), ["a message of the same call"]);
}

fn left_out(desk: &Desk) -> u64 {
    let events = feed::view::events(&desk.tables, Default::default(), Some(&["changes.left_out".into()]), 10_000);
    events.unwrap().0.iter().map(|(_, event)| event.about["more"].parse::<u64>().unwrap()).sum()
}

/// Messages of about as many bytes as a row may have.
fn long_messages(count: usize) -> Desk {
    let mut desk = Desk::new();
    for n in 0..count {
        desk.receive("wa", vec![with_parts(text(&format!("long-{n}"), eve(), ""), texts(7, limits::TEXT))]);
    }
    desk
}

#[test]
fn changes_of_many_long_messages_cost_nobody_else_of_the_same_call_a_message() {
    let react = |n: usize| {
        event(EventBody::Reaction { message_id: format!("long-{n}"), sender: eve(), emoji: Some("+".into()), at: None })
    };
    let mut desk = long_messages(80);
    count_besides(&mut desk, (0..80).map(react).collect());
    let reactions = |n: usize| {
        let id = MessageId::new(Seq(5 + n as u64), 0);
        desk.message(id)["reactions"].as_array().unwrap().len()
    };
    assert_eq!(reactions(0), 1);
    let done: usize = (0..80).map(reactions).sum();
    assert!(done >= 25, "{done}");
    assert_eq!(left_out(&desk), 80 - done as u64, "what is left out is said");
}

#[test]
fn answers_to_many_long_messages_are_all_kept() {
    let mut desk = long_messages(80);
    let answer = |n: usize| {
        let mut event = text(&format!("answer-{n}"), eve(), "yes");
        if let EventBody::Message(message) = &mut event.body {
            message.reply_to = Some(format!("long-{n}"));
        }
        event
    };
    count_besides(&mut desk, (0..80).map(answer).collect());
    assert_eq!(
        desk.timeline_texts(desk.customer_of("whatsapp", "eve")).iter().filter(|words| *words == "yes").count(),
        80
    );
}

#[test]
fn long_edits_that_came_before_their_messages_cost_no_message() {
    let mut desk = Desk::new();
    for n in 0..40 {
        let edit = EventBody::Edit { message_id: format!("e-{n}"), at: None, parts: texts(30, limits::TEXT) };
        desk.receive("wa", vec![event(edit)]);
    }
    count_besides(&mut desk, (0..40).map(|n| text(&format!("e-{n}"), eve(), "hello")).collect());
    let long = |n: usize| desk.message(MessageId::new(desk.journal.last().unwrap().seq, n as u16))["cut"].is_array();
    let edited = (0..40).filter(|n| long(*n)).count();
    assert!((5..40).contains(&edited), "{edited}");
}

#[test]
fn what_waits_for_a_message_is_read_within_the_bound_however_much_is_said_of_it() {
    let mut desk = Desk::new();
    let edit = EventBody::Edit { message_id: "m".into(), at: None, parts: texts(30, limits::TEXT) };
    desk.receive("wa", vec![event(edit)]);
    let react = |n: usize| {
        let who = sender("whatsapp", &format!("other-{n}"), vec![]);
        event(EventBody::Reaction { message_id: "m".into(), sender: who, emoji: Some("+".into()), at: None })
    };
    count_besides(&mut desk, (0..200).map(react).collect());
}

fn fields(value: &str) -> Vec<Hint> {
    let field = |n: usize| Hint {
        about: Subject::Other(Property { name: format!("field-{n}"), value: value.into() }),
        trust: Trust::Claimed,
        evidence: "e".repeat(1_000),
    };
    (0..limits::HINTS).map(field).collect()
}

#[test]
fn a_call_of_as_many_messages_as_it_may_bring_counts_however_much_is_known_of_their_senders() {
    let mut desk = Desk::new();
    let who = |n: usize, hints: Vec<Hint>| sender("whatsapp", &format!("full-{n}"), hints);
    for some in 0..20 {
        let known = |n: usize| text(&format!("f-{n}"), who(n, fields(&"v".repeat(1_000))), "hello");
        desk.receive("wa", (some * 100..(some + 1) * 100).map(known).collect());
    }
    let most = limits::EVENTS - 1;
    count_besides(&mut desk, (0..most).map(|n| text(&format!("g-{n}"), who(n, vec![]), "again")).collect());

    let mut desk = Desk::new();
    let turn = |n: usize| text(&format!("t-{n}"), who(0, fields(["a", "b"][n % 2])), "and again");
    count_besides(&mut desk, (0..most).map(turn).collect());
}
