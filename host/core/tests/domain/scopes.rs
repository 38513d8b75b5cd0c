//! What belongs to one sender, one account, one connector, and comes to no other.

use crate::support::{Desk, channel, sender, text};
use jackfield_core::event::{EventBody, Part, Sender, Trust};
use jackfield_core::fact::{Fact, Outcome, Via};
use jackfield_core::ids::MessageId;

/// Somebody gives an address in a form, in a session of their own.
fn typed(desk: &mut Desk, session: &str, kind: &str, words: &str) {
    let from = Sender { trust: Trust::Claimed, ..sender("email", "ana@example.com", vec![]) };
    let mut event = text(words, from, words);
    if let EventBody::Message(message) = &mut event.body {
        message.thread.id = session.into();
        message.thread.kind = kind.into();
    }
    desk.receive("wa", vec![event]);
}

fn ask(desk: &mut Desk, reply_to: Option<MessageId>, thread: Option<&str>, via: Option<Via>) -> Outcome {
    let customer = desk.customer_of("email", "ana@example.com");
    let parts = vec![Part::Text { text: "dear Ana, your invoice".into() }];
    let thread = thread.map(str::to_owned);
    desk.apply(Fact::MessageRequested { customer, parts, via, reply_to, thread, idempotency: None })
}

fn goes_to(outcome: Outcome) -> String {
    match outcome {
        Outcome::Queued { to: Some(to), .. } => to.thread.id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_gives_somebody_elses_address_in_a_form_gets_no_reply_that_is_meant_for_the_other() {
    for kinds in [["direct", "direct"], ["direct", "mail"], ["mail", "direct"]] {
        let mut desk = Desk::new();
        typed(&mut desk, "of-ana", kinds[0], "please send my invoice again");
        let anas = desk.first_message(desk.customer_of("email", "ana@example.com"));
        assert_eq!(goes_to(ask(&mut desk, None, None, None)), "of-ana");
        typed(&mut desk, "of-mallory", kinds[1], "hi");
        for via in [None, Some(Via::Channel(channel("wa")))] {
            match ask(&mut desk, None, None, via) {
                Outcome::Refused(refusal) => assert_eq!(refusal.code, "several_threads"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(desk.message(anas)["thread"]["id"], "of-ana", "who answers sees which thread it came in");
        assert_eq!(goes_to(ask(&mut desk, Some(anas), None, None)), "of-ana");
        assert_eq!(goes_to(ask(&mut desk, None, Some("of-mallory"), None)), "of-mallory");
    }
}

#[test]
fn a_reply_in_a_thread_of_the_form_does_not_make_the_next_one_certain() {
    let mut desk = Desk::new();
    typed(&mut desk, "of-ana", "direct", "please send my invoice again");
    typed(&mut desk, "of-mallory", "direct", "hi");
    typed(&mut desk, "of-mallory", "direct", "hi again");
    typed(&mut desk, "of-ana", "direct", "hello?");
    assert!(matches!(ask(&mut desk, None, None, None), Outcome::Refused(_)));
}

#[test]
fn a_proven_sender_is_answered_where_they_wrote_last() {
    let mut desk = Desk::new();
    for session in ["one", "two"] {
        let mut event = text(session, sender("email", "ana@example.com", vec![]), session);
        if let EventBody::Message(message) = &mut event.body {
            message.thread.id = session.into();
        }
        desk.receive("wa", vec![event]);
    }
    assert_eq!(goes_to(ask(&mut desk, None, None, None)), "two");
}
