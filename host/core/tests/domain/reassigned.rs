//! Addresses that come to belong to somebody else.

use crate::support::{Desk, HOUR, hint, identifier, named, sender, text};
use jackfield_core::event::{Event, EventBody, Trust};
use jackfield_core::fact::{Fact, Outcome};
use jackfield_core::ids::{CustomerId, IdentityId, Millis};

const PHONE: &str = "+6281234567890";
const DAY: u64 = 24 * HOUR;

fn change(old: &str, new: &str, at: Option<u64>) -> Event {
    let (old, new) = (identifier("whatsapp", old), identifier("whatsapp", new));
    let body = EventBody::IdentityChange { old, new, at: at.map(Millis), reason: "changed number".into() };
    Event { id: String::new(), body }
}

fn write(desk: &mut Desk, from: &str, words: &str) {
    desk.receive("wa", vec![text(words, sender("whatsapp", from, vec![]), words)]);
}

/// Writes on a channel that vouches for the number.
fn write_with_number(desk: &mut Desk, from: &str, words: &str) {
    let phone = hint("phone", PHONE, Trust::Attested);
    desk.receive("wa", vec![text(words, sender("whatsapp", from, vec![phone]), words)]);
}

fn write_from_number(desk: &mut Desk, words: &str) {
    desk.receive("ig", vec![text(words, sender("phone", PHONE, vec![named(words)]), words)]);
}

fn who_has(desk: &Desk, whatsapp: &str) -> (CustomerId, IdentityId) {
    (desk.customer_of("whatsapp", whatsapp), desk.identity_of("whatsapp", whatsapp))
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

/// Ana moved from n1 to n2, and Bob has n1 since. Gives when she moved.
fn bob_has_anas_old_number(desk: &mut Desk, told: fn(u64) -> Option<u64>) -> Option<u64> {
    write(desk, "n1", "anas secret");
    let at = told(desk.now);
    desk.receive("wa", vec![change("n1", "n2", at)]);
    write(desk, "n2", "my new number");
    desk.now += 60 * DAY;
    write(desk, "n1", "i am bob");
    at
}

#[test]
fn a_change_that_comes_again_is_not_about_whoever_has_the_address_since() {
    for told in [(|now| Some(now)) as fn(u64) -> Option<u64>, |_| None, |_| Some(0), |_| Some(u64::MAX)] {
        let mut desk = Desk::new();
        let at = bob_has_anas_old_number(&mut desk, told);
        let before = (who_has(&desk, "n1"), who_has(&desk, "n2"));
        desk.receive("wa", vec![change("n1", "n2", at)]);
        assert_eq!((who_has(&desk, "n1"), who_has(&desk, "n2")), before);
        assert_eq!(seen_by(&desk, "n1"), ["i am bob"]);
        assert_eq!(seen_by(&desk, "n2").len(), 2);
    }
}

#[test]
fn a_change_that_comes_again_before_the_old_address_has_an_owner_changes_nothing() {
    for at in [Some(crate::support::START), None] {
        let mut desk = Desk::new();
        write(&mut desk, "n1", "anas secret");
        let at = at.map(|_| desk.now);
        desk.receive("wa", vec![change("n1", "n2", at)]);
        write(&mut desk, "n2", "my new number");
        let before = who_has(&desk, "n2");
        desk.now += 60 * DAY;
        desk.receive("wa", vec![change("n1", "n2", at)]);
        assert_eq!(who_has(&desk, "n2"), before);
        assert_eq!(seen_by(&desk, "n2").len(), 2);
    }
}

#[test]
fn a_change_that_comes_late_for_the_first_time_is_not_about_whoever_has_the_address_since() {
    let mut desk = Desk::new();
    let when = desk.now;
    desk.now += 60 * DAY;
    write(&mut desk, "n1", "i am bob");
    write(&mut desk, "n2", "i am ana");
    let before = (who_has(&desk, "n1"), who_has(&desk, "n2"));
    desk.receive("wa", vec![change("n1", "n2", Some(when))]);
    assert_eq!((who_has(&desk, "n1"), who_has(&desk, "n2")), before);
}

#[test]
fn a_change_that_comes_late_with_the_messages_from_before_it_takes_the_person_along() {
    let mut desk = Desk::new();
    desk.now += DAY;
    let (written, moved) = (desk.now - 2 * HOUR, desk.now - HOUR);
    let mut first = text("a-1", sender("whatsapp", "n1", vec![]), "from the old number");
    let EventBody::Message(message) = &mut first.body else { panic!() };
    message.sent_at = Some(Millis(written));
    desk.receive("wa", vec![first, change("n1", "n2", Some(moved))]);
    write(&mut desk, "n2", "from the new number");
    assert_eq!(seen_by(&desk, "n2").len(), 2);
}

#[test]
fn an_address_that_somebody_else_used_before_the_change_passes_on() {
    let mut desk = Desk::new();
    write(&mut desk, "n1", "anas secret");
    desk.now += HOUR;
    write(&mut desk, "n2", "bobs secret");
    desk.now += 200 * DAY;
    let at = Some(desk.now);
    desk.receive("wa", vec![change("n1", "n2", at)]);
    assert_eq!(seen_by(&desk, "n2"), ["anas secret"]);
}

#[test]
fn an_address_passes_on_to_a_person_who_never_wrote_from_the_old_one() {
    let mut desk = Desk::new();
    write(&mut desk, "n2", "bobs secret");
    desk.now += 200 * DAY;
    let at = Some(desk.now);
    desk.receive("wa", vec![change("n1", "n2", at)]);
    write(&mut desk, "n2", "i am ana");
    assert_eq!(seen_by(&desk, "n2"), ["i am ana"]);
    // The same again is about nobody else.
    desk.receive("wa", vec![change("n1", "n2", at)]);
    assert_eq!(seen_by(&desk, "n2"), ["i am ana"]);
}

#[test]
fn a_change_says_no_time_that_is_still_to_come() {
    let mut desk = Desk::new();
    write(&mut desk, "n1", "hello");
    write(&mut desk, "n2", "overtook the change");
    let at = Some(desk.now + 365 * DAY);
    desk.receive("wa", vec![change("n1", "n2", at)]);
    assert_eq!(seen_by(&desk, "n2").len(), 2);
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
