//! Commands and attempts about the person: what was decided stays decided, what was refused stays refused.

use super::{ANA, BUDI, CITRA, Left, cursor, ended, erase, is_refused, phone, queued, request, sent_as};
use crate::support::{Desk, channel, hint, sender, text};
use jackfield_core::apply::apply;
use jackfield_core::event::{Problem, Sender, Trust};
use jackfield_core::fact::{Actor, Entry, Fact, Idempotency, MessageAction, Outcome, SendResult};
use jackfield_core::identity::links;
use jackfield_core::ids::{CustomerId, Seq};
use jackfield_core::tables::Memory;
use jackfield_core::views::operations;

/// Another request under the same key.
fn other_request(customer: CustomerId, words: &str, key: &str) -> Fact {
    let mut fact = request(customer, words, None, None);
    if let Fact::MessageRequested { idempotency, .. } = &mut fact {
        *idempotency = Some(Idempotency { key: key.into(), request: "another".into() });
    }
    fact
}

#[test]
fn a_decision_about_a_suggestion_stays_with_its_pair_whoever_is_erased() {
    for says_whom in [true, false] {
        for accept in [true, false] {
            let mut desk = Desk::new();
            desk.receive("wa", vec![text("1", phone(ANA), "of ana"), text("2", phone(BUDI), "of budi")]);
            desk.receive("wa", vec![text("3", phone(CITRA), "of citra")]);
            let ana = desk.customer_of("phone", ANA);
            let visitor = Sender { trust: Trust::Claimed, ..phone(ANA) };
            let claims = |who: &str, value: &str| sender("instagram", who, vec![hint("phone", value, Trust::Claimed)]);
            desk.receive(
                "ig",
                vec![
                    text("4", visitor, "of a visitor"),
                    text("5", claims("dewi-i", BUDI), "of dewi"),
                    text("6", claims("eka-i", CITRA), "of eka"),
                ],
            );
            let all = links::suggestions(&desk.tables, None, None, 10).unwrap().items;
            let about = all.iter().find(|row| row.target.value == BUDI).unwrap();
            let (claimant, target) = (about.claimant.identity, about.target.identity);
            let decided = |claimant, target| Fact::SuggestionDecided {
                suggestion: about.id,
                claimant,
                target,
                accept,
                reason: "she said so".into(),
                idempotency: None,
            };
            let nobody = desk.apply(decided(Some(target), Some(ana.into())));
            assert!(is_refused(&nobody, "not_found"), "{nobody:?}");
            let fact = if says_whom { decided(Some(claimant), Some(target)) } else { decided(None, None) };
            let outcome = desk.apply(fact);
            assert!(matches!(outcome, Outcome::Decided { .. }), "{outcome:?}");
            let states = |tables: &Memory| {
                let page = links::suggestions(tables, None, None, 10).unwrap();
                let told = page.items.into_iter().map(|row| (row.claimant.value, row.target.value, row.state));
                told.filter(|(claimant, ..)| claimant != ANA).collect::<Vec<_>>()
            };
            let left = erase(&mut desk, ana);
            assert_eq!(states(&left.tables), states(&desk.tables));
        }
    }
}

