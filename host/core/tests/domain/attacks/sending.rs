//! Messages that are sent, and what channels say of them.

use super::{event, queued, send, shop, victim};
use crate::support::{Desk, channel};
use jackfield_core::event::{DeliveryScope, DeliveryUpdate, Event, EventBody, Problem};
use jackfield_core::fact::{Fact, Outcome, SendResult};
use jackfield_core::ids::Millis;
use jackfield_core::limits;
use jackfield_core::views::operations;

fn update(id: &str, state: DeliveryUpdate) -> Event {
    event(EventBody::Delivery { about: DeliveryScope::Message(id.into()), state, at: None })
}

#[test]
fn a_connector_that_gives_every_message_the_same_id_hides_none() {
    let mut desk = shop();
    for (words, id) in [("one", "ok"), ("two", "ok"), ("three", "v-1")] {
        let message = queued(&mut desk, words);
        send(&mut desk, message, 1, id);
    }
    assert_eq!(desk.timeline_texts(victim(&desk)), ["three", "two", "one", "where is my parcel?"]);
}

#[test]
fn two_messages_of_one_id_make_no_circle_when_one_is_sent_again() {
    let mut desk = shop();
    let a = queued(&mut desk, "a");
    send(&mut desk, a, 1, "x");
    let failed = DeliveryUpdate::Failed(Problem { message: "no".into(), code: None });
    desk.receive("wa", vec![update("x", failed)]);
    let b = queued(&mut desk, "b");
    send(&mut desk, b, 1, "x");
    assert!(matches!(desk.apply(Fact::RetryRequested { message: a }), Outcome::Queued { .. }));
    send(&mut desk, a, 2, "x");
    desk.receive("wa", vec![update("x", DeliveryUpdate::Delivered)]);
    assert_eq!(desk.timeline_texts(victim(&desk)).len(), 3);
}

#[test]
fn a_delivery_keeps_the_latest_of_its_history() {
    let mut desk = shop();
    let message = queued(&mut desk, "hi");
    for attempt in 1..=120 {
        let problem = Problem { message: "busy".into(), code: None };
        desk.apply(Fact::SendStarted { message, attempt });
        let result = SendResult::Retry { at: Millis(0), problem };
        desk.apply(Fact::SendEnded { message, attempt, result, events: vec![], source: None, state: vec![] });
    }
    send(&mut desk, message, 121, "x");
    let history = desk.message(message)["delivery"]["history"].as_array().unwrap().clone();
    assert_eq!(history.len(), limits::HISTORY);
    assert_eq!(history.last().unwrap()["state"], "sent");
}

#[test]
fn a_message_that_the_channel_has_is_not_sent_again_whatever_its_last_attempt_came_to() {
    let mut desk = shop();
    let message = queued(&mut desk, "hi");
    send(&mut desk, message, 1, "x");
    let again = queued(&mut desk, "two");
    desk.apply(Fact::SendStarted { message: again, attempt: 1 });
    desk.receive("wa", vec![update("y", DeliveryUpdate::Delivered)]);
    let result = SendResult::Sent { external_ids: vec!["y".into()] };
    desk.apply(Fact::SendEnded { message: again, attempt: 1, result, events: vec![], source: None, state: vec![] });
    assert_eq!(desk.message(again)["delivery"]["state"], "delivered");
    let waiting = queued(&mut desk, "three");
    send(&mut desk, waiting, 1, "z");
    let problem = Problem { message: "not reachable".into(), code: None };
    desk.receive("wa", vec![update("z", DeliveryUpdate::Failed(problem))]);
    desk.apply(Fact::RetryRequested { message: waiting });
    desk.receive("wa", vec![update("z", DeliveryUpdate::Read)]);
    assert!(operations::outbox(&desk.tables, &channel("wa"), 10).unwrap().is_empty());
    assert!(matches!(desk.apply(Fact::SendStarted { message: waiting, attempt: 2 }), Outcome::Refused(_)));
    assert_eq!(desk.message(waiting)["delivery"]["state"], "read");
}

#[test]
fn a_read_mark_of_the_year_60000_is_not_believed() {
    let mut desk = shop();
    let message = queued(&mut desk, "hi");
    send(&mut desk, message, 1, "x");
    let about = DeliveryScope::ThreadUntil("62811".into(), Millis(u64::MAX));
    desk.receive(
        "wa",
        vec![event(EventBody::Delivery { about, state: DeliveryUpdate::Read, at: Some(Millis(u64::MAX)) })],
    );
    assert_eq!(desk.message(message)["delivery"]["at"].as_str().unwrap().get(..2), Some("20"));
}

#[test]
fn a_message_is_due_at_once_whatever_the_clock_of_the_journal_says() {
    let mut desk = shop();
    queued(&mut desk, "hi");
    let (due, _) = operations::due_sends(&desk.tables, &channel("wa"), Millis(1), 10).unwrap();
    assert_eq!(due.len(), 1);
}

#[test]
fn of_a_thread_only_the_oldest_message_is_due() {
    let mut desk = shop();
    let (first, second) = (queued(&mut desk, "one"), queued(&mut desk, "two"));
    let due = |desk: &Desk, at: u64| operations::due_sends(&desk.tables, &channel("wa"), Millis(at), 10).unwrap();
    assert_eq!(due(&desk, 1), (vec![first], None));
    desk.apply(Fact::SendStarted { message: first, attempt: 1 });
    assert_eq!(due(&desk, 1).0, []);
    let problem = Problem { message: "busy".into(), code: None };
    let result = SendResult::Retry { at: Millis(5_000), problem };
    desk.apply(Fact::SendEnded { message: first, attempt: 1, result, events: vec![], source: None, state: vec![] });
    assert_eq!(due(&desk, 1), (vec![], Some(Millis(5_000))));
    assert_eq!(due(&desk, 5_000).0, [first]);
    send(&mut desk, first, 2, "x");
    assert_eq!(due(&desk, 1).0, [second]);
}

#[test]
fn a_message_whose_attempt_runs_is_not_tried_again_beside_it() {
    let mut desk = shop();
    let message = queued(&mut desk, "hi");
    send(&mut desk, message, 1, "x");
    let failed = || update("x", DeliveryUpdate::Failed(Problem { message: "no".into(), code: None }));
    desk.receive("wa", vec![failed()]);
    desk.apply(Fact::RetryRequested { message });
    desk.apply(Fact::SendStarted { message, attempt: 2 });
    desk.receive("wa", vec![failed()]);
    assert!(matches!(desk.apply(Fact::RetryRequested { message }), Outcome::Refused(_)));
}
