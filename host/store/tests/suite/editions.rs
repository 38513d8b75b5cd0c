//! Tables of another edition serve while those of this edition are built beside them.

use std::path::Path;
use std::sync::{Condvar, Mutex};

use crate::support::{copy, edit_state, fact, open, rows, small};
use jackfield_core::apply::{Applied, apply};
use jackfield_core::fact::{Actor, Entry, Outcome};
use jackfield_core::ids::Seq;
use jackfield_core::tables::{ReadError, Result, Write};
use jackfield_store::journal::local::LocalJournal;
use jackfield_store::{Draft, Effects, Journal, Options, Rules, Store, verify};

/// Holds the thread that builds, so that a test sees what happens meanwhile.
struct Gate {
    is_open: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    const fn closed() -> Self {
        Self { is_open: Mutex::new(false), changed: Condvar::new() }
    }

    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.changed.notify_all();
    }

    fn pass(&self) {
        if std::thread::current().name() == Some("rebuild") {
            drop(self.changed.wait_while(self.is_open.lock().unwrap(), |is_open| !*is_open).unwrap());
        }
    }
}

fn edition(step: u32, apply: fn(&mut dyn Write, &Entry) -> Result<Applied>) -> Options {
    let edition = Rules::default().edition + step;
    Options { rules: Rules { edition, apply, ..Rules::default() }, rebuild_batch: 20, ..small() }
}

/// The next edition notes of each fact that it applied it.
fn next_edition(tables: &mut dyn Write, entry: &Entry) -> Result<Applied> {
    tables.put([&[0xFE], &entry.seq.0.to_be_bytes()[..]].concat(), vec![2]);
    apply(tables, entry)
}

async fn fill(store: &Store, from: u64, until: u64) {
    for n in from..until {
        store.append(Actor::Operator, fact(&n.to_string())).await.unwrap();
    }
}

/// A folder with 100 facts, applied by the edition before.
async fn before(dir: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let store = open(dir, &small());
    fill(&store, 0, 100).await;
    let before = rows(&store).into_iter().collect();
    store.close().await.unwrap();
    before
}

async fn replaced(effects: &mut Effects) {
    while !effects.next().await.unwrap().replaced {}
}

#[tokio::test]
async fn the_edition_before_serves_and_takes_facts_until_the_next_one_is_built() {
    static GATE: Gate = Gate::closed();
    fn rules(tables: &mut dyn Write, entry: &Entry) -> Result<Applied> {
        GATE.pass();
        next_edition(tables, entry)
    }
    let dir = tempfile::tempdir().unwrap();
    let old_rows = before(dir.path()).await;
    let store = open(dir.path(), &edition(1, rules));
    let mut effects = store.effects();
    let mut progress = store.rebuilding();
    assert!(progress.borrow().as_ref().is_some_and(|progress| progress.why.contains("another version")));
    assert!(rows(&store).into_iter().eq(old_rows));
    assert!(!store.is_of_this_edition());
    fill(&store, 100, 150).await;
    assert_eq!((store.applied(), store.read().seq()), (Seq(150), Seq(150)));
    // Crashes here leave what served, and the building begins again.
    let crashed = tempfile::tempdir().unwrap();
    copy(dir.path(), crashed.path());
    edit_state(crashed.path(), |state| drop(state.remove("file")));
    let reader = store.read();
    GATE.open();
    replaced(&mut effects).await;
    progress.wait_for(Option::is_none).await.unwrap();
    assert_eq!(reader.seq(), Seq(150));
    assert!(store.is_of_this_edition());
    assert!(!crate::support::rows_of(&reader).contains_key([&[0xFE], &1_u64.to_be_bytes()[..]].concat().as_slice()));
    drop(reader);
    fill(&store, 150, 160).await;
    let now = rows(&store);
    assert_eq!(now.keys().filter(|key| key[0] == 0xFE).count(), 160);
    store.close().await.unwrap();
    let verified = verify(dir.path(), &edition(1, rules), &mut |_| {}).unwrap();
    assert_eq!((verified.different, verified.rebuilt), (0, None));

    let store = open(crashed.path(), &edition(1, rules));
    assert_eq!(store.stats().rebuilt, None);
    store.rebuilding().wait_for(Option::is_none).await.unwrap();
    assert_eq!(rows(&store).keys().filter(|key| key[0] == 0xFE).count(), 150);
    store.close().await.unwrap();
    let verified = verify(crashed.path(), &edition(1, rules), &mut |_| {}).unwrap();
    assert_eq!((verified.different, verified.rebuilt), (0, None));
}

