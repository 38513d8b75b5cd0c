//! What nothing needs any more goes.

use crate::support::{Desk, HOUR, sender, text};
use jackfield_core::conversation::rows::{EARLY, EARLY_BY_AGE};
use jackfield_core::event::{DeliveryScope, DeliveryUpdate, Event, EventBody, Part};
use jackfield_core::fact::{Fact, Idempotency, Outcome};
use jackfield_core::ids::Millis;
use jackfield_core::timer;

const DAY: u64 = 24 * HOUR;

/// Lets every timer fire that is due within a second.
fn fire(desk: &mut Desk) {
    while let Some((due, timer)) = timer::view::next(&desk.tables).unwrap().filter(|(due, _)| due.0 <= desk.now + 1_000)
    {
        assert_eq!(desk.apply(Fact::TimerFired { timer, due }), Outcome::Done);
    }
}

fn read(id: String) -> Event {
    let body =
        EventBody::Delivery { about: DeliveryScope::Message(id), state: DeliveryUpdate::Read, at: Some(Millis(1)) };
    Event { id: String::new(), body }
}

fn waiting(desk: &Desk) -> (usize, usize) {
    let rows = EARLY.scan(&desk.tables, EARLY.all(), false).count();
    (rows, EARLY_BY_AGE.scan(&desk.tables, EARLY_BY_AGE.all(), false).count())
}

#[test]
fn an_update_of_a_message_that_never_came_goes_after_a_month_however_many_young_ones_there_are() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![read("never".into())]);
    desk.now += 31 * DAY;
    desk.receive("ig", (0..1_100).map(|n| read(format!("young-{n}"))).collect());
    fire(&mut desk);
    assert_eq!(waiting(&desk), (1_100, 1_100));
    desk.now += 31 * DAY;
    fire(&mut desk);
    assert_eq!(waiting(&desk), (0, 0));
}

#[test]
fn an_update_that_found_its_message_waits_no_more() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![read("m1".into())]);
    assert_eq!(waiting(&desk), (1, 1));
    desk.receive("wa", vec![text("m1", sender("whatsapp", "62811", vec![]), "hello")]);
    assert_eq!(waiting(&desk), (0, 0));
}

#[test]
fn the_answer_to_a_command_is_remembered_for_a_week() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![text("m1", sender("whatsapp", "62811", vec![]), "hello")]);
    let customer = desk.customer_of("whatsapp", "62811");
    let request = || Fact::MessageRequested {
        customer,
        parts: vec![Part::Text { text: "hi".into() }],
        via: None,
        reply_to: None,
        thread: None,
        idempotency: Some(Idempotency { key: "k".into(), request: "same".into() }),
    };
    let first = desk.apply(request());
    assert!(matches!(first, Outcome::Queued { .. }), "{first:?}");
    desk.now += 6 * DAY;
    fire(&mut desk);
    assert_eq!(desk.apply(request()), first);
    desk.now += 2 * DAY;
    fire(&mut desk);
    assert_ne!(desk.apply(request()), first, "the window is closed by now");
}
