//! Facts lose their content while the host runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::support::{contains, edit_state, fact, name, open, small};
use jackfield_core::fact::{Actor, Fact};
use jackfield_core::ids::Seq;
use jackfield_core::views::operations;
use jackfield_store::verify;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn erased_facts_are_gone_from_the_folder_while_the_store_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), &small());
    for n in 0..30 {
        store.append(Actor::Operator, fact(&format!("secret{n}."))).await.unwrap();
    }
    let before: Vec<_> = store.journal_entries(Seq(1)).unwrap().map(Result::unwrap).collect();
    let reader = store.read();
    let seqs = BTreeSet::from([Seq(2), Seq(17), Seq(30), Seq(99)]);
    assert_eq!(store.erase(seqs.clone()).await.unwrap(), 3);
    assert_eq!(operations::api_keys(&reader).unwrap().len(), 30);
    drop(reader);
    let during = store.append(Actor::Operator, fact("during")).await.unwrap();
    assert_eq!(during.seq, Seq(31));
    store.rebuilding().wait_for(Option::is_none).await.unwrap();
    assert_eq!(operations::api_keys(&store.read()).unwrap().len(), 28);
    assert_eq!(store.erase(seqs.clone()).await.unwrap(), 0);
    store.rebuilding().wait_for(Option::is_none).await.unwrap();
    store.append(Actor::Operator, fact("after")).await.unwrap();
    store.close().await.unwrap();

    for text in ["secret1.", "secret16.", "secret29."] {
        assert!(!contains(dir.path(), text.as_bytes()), "{text}");
    }
    assert!(contains(dir.path(), b"secret0."));
    let after: Vec<_> = jackfield_store::export(dir.path()).unwrap().map(Result::unwrap).collect();
    assert_eq!(after.iter().map(|entry| entry.seq.0).collect::<Vec<_>>(), (1..=32).collect::<Vec<_>>());
    for (before, after) in before.iter().zip(&after) {
        assert_eq!((before.seq, before.at, &before.actor), (after.seq, after.at, &after.actor));
        let gone = seqs.contains(&before.seq);
        assert_eq!(after.fact, if gone { Fact::Redacted { idempotency: None } } else { before.fact.clone() });
    }
    assert_eq!((name(&after[30].fact), name(&after[31].fact)), ("during", "after"));
    let verified = verify(dir.path(), &small(), &mut |_| {}).unwrap();
    assert_eq!((verified.different, verified.rebuilt), (0, None));
}

#[tokio::test]
async fn a_crash_before_the_views_are_built_leaves_them_to_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), &small());
    store.append(Actor::Operator, fact("secret")).await.unwrap();
    store.append(Actor::Operator, fact("other")).await.unwrap();
    store.close().await.unwrap();
    let sled = fs::read_dir(dir.path().join("views")).unwrap().next().unwrap().unwrap().path();
    // As if the process had been killed after the journal was rewritten.
    edit_state(dir.path(), |state| drop(state.insert("erase".into(), true.into())));
    let store = open(dir.path(), &small());
    assert_eq!(store.read().seq(), Seq(2));
    store.rebuilding().wait_for(Option::is_none).await.unwrap();
    store.close().await.unwrap();
    assert!(!sled.exists());
    let store = open(dir.path(), &small());
    assert_eq!((store.stats().rebuilt, store.rebuilding().borrow().clone()), (None, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facts_are_replaced_by_what_is_left_of_them_in_their_places() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), &small());
    for n in 0..30 {
        store.append(Actor::Operator, fact(&format!("secret{n}."))).await.unwrap();
    }
    let facts = BTreeMap::from([
        (Seq(3), fact("left")),
        (Seq(20), Fact::Redacted { idempotency: None }),
        (Seq(77), Fact::Redacted { idempotency: None }),
    ]);
    assert_eq!(store.replace(facts.clone()).await.unwrap(), 2);
    store.rebuilding().wait_for(Option::is_none).await.unwrap();
    assert!(!store.holds_erased());
    assert_eq!(operations::api_keys(&store.read()).unwrap().len(), 29);
    assert_eq!(store.replace(facts).await.unwrap(), 0);
    store.rebuilding().wait_for(Option::is_none).await.unwrap();
    store.close().await.unwrap();
    let after: Vec<_> = jackfield_store::export(dir.path()).unwrap().map(Result::unwrap).collect();
    assert_eq!((after.len(), name(&after[2].fact)), (30, "left"));
    for text in ["secret2.", "secret19."] {
        assert!(!contains(dir.path(), text.as_bytes()), "{text}");
    }
    let verified = verify(dir.path(), &small(), &mut |_| {}).unwrap();
    assert_eq!((verified.different, verified.rebuilt), (0, None));
}
