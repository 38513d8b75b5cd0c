//! Addresses that come to belong to somebody else.

use crate::support::{Desk, HOUR, hint, identifier, named, sender, text};
use jackfield_core::event::{Event, EventBody, Trust};
use jackfield_core::fact::{Fact, Outcome};
use jackfield_core::ids::Millis;

const PHONE: &str = "+6281234567890";
const DAY: u64 = 24 * HOUR;

fn change(old: &str, new: &str, at: Option<u64>) -> Event {
    let (old, new) = (identifier("whatsapp", old), identifier("whatsapp", new));
    let body = EventBody::IdentityChange { old, new, at: at.map(Millis), reason: "changed number".into() };
    Event { id: String::new(), body }
}

/// Writes on a channel that vouches for the number.
fn write_with_number(desk: &mut Desk, from: &str, words: &str) {
    let phone = hint("phone", PHONE, Trust::Attested);
    desk.receive("wa", vec![text(words, sender("whatsapp", from, vec![phone]), words)]);
}

fn write_from_number(desk: &mut Desk, words: &str) {
    desk.receive("ig", vec![text(words, sender("phone", PHONE, vec![named(words)]), words)]);
}

fn seen_by(desk: &Desk, whatsapp: &str) -> Vec<String> {
    desk.timeline_texts(desk.customer_of("whatsapp", whatsapp))
}

/// Ana wrote from her number and on WhatsApp, and took another number there.
fn ana_leaves_her_number(desk: &mut Desk) {
    write_from_number(desk, "anas secret");
    write_with_number(desk, "ana-1", "me too");
    assert_eq!(desk.customer_of("whatsapp", "ana-1"), desk.customer_of("phone", PHONE));
    desk.receive("wa", vec![change("ana-1", "ana-2", None)]);
}

#[test]
fn a_number_that_was_left_takes_no_history_to_the_next_one_who_proves_it() {
    let mut desk = Desk::new();
    ana_leaves_her_number(&mut desk);
    desk.now += 100 * DAY;
    write_with_number(&mut desk, "bob", "i am bob");
    assert_eq!(seen_by(&desk, "bob"), ["i am bob"]);
    assert_eq!(desk.customer_of("phone", PHONE), desk.customer_of("whatsapp", "bob"), "the number is his");
}

#[test]
fn a_number_that_was_left_takes_no_history_to_the_next_one_who_writes_from_it() {
    for later in [HOUR, 5 * 365 * DAY] {
        let mut desk = Desk::new();
        ana_leaves_her_number(&mut desk);
        desk.now += later;
        write_from_number(&mut desk, "i am bob");
        assert_eq!(desk.timeline_texts(desk.customer_of("phone", PHONE)), ["i am bob"]);
    }
}

#[test]
fn a_number_that_two_channels_vouched_for_is_left_for_both() {
    for first in [true, false] {
        let mut desk = Desk::new();
        let telegram = |desk: &mut Desk| {
            let phone = hint("phone", PHONE, Trust::Attested);
            desk.receive("tg", vec![text("tg-1", sender("telegram", "ana", vec![phone]), "anas other secret")]);
        };
        if first {
            telegram(&mut desk);
        }
        write_with_number(&mut desk, "ana-1", "anas secret");
        if !first {
            telegram(&mut desk);
        }
        desk.receive("wa", vec![change("ana-1", "ana-2", None)]);
        write_with_number(&mut desk, "bob", "i am bob");
        assert_eq!(seen_by(&desk, "bob"), ["i am bob"]);
        assert_eq!(desk.customer_of("telegram", "ana"), desk.customer_of("whatsapp", "ana-2"), "Ana is one still");
    }
}

#[test]
fn a_change_of_number_twice_leaves_the_number_of_its_next_owner_alone() {
    let mut desk = Desk::new();
    ana_leaves_her_number(&mut desk);
    write_with_number(&mut desk, "bob", "i am bob");
    desk.receive("wa", vec![change("ana-2", "ana-3", None)]);
    write_with_number(&mut desk, "bob", "still bob");
    assert_eq!(seen_by(&desk, "bob").len(), 2);
    assert_eq!(desk.customer_of("phone", PHONE), desk.customer_of("whatsapp", "bob"));
}

#[test]
fn what_was_claimed_of_an_address_before_it_passed_on_is_not_shown_to_the_next_owner() {
    let mut desk = Desk::new();
    let claim = hint("phone", PHONE, Trust::Claimed);
    desk.receive("tg", vec![text("tg-1", sender("telegram", "ana", vec![claim]), "anas claim")]);
    ana_leaves_her_number(&mut desk);
    write_with_number(&mut desk, "bob", "i am bob");
    let bob = desk.customer_of("whatsapp", "bob");
    assert!(!desk.view(bob).contains("anas claim"));
}

#[test]
fn nothing_is_sent_to_a_number_that_was_left() {
    let mut desk = Desk::new();
    write_from_number(&mut desk, "anas secret");
    let customer = desk.customer_of("phone", PHONE);
    write_with_number(&mut desk, "ana-1", "me too");
    desk.receive("wa", vec![change("ana-1", "ana-2", None)]);
    let parts = vec![jackfield_core::event::Part::Text { text: "for ana".into() }];
    let (via, reply_to, thread, idempotency) = (None, None, None, None);
    match desk.apply(Fact::MessageRequested { customer, parts, via, reply_to, thread, idempotency }) {
        Outcome::Refused(refusal) => assert_eq!(refusal.code, "recipient_gone"),
        other => panic!("{other:?}"),
    }
}
