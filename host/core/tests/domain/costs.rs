//! What facts cost: nobody makes one that costs much more than it is large, or that fills the memory.

use jackfield_core::conversation::view;
use jackfield_core::event::{Event, EventBody, Media, Part, Sender};
use jackfield_core::fact::{Fact, MessageAction, Outcome, SendResult};
use jackfield_core::ids::Millis;
use jackfield_core::limits;

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