#[tokio::test]
async fn a_downgrade_finds_the_tables_of_its_edition() {
    let dir = tempfile::tempdir().unwrap();
    let old_rows = before(dir.path()).await;
    let store = open(dir.path(), &edition(1, next_edition));
    store.rebuilding().wait_for(Option::is_none).await.unwrap();
    fill(&store, 100, 110).await;
    store.close().await.unwrap();
    let store = open(dir.path(), &small());
    assert_eq!((store.stats().rebuilt, store.rebuilding().borrow().clone()), (None, None));
    let now = rows(&store);
    assert!(!now.keys().any(|key| key[0] == 0xFE));
    assert!(now.len() > old_rows.len());
    store.close().await.unwrap();
    assert_eq!(verify(dir.path(), &small(), &mut |_| {}).unwrap().different, 0);
    assert_eq!(std::fs::read_dir(dir.path().join("views")).unwrap().count(), 1, "one folder after a clean start");
}

#[tokio::test]
async fn tables_that_another_edition_has_changed_are_built_again_after_a_downgrade_and_serve_meanwhile() {
    static GATE: Gate = Gate::closed();
    fn rules(tables: &mut dyn Write, entry: &Entry) -> Result<Applied> {
        GATE.pass();
        next_edition(tables, entry)
    }
    let dir = tempfile::tempdir().unwrap();
    before(dir.path()).await;
    let store = open(dir.path(), &edition(1, rules));
    fill(&store, 100, 110).await;
    GATE.open();
    store.rebuilding().wait_for(Option::is_none).await.unwrap();
    store.close().await.unwrap();
    let store = open(dir.path(), &small());
    assert_eq!(store.stats().rebuilt, None);
    assert_eq!(store.read().seq(), Seq(110));
    store.rebuilding().wait_for(Option::is_none).await.unwrap();
    assert!(!rows(&store).keys().any(|key| key[0] == 0xFE));
    store.close().await.unwrap();
    assert_eq!(verify(dir.path(), &small(), &mut |_| {}).unwrap().different, 0);
}

/// An edition that cannot work with the rows of the one before.
fn demanding(tables: &mut dyn Write, entry: &Entry) -> Result<Applied> {
    let mark = vec![0xFE];
    if entry.seq == Seq(1) {
        tables.put(mark, vec![3]);
    } else if tables.get(&mark)?.is_none() {
        return Err(ReadError::Broken(String::from("the row of the edition before cannot be read")));
    }
    apply(tables, entry)
}

#[tokio::test]
async fn rows_that_cannot_be_read_at_the_start_are_built_again_first() {
    let dir = tempfile::tempdir().unwrap();
    before(dir.path()).await;
    let journal = LocalJournal::open(&dir.path().join("journal"), &small()).unwrap();
    journal.append(vec![Draft::new(Actor::Host, &fact("late")).unwrap()]).await.unwrap();
    drop(journal);
    let store = open(dir.path(), &edition(1, demanding));
    let stats = store.stats();
    assert!(stats.rebuilt.is_some_and(|why| why.contains("cannot be read")));
    assert_eq!((stats.skipped, store.applied()), (0, Seq(101)));
}

#[tokio::test]
async fn facts_that_the_rows_of_the_edition_before_cannot_take_wait_for_the_next_one() {
    static GATE: Gate = Gate::closed();
    fn rules(tables: &mut dyn Write, entry: &Entry) -> Result<Applied> {
        GATE.pass();
        demanding(tables, entry)
    }
    let dir = tempfile::tempdir().unwrap();
    before(dir.path()).await;
    let store = open(dir.path(), &edition(1, rules));
    let append = tokio::spawn({
        let store = store.clone();
        async move { store.append(Actor::Host, fact("waits")).await }
    });
    // It is in the journal, and readers go on.
    while store.journal_entries(Seq(101)).unwrap().next().is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.read().seq(), Seq(100));
    GATE.open();
    let committed = append.await.unwrap().unwrap();
    assert!(matches!(committed.outcome, Outcome::KeyCreated { .. }));
    assert_eq!((store.stats().skipped, store.read().seq()), (0, Seq(101)));
}

#[tokio::test]
async fn a_folder_of_the_version_before_serves_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let old_rows = before(dir.path()).await;
    // What that version wrote: one folder, which it did not name.
    edit_state(dir.path(), |state| {
        state.remove("folder");
        state.remove("file");
        state.insert("edition".into(), (Rules::default().edition - 1).into());
    });
    let store = open(dir.path(), &small());
    assert_eq!(store.stats().rebuilt, None);
    assert!(rows(&store).into_iter().eq(old_rows));
    store.rebuilding().wait_for(Option::is_none).await.unwrap();
    store.close().await.unwrap();
    let verified = verify(dir.path(), &small(), &mut |_| {}).unwrap();
    assert_eq!((verified.different, verified.rebuilt), (0, None));
}
