//! What holds for every history.

use crate::support::{Desk, hint, sender, text};
use jackfield_core::apply::apply;
use jackfield_core::event::Trust;
use jackfield_core::fact::{Fact, Outcome};
use jackfield_core::identity::rows::SuggestionState;
use jackfield_core::identity::{customer, links, search};
use jackfield_core::ids::CustomerId;
use jackfield_core::tables::Memory;
use proptest::prelude::*;

/// One step of a random history.
#[derive(Clone, Debug)]
enum Step {
    Message { person: u8, phone: Option<u8>, proven: bool },
    Merge { a: usize, b: usize },
    Unlink { customer: usize, identity: usize },
    Decide { suggestion: usize, accept: bool },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..6u8, proptest::option::of(0..4u8), any::<bool>())
            .prop_map(|(person, phone, proven)| Step::Message { person, phone, proven }),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Step::Merge { a, b }),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(customer, identity)| Step::Unlink { customer, identity }),
        1 => (any::<usize>(), any::<bool>()).prop_map(|(suggestion, accept)| Step::Decide { suggestion, accept }),
    ]
}

fn customers(desk: &Desk) -> Vec<CustomerId> {
    search::all(&desk.tables, None, 1000).unwrap().items.into_iter().map(|c| c.id).collect()
}

fn pick<T: Copy>(from: &[T], index: usize) -> Option<T> {
    (!from.is_empty()).then(|| from[index % from.len()])
}

fn run(desk: &mut Desk, number: usize, step: &Step) -> Option<()> {
    let all = customers(desk);
    match step {
        Step::Message { person, phone, proven } => {
            let trust = if *proven { Trust::Attested } else { Trust::Claimed };
            let hints = phone.map(|p| hint("phone", &format!("+62812345678{p}0"), trust)).into_iter().collect();
            let who = sender("instagram", &format!("p{person}"), hints);
            desk.receive("ig", vec![text(&format!("m{number}"), who, "hello")]);
        }
        Step::Merge { a, b } => {
            let (a, b) = (pick(&all, *a)?, pick(&all, *b)?);
            desk.apply(Fact::MergeRequested { a, b, reason: "test".into(), idempotency: None });
        }
        Step::Unlink { customer, identity } => {
            let customer = pick(&all, *customer)?;
            let view = customer::customer(&desk.tables, customer).unwrap()?;
            let ids: Vec<_> = view.identities.iter().map(|i| i.id).collect();
            let identity = pick(&ids, *identity)?;
            desk.apply(Fact::UnlinkRequested { customer, identity, reason: "test".into(), idempotency: None });
        }
        Step::Decide { suggestion, accept } => {
            let page = links::suggestions(&desk.tables, None, None, 1000).unwrap();
            let ids: Vec<_> = page.items.iter().map(|s| s.id).collect();
            let suggestion = pick(&ids, *suggestion)?;
            let reason = String::from("test");
            desk.apply(Fact::SuggestionDecided {
                suggestion,
                claimant: None,
                target: None,
                accept: *accept,
                reason,
                idempotency: None,
            });
        }
    }
    Some(())
}

fn history(steps: &[Step]) -> Desk {
    let mut desk = Desk::new();
    for (number, step) in steps.iter().enumerate() {
        run(&mut desk, number, step);
    }
    desk
}

fn all_views(desk: &Desk) -> Vec<String> {
    customers(desk).into_iter().map(|id| desk.view(id)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_same_journal_gives_the_same_rows_byte_for_byte(steps in proptest::collection::vec(step(), 1..40)) {
        let desk = history(&steps);
        let mut again = Memory::default();
        for entry in &desk.journal {
            apply(&mut again, entry).unwrap();
        }
        prop_assert_eq!(again, desk.tables);
    }

    #[test]
    fn every_identity_is_in_exactly_the_customer_it_says(steps in proptest::collection::vec(step(), 1..40)) {
        let desk = history(&steps);
        let mut seen = std::collections::BTreeSet::new();
        for id in customers(&desk) {
            let view = customer::customer(&desk.tables, id).unwrap().unwrap();
            prop_assert_eq!(view.id, id);
            for identity in &view.identities {
                prop_assert!(seen.insert(identity.id), "{} is in two customers", identity.id);
                let why = links::why(&desk.tables, id, identity.id).unwrap();
                prop_assert!(why.is_some_and(|why| why.linked), "{} has no reason", identity.id);
            }
        }
    }

    #[test]
    fn no_message_is_lost_by_any_merge_or_unlink(steps in proptest::collection::vec(step(), 1..40)) {
        let desk = history(&steps);
        let sent = steps.iter().filter(|s| matches!(s, Step::Message { .. })).count();
        let shown: usize = customers(&desk)
            .into_iter()
            .map(|id| customer::customer(&desk.tables, id).unwrap().unwrap())
            .map(|view| view.identities.len())
            .sum();
        let identities: u64 = customers(&desk)
            .into_iter()
            .flat_map(|id| jackfield_core::identity::graph::members(&desk.tables, id).unwrap())
            .map(|i| i.messages)
            .sum();
        prop_assert!(shown > 0 || sent == 0);
        prop_assert_eq!(identities, sent as u64);
    }

    #[test]
    fn merge_and_unlink_change_no_view(steps in proptest::collection::vec(step(), 1..30), a in any::<usize>(), b in any::<usize>()) {
        let mut desk = history(&steps);
        let all = customers(&desk);
        let (Some(a), Some(b)) = (pick(&all, a), pick(&all, b)) else { return Ok(()) };
        prop_assume!(a != b);
        let before = all_views(&desk);
        let merged = desk.apply(Fact::MergeRequested { a, b, reason: "test".into(), idempotency: None });
        let Outcome::Merged { customer } = merged else { return Ok(()) };
        prop_assert_eq!(desk.view(a), desk.view(b));
        // The younger side's name-giving identity is on one end of the new link.
        let identity = a.max(b).into();
        let undone = desk.apply(Fact::UnlinkRequested { customer, identity, reason: "test".into(), idempotency: None });
        let undone = matches!(undone, Outcome::Unlinked { .. });
        prop_assert!(undone);
        prop_assert_eq!(customers(&desk), all);
        prop_assert_eq!(all_views(&desk), before);
    }

    #[test]
    fn a_claim_never_makes_one_customer_of_two(steps in proptest::collection::vec(step(), 1..40)) {
        let only_claims: Vec<Step> = steps
            .into_iter()
            .filter_map(|s| match s {
                Step::Message { person, phone, .. } => Some(Step::Message { person, phone, proven: false }),
                _ => None,
            })
            .collect();
        let desk = history(&only_claims);
        for id in customers(&desk) {
            let view = customer::customer(&desk.tables, id).unwrap().unwrap();
            prop_assert_eq!(view.identities.len(), 1);
        }
        prop_assert!(links::suggestions(&desk.tables, Some(SuggestionState::Accepted), None, 10).unwrap().items.is_empty());
    }
}
