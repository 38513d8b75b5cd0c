//! What every journal has to fulfil, and the local one does.

use crate::support::disk::TestDisk;
use crate::support::{draft, fact, name, small};
use std::sync::Arc;

use jackfield_core::fact::Entry;
use jackfield_core::ids::Seq;
use jackfield_store::journal::local::LocalJournal;
use jackfield_store::{AppendError, AppendId, Journal, Options, Receipt};

/// Opens the journal of a place, new or as it was left.
type Open<'a> = &'a dyn Fn() -> Box<dyn Journal>;

/// Everything in one; `fresh` makes a new place for each part, and tells how to open its journal, again and again.
async fn conforms<O: Fn() -> Box<dyn Journal>>(fresh: impl Fn() -> O) {
    numbers_are_consecutive_and_groups_stay_together(&fresh()).await;
    what_was_acknowledged_is_there_after_opening_again(&fresh()).await;
    a_follower_sees_the_old_and_the_new_once(&fresh()).await;
    many_appenders_get_a_number_each(&fresh()).await;
    a_dropped_append_is_stored_all_the_same(&fresh()).await;
    an_append_that_comes_twice_is_stored_once(&fresh()).await;
    a_follower_hears_which_append_an_entry_came_with(&fresh()).await;
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
    assert_eq!((one.first, one.last), (Seq(1), Seq(1)));
    assert_eq!((two.first, two.last), (Seq(2), Seq(3)));
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
        groups.iter().flat_map(|group| group.entries.iter().map(|entry| entry.seq.0)).collect::<Vec<_>>()
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

async fn an_append_that_comes_twice_is_stored_once(open: Open<'_>) {
    let journal = open();
    let (one, other) = (AppendId::new(), AppendId::new());
    let first = journal.append_as(one, vec![draft("a"), draft("b")]);
    let again = journal.append_as(one, vec![draft("a"), draft("b")]);
    let (first, again) = (first.await.unwrap(), again.await.unwrap());
    assert_eq!((first, first.first, first.last), (again, Seq(1), Seq(2)));
    assert_eq!(journal.append_as(other, vec![draft("c")]).await.unwrap().first, Seq(3));
    assert_eq!(journal.append_as(one, vec![draft("a"), draft("b")]).await, Ok(first));
    assert_eq!(names(&read(&*journal, 1)), ["a", "b", "c"]);
}

async fn a_follower_hears_which_append_an_entry_came_with(open: Open<'_>) {
    let journal = open();
    journal.append(vec![draft("before")]).await.unwrap();
    let follower = journal.follow(Seq(1)).unwrap();
    let ids = [AppendId::new(), AppendId::new()];
    journal.append_as(ids[0], vec![draft("a")]).await.unwrap();
    journal.append_as(ids[1], vec![draft("b"), draft("c")]).await.unwrap();
    journal.close();
    let groups: Vec<_> = follower.map(Result::unwrap).collect();
    let appends: Vec<_> = groups.iter().flat_map(|group| group.appends.iter().copied()).collect();
    assert_eq!(appends, [(ids[0], 1), (ids[1], 2)]);
}

/// What a journal does on storage that fails.
async fn withstands_faults(open: Open<'_>, fail: &dyn Fn(bool)) {
    let mut journal = open();
    let mut stored = Vec::new();
    for round in 0..6 {
        let name = format!("stored{round}");
        journal.append(vec![draft(&name)]).await.unwrap();
        stored.push(name);
        fail(true);
        let failed = journal.append(vec![draft(&format!("failed{round}"))]).await.unwrap_err();
        let later = journal.append(vec![draft(&format!("later{round}"))]).await.unwrap_err();
        assert!(!later.is_unknown() || failed.is_unknown(), "{later}");
        fail(false);
        drop(journal);
        journal = open();
        let entries = read(&*journal, 1);
        assert_eq!(entries.iter().map(|e| e.seq.0).collect::<Vec<_>>(), (1..=entries.len() as u64).collect::<Vec<_>>());
        let found: Vec<String> = names(&entries).into_iter().map(str::to_owned).collect();
        // What is known not to be stored never comes back; what is unknown may.
        let may_be_there = |name: &String| name.starts_with("failed") && failed.is_unknown();
        assert!(found.iter().all(|name| stored.contains(name) || may_be_there(name)), "{found:?}");
        assert!(stored.iter().all(|name| found.contains(name)), "{found:?}");
        stored = found;
    }
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

#[tokio::test]
async fn the_local_journal_withstands_faults() {
    let faults: [fn(&TestDisk, bool); 2] =
        [|disk, fails| disk.set_sync_fails(fails), |disk, fails| disk.set_space(fails.then_some(10))];
    for fault in faults {
        let (dir, disk) = (tempfile::tempdir().unwrap(), TestDisk::default());
        let options = Options { disk: Arc::new(disk.clone()), ..small() };
        let open = || -> Box<dyn Journal> { Box::new(LocalJournal::open(dir.path(), &options).unwrap()) };
        withstands_faults(&open, &|fails| fault(&disk, fails)).await;
    }
}
