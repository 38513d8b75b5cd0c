//! What every journal has to fulfil, and the local one does.

use crate::support::{draft, fact, name, small};
use jackfield_core::fact::Entry;
use jackfield_core::ids::Seq;
use jackfield_store::journal::local::LocalJournal;
use jackfield_store::{AppendError, Journal, Options, Receipt};

/// Opens the journal of a place, new or as it was left.
type Open<'a> = &'a dyn Fn() -> Box<dyn Journal>;

/// Everything in one; `fresh` makes a new place for each part, and tells how to open its journal, again and again.
async fn conforms<O: Fn() -> Box<dyn Journal>>(fresh: impl Fn() -> O) {
    numbers_are_consecutive_and_groups_stay_together(&fresh()).await;
    what_was_acknowledged_is_there_after_opening_again(&fresh()).await;
    a_follower_sees_the_old_and_the_new_once(&fresh()).await;
    many_appenders_get_a_number_each(&fresh()).await;
    a_dropped_append_is_stored_all_the_same(&fresh()).await;
    a_closed_journal_refuses(&fresh()).await;
}

fn read(journal: &dyn Journal, from: u64) -> Vec<Entry> {
    journal.read(Seq(from)).unwrap().map(Result::unwrap).collect()
}

fn names(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| name(&entry.fact)).collect()
}

async fn numbers_are_consecutive_and_groups_stay_together(open: Open<'_>) {
    let journal = open();
    assert_eq!(journal.last(), Seq(0));
    assert!(read(&*journal, 0).is_empty());
    let one = journal.append(vec![draft("a")]).await.unwrap();
    let two = journal.append(vec![draft("b"), draft("c")]).await.unwrap();
    assert_eq!((one.first, one.count, one.last()), (Seq(1), 1, Seq(1)));
    assert_eq!((two.first, two.count, two.last()), (Seq(2), 2, Seq(3)));
    assert!(two.at >= one.at);
    assert_eq!(journal.last(), Seq(3));
    let entries = read(&*journal, 0);
    assert_eq!(names(&entries), ["a", "b", "c"]);
    assert_eq!(entries.iter().map(|e| e.seq.0).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!((entries[1].at, entries[2].at), (two.at, two.at));
    assert_eq!(names(&read(&*journal, 3)), ["c"]);
    assert!(read(&*journal, 4).is_empty());
    assert!(matches!(journal.append(Vec::new()).await, Err(AppendError::Unwritable(_))));
}

async fn what_was_acknowledged_is_there_after_opening_again(open: Open<'_>) {
    let mut written = Vec::new();
    for round in 0..4 {
        let journal = open();
        assert_eq!(read(&*journal, 1), written);
        for step in 0..5 {
            let name = format!("{round}-{step}");
            let Receipt { first, at, .. } = journal.append(vec![draft(&name)]).await.unwrap();
            written.push(Entry { seq: first, at, actor: jackfield_core::fact::Actor::Operator, fact: fact(&name) });
        }
        assert_eq!(read(&*journal, 1), written);
    }
}

async fn a_follower_sees_the_old_and_the_new_once(open: Open<'_>) {
    let journal = open();
    for n in 0..10 {
        journal.append(vec![draft(&n.to_string())]).await.unwrap();
    }
    let follower = journal.follow(Seq(4)).unwrap();
    let seen = std::thread::spawn(move || {
        let groups: Vec<_> = follower.map(Result::unwrap).collect();
        groups.iter().flat_map(|group| group.iter().map(|entry| entry.seq.0)).collect::<Vec<_>>()
    });
    for n in 10..20 {
        journal.append(vec![draft(&n.to_string()), draft("x")]).await.unwrap();
    }
    journal.close();
    assert_eq!(seen.join().unwrap(), (4..=30).collect::<Vec<_>>());
}

async fn many_appenders_get_a_number_each(open: Open<'_>) {
    let journal = open();
    let appends = (0..200).map(|n| journal.append(vec![draft(&n.to_string())]));
    let mut seqs = Vec::new();
    for append in appends.collect::<Vec<_>>() {
        seqs.push(append.await.unwrap().first.0);
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=200).collect::<Vec<_>>());
    assert_eq!(read(&*journal, 1).len(), 200);
}

async fn a_dropped_append_is_stored_all_the_same(open: Open<'_>) {
    let journal = open();
    drop(journal.append(vec![draft("a")]));
    journal.append(vec![draft("b")]).await.unwrap();
    assert_eq!(names(&read(&*journal, 1)), ["a", "b"]);
}

async fn a_closed_journal_refuses(open: Open<'_>) {
    let journal = open();
    let pending = journal.append(vec![draft("a")]);
    journal.close();
    assert!(pending.await.is_ok(), "what was handed in is done");
    assert_eq!(journal.append(vec![draft("b")]).await, Err(AppendError::Closed));
    assert!(journal.follow(Seq(1)).is_err());
    assert_eq!(names(&read(&*journal, 1)), ["a"]);
    journal.close();
}

#[tokio::test]
async fn the_local_journal_conforms() {
    for options in [small(), Options::default(), Options { group_facts: 1, ..small() }] {
        conforms(|| {
            let (dir, options) = (tempfile::tempdir().unwrap(), options.clone());
            move || -> Box<dyn Journal> { Box::new(LocalJournal::open(&dir.path().join("journal"), &options).unwrap()) }
        })
        .await;
    }
}
