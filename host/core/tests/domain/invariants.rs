//! Whatever facts come, in whatever order: what one table says, the others say too.

use std::collections::{BTreeMap, BTreeSet};

use jackfield_core::apply::apply;
use jackfield_core::conversation::rows::{EARLY, EARLY_BY_AGE, Item, MESSAGES, Message, SENT_IN_THREAD, TIMELINE};
use jackfield_core::fact::Fact;
use jackfield_core::files;
use jackfield_core::identity::graph;
use jackfield_core::identity::rows::{
    BY_ACTIVITY, BY_ADDRESS, CUSTOMERS, IDENTITIES, Identity, LINKS, SUGGESTION_COUNTS, SUGGESTIONS, SuggestionState,
};
use jackfield_core::ids::{CustomerId, IdentityId, MessageId};
use jackfield_core::limits;
use jackfield_core::outbox::rows::{DUE, DeliveryState, HEADS, OUTBOX, QUEUES};
use jackfield_core::parked::rows::{BY_CHANNEL, PARKED, TOTALS};
use jackfield_core::tables::Memory;
use jackfield_core::tables::key::Element;
use jackfield_core::tables::table::{Row, Table};

use crate::arbitrary::Arbitrary;

fn all<K: Element, V: Row>(tables: &Memory, table: &Table<K, V>) -> Vec<(K, V)> {
    table.scan(tables, table.all(), false).map(Result::unwrap).collect()
}

fn people(tables: &Memory) -> BTreeMap<IdentityId, Identity> {
    all(tables, &IDENTITIES).into_iter().map(|((id,), row)| (id, row)).collect()
}

/// Who is one customer is who is joined by links.
fn customers(tables: &Memory, people: &BTreeMap<IdentityId, Identity>) {
    let customers: BTreeMap<CustomerId, Vec<IdentityId>> =
        all(tables, &CUSTOMERS).into_iter().map(|((id,), row)| (id, row.members)).collect();
    for (id, members) in &customers {
        assert_eq!(members.first().copied().map(CustomerId::from), Some(*id), "a customer has the oldest one's id");
        let joined = graph::component(tables, members[0], |_| true).unwrap();
        assert_eq!(joined.into_iter().collect::<Vec<_>>(), *members, "{id}");
        for member in members {
            assert!(people[member].erased.is_none() && people[member].customer == *id, "{member} of {id}");
        }
    }
    for (id, row) in people.iter().filter(|(_, row)| row.erased.is_none()) {
        assert!(customers.get(&row.customer).is_some_and(|members| members.contains(id)), "{id} is nobody's");
    }
    for ((from, to, rule), link) in all(tables, &LINKS) {
        assert_eq!(LINKS.get(tables, (to, from, rule)).unwrap(), Some(link), "a link has both ends");
    }
}

/// An address leads to who has it, and to nobody else.
fn addresses(tables: &Memory, people: &BTreeMap<IdentityId, Identity>) {
    let has_it = |row: &Identity| row.retired_at.is_none() && row.erased.is_none();
    for ((kind, scope, value), id) in all(tables, &BY_ADDRESS) {
        let row = &people[&id];
        assert_eq!((&row.kind, &row.scope, &row.value), (&kind.0, &scope.0, &value.0));
        assert!(has_it(row), "{id} has left {}", value.0);
    }
    for row in people.values().filter(|row| has_it(row)) {
        let found = BY_ADDRESS.get(tables, (&row.kind, row.scope.as_str(), &row.value)).unwrap();
        assert_eq!(found, Some(row.id));
    }
}

fn timelines(tables: &Memory, people: &BTreeMap<IdentityId, Identity>, messages: &BTreeMap<MessageId, Message>) {
    let mut counts: BTreeMap<IdentityId, u64> = BTreeMap::new();
    let mut placed = BTreeSet::new();
    for ((identity, at, item), _) in all(tables, &TIMELINE) {
        let Item::Message(id) = item else { continue };
        let row = &messages[&id];
        assert_eq!((row.identity, row.ordered_at, row.echo_of), (identity, at, None), "{id}");
        *counts.entry(identity).or_default() += 1;
        placed.insert(id);
    }
    for row in messages.values() {
        assert_eq!(placed.contains(&row.id), row.action.is_none() && row.echo_of.is_none(), "{}", row.id);
    }
    let active = all(tables, &BY_ACTIVITY).into_iter().map(|(key, _)| key).collect::<BTreeSet<_>>();
    let said = people.values().filter_map(|row| Some((row.last_activity?, row.id))).collect::<BTreeSet<_>>();
    assert_eq!(active, said);
    for row in people.values().filter(|row| row.erased.is_none()) {
        assert_eq!(row.messages, counts.get(&row.id).copied().unwrap_or_default(), "{}", row.id);
    }
}