#[test]
fn the_key_of_a_command_that_was_erased_is_good_for_no_other_command() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![text("1", phone(ANA), "of ana"), text("2", phone(BUDI), "of budi")]);
    let (ana, budi) = (desk.customer_of("phone", ANA), desk.customer_of("phone", BUDI));
    let sent = queued(desk.apply(request(ana, "hello ana", None, Some("K1"))));
    assert_eq!(queued(desk.apply(request(ana, "hello ana", None, Some("K1")))), sent);
    let refused = desk.apply(other_request(budi, "refused", "K1"));
    assert!(is_refused(&refused, "idempotency_mismatch"), "{refused:?}");
    // A key of a command that was refused is good for another one.
    assert!(matches!(desk.apply(request(ana, &"too long".repeat(20), None, Some("K2"))), Outcome::Refused(_)));
    queued(desk.apply(other_request(budi, "sent to budi", "K2")));
    desk.apply(Fact::SendStarted { message: sent, attempt: 1 });
    desk.apply(ended(sent, sent_as("out-ana"), vec![], vec![]));
    let react = |key: &str| Fact::ActionRequested {
        message: sent,
        action: MessageAction::MarkRead,
        idempotency: Some(Idempotency { key: key.into(), request: "r".into() }),
    };
    desk.apply(react("K3"));
    desk.apply(other_request(budi, "perhaps", "K3"));
    let left = erase(&mut desk, ana);
    left.assert_gone(&["hello ana", "out-ana"]);
    let again = apply_to(&left, request(ana, "hello ana", None, Some("K1")));
    assert!(is_refused(&again, "not_found"), "{again:?}");
    let old: Fact = serde_json::from_str(r#"{"type":"redacted"}"#).unwrap();
    assert_eq!(old, Fact::Redacted { idempotency: None });
    assert_eq!(serde_json::to_string(&old).unwrap(), r#"{"type":"redacted"}"#);
}

fn apply_to(left: &Left, fact: Fact) -> Outcome {
    let mut tables = left.tables.clone();
    let at = left.journal.last().unwrap().at;
    let entry = Entry { seq: Seq(left.journal.len() as u64 + 1), at, actor: Actor::Host, fact };
    apply(&mut tables, &entry).unwrap().outcome
}

#[test]
fn an_end_of_an_attempt_that_was_refused_stays_refused_without_its_message() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![text("1", phone(ANA), "of ana")]);
    let ana = desk.customer_of("phone", ANA);
    let sent = queued(desk.apply(request(ana, "to ana", None, None)));
    desk.apply(Fact::SendStarted { message: sent, attempt: 1 });
    desk.apply(ended(sent, sent_as("out-ana"), vec![], cursor("kept")));
    let late = vec![text("b", phone(BUDI), "refused of budi")];
    let refused = desk.apply(ended(sent, sent_as("out-2"), late, cursor("refused")));
    assert!(matches!(refused, Outcome::Refused(_)), "{refused:?}");
    let left = erase(&mut desk, ana);
    assert_eq!(operations::state(&left.tables, &channel("wa"), "cursor").unwrap().unwrap(), b"kept");
}

#[test]
fn what_an_attempt_brought_besides_stays_as_it_was_without_its_message() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![text("1", phone(ANA), "of ana")]);
    let ana = desk.customer_of("phone", ANA);
    let sent = queued(desk.apply(request(ana, "to ana", None, None)));
    desk.apply(Fact::SendStarted { message: sent, attempt: 1 });
    let besides = vec![text("b", phone(BUDI), "of budi"), text("a", phone(ANA), "more of ana")];
    let problem = Problem { message: "the token of ana is bad".into(), code: None };
    desk.apply(ended(sent, SendResult::Credentials { problem }, besides, cursor("kept")));
    let is_parked = |tables: &Memory| operations::channel(tables, &channel("wa")).unwrap().unwrap().parked.is_some();
    assert!(is_parked(&desk.tables));
    let budi = desk.customer_of("phone", BUDI);
    let left = erase(&mut desk, ana);
    left.assert_gone(&["to ana", "more of ana", "token of ana", &ANA[1..]]);
    assert!(is_parked(&left.tables));
    assert_eq!(operations::state(&left.tables, &channel("wa"), "cursor").unwrap().unwrap(), b"kept");
    let mut desk = Desk { tables: left.tables, journal: left.journal, ..Desk::new() };
    let erasure = operations::open_erasure(&desk.tables).unwrap().unwrap().seq;
    desk.apply(Fact::ErasureEnded { erasure });
    let left = erase(&mut desk, budi);
    left.assert_gone(&["of budi", &BUDI[1..]]);
}
