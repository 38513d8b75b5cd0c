//! The journal is rewritten in steps, and facts come meanwhile.

use super::{ANA, BUDI, erased, phone, queued, replay, request, rewritten};
use crate::support::{Desk, channel, hint, identifier, named, sender, text};
use jackfield_core::event::Trust;
use jackfield_core::fact::{Actor, Entry, Fact, SendResult};
use jackfield_core::ids::{Millis, Seq};

#[test]
fn a_journal_that_was_rewritten_in_part_is_gone_on_with_whatever_tables_were_built_from_it() {
    let mut desk = Desk::new();
    for n in 0..6 {
        let ana = sender("whatsapp", "ana-w", vec![hint("phone", ANA, Trust::Attested), named("Ana Annasdottir")]);
        desk.receive("wa", vec![text(&format!("a{n}"), ana, "of ana"), text(&format!("b{n}"), phone(BUDI), "of budi")]);
    }
    let ana = desk.customer_of("phone", ANA);
    desk.apply_as(Actor::Operator, erased(ana));
    let whole = rewritten(&desk.tables, &desk.journal, None);
    for cut in 0..desk.journal.len() {
        // The newest segments are rewritten first.
        let partly: Vec<Entry> = desk.journal[..cut].iter().chain(&whole.journal[cut..]).cloned().collect();
        let left = rewritten(&replay(&partly), &partly, None);
        assert_eq!(left.journal, whole.journal, "{cut}");
        assert_eq!(left.tables, whole.tables, "{cut}");
    }
}

#[test]
fn what_was_on_its_way_when_the_person_was_erased_is_found_by_the_second_time() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![text("1", phone(ANA), "of ana")]);
    let ana = desk.customer_of("phone", ANA);
    let identity = desk.identity_of("phone", ANA);
    let sent = queued(desk.apply(request(ana, "to ana", None, None)));
    desk.apply(Fact::SendStarted { message: sent, attempt: 1 });
    desk.apply_as(Actor::Operator, erased(ana));
    let mut left = rewritten(&desk.tables, &desk.journal, None);
    let late = [
        Fact::SendEnded {
            message: sent,
            attempt: 1,
            result: SendResult::Sent { external_ids: vec!["out-ana".into()] },
            events: vec![],
            source: None,
            state: vec![],
        },
        Fact::HintsLearnt {
            channel: channel("wa"),
            identity: identifier("phone", ANA),
            id: Some(identity),
            hints: vec![named("Ana Late")],
            source: None,
            state: vec![],
        },
    ];
    for fact in late {
        let seq = Seq(left.journal.len() as u64 + 1);
        left.journal.push(Entry { seq, at: Millis(desk.now), actor: Actor::Host, fact });
    }
    let left = rewritten(&replay(&left.journal), &left.journal, Some(left.plan));
    left.assert_gone(&["out-ana", "Ana Late", &ANA[1..]]);
}