fn outboxes(tables: &Memory, people: &BTreeMap<IdentityId, Identity>, messages: &BTreeMap<MessageId, Message>) {
    let outbox = all(tables, &OUTBOX);
    let waiting: BTreeSet<_> = outbox.iter().map(|((on, id), row)| (on.clone(), row.thread.clone(), *id)).collect();
    let queued: BTreeSet<_> =
        all(tables, &QUEUES).into_iter().map(|((on, thread, id), _)| (on, thread.0, id)).collect();
    assert_eq!(waiting, queued);
    let mut heads = BTreeMap::new();
    for (on, thread, id) in &queued {
        heads.entry((on.clone(), thread.clone())).or_insert(*id);
    }
    let due = |(on, id): &(_, MessageId)| {
        OUTBOX.get(tables, (on, *id)).unwrap().filter(|row| row.running.is_none()).map(|row| row.at)
    };
    let wanted: BTreeSet<_> =
        heads.iter().filter_map(|((on, _), id)| Some((on.clone(), due(&(on.clone(), *id))?, *id))).collect();
    assert_eq!(all(tables, &DUE).into_iter().map(|(key, _)| key).collect::<BTreeSet<_>>(), wanted);
    assert_eq!(all(tables, &HEADS).len(), wanted.len());
    for row in messages.values() {
        let Some(delivery) = &row.delivery else { continue };
        let there = OUTBOX.get(tables, (&row.channel, row.id)).unwrap();
        let is_gone = people[&row.identity].erased.is_some();
        match delivery.state {
            DeliveryState::Queued => {
                assert!(is_gone || there.is_some_and(|there| there.running.is_none()), "{}", row.id)
            }
            DeliveryState::Sending => assert!(there.is_some_and(|there| there.running.is_some()), "{}", row.id),
            _ => assert!(there.is_none_or(|there| there.running.is_some()), "{} is {delivery:?}", row.id),
        }
    }
    for ((on, thread, at, id), _) in all(tables, &SENT_IN_THREAD) {
        let row = &messages[&id];
        let delivery = row.delivery.as_ref().unwrap();
        assert_eq!((&row.channel, &row.thread.id, delivery.started_at), (&on, &thread.0, Some(at)));
        assert_ne!(delivery.state, DeliveryState::Read, "{id}");
    }
}

fn the_rest(tables: &Memory) {
    let wanted = all(tables, &files::rows::WANTED).into_iter().map(|((on, id, part), row)| (on, row.at, id, part));
    let due = all(tables, &files::rows::DUE).into_iter().map(|(key, _)| key);
    assert_eq!(wanted.collect::<BTreeSet<_>>(), due.collect());
    let early = all(tables, &EARLY);
    let mut of_each: BTreeMap<_, usize> = BTreeMap::new();
    early.iter().for_each(|((on, id, ..), _)| *of_each.entry((on.clone(), id.clone())).or_default() += 1);
    assert!(of_each.values().all(|count| *count <= limits::EARLY));
    let by_age = all(tables, &EARLY_BY_AGE).into_iter().map(|((seq, at), row)| (row.channel, row.id, seq, at));
    let by_message = early.into_iter().map(|((on, id, seq, at), _)| (on, id.0, seq, at));
    assert_eq!(by_message.collect::<BTreeSet<_>>(), by_age.collect());
    let mut totals: BTreeMap<_, (u64, u64)> = BTreeMap::new();
    for (_, row) in all(tables, &PARKED) {
        let total = totals.entry(row.channel.clone()).or_default();
        *total = (total.0 + 1, total.1 + row.size_bytes());
        assert!(BY_CHANNEL.contains(tables, (&row.channel, row.id)).unwrap());
    }
    for ((on,), row) in all(tables, &TOTALS) {
        assert_eq!((row.count, row.bytes), totals.get(&on).copied().unwrap_or_default(), "{on}");
    }
    let mut open: BTreeMap<IdentityId, (u32, u32)> = BTreeMap::new();
    for (_, row) in all(tables, &SUGGESTIONS).into_iter().filter(|(_, row)| row.state == SuggestionState::Open) {
        let counts = open.entry(row.target).or_default();
        if row.evidence.verified { counts.0 += 1 } else { counts.1 += 1 }
    }
    for ((target,), row) in all(tables, &SUGGESTION_COUNTS) {
        assert_eq!((row.verified, row.unverified), open.get(&target).copied().unwrap_or_default(), "{target}");
    }
}

fn agree(tables: &Memory) {
    let people = people(tables);
    let messages: BTreeMap<_, _> = all(tables, &MESSAGES).into_iter().map(|((id,), row)| (id, row)).collect();
    customers(tables, &people);
    addresses(tables, &people);
    timelines(tables, &people, &messages);
    outboxes(tables, &people, &messages);
    the_rest(tables);
}

#[test]
fn whatever_comes_in_whatever_order_the_tables_agree() {
    for seed in 101..=104 {
        let (mut arbitrary, mut tables) = (Arbitrary::new(seed), Memory::default());
        for n in 0..1_000 {
            let mut entry = arbitrary.entry();
            if let Fact::CustomerErased { identities, .. } = &mut entry.fact {
                // Only an erasure writes down who they were, and those were a whole customer.
                identities.clear();
            }
            apply(&mut tables, &entry).unwrap();
            if n % 125 == 124 {
                println!("seed {seed}, fact {}", entry.seq);
                agree(&tables);
            }
        }
    }
}
