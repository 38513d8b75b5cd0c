//! The views are compared with the journal while the host runs.

use std::time::Duration;

use crate::support::{fact, open, small};
use jackfield_core::apply::{Applied, apply};
use jackfield_core::fact::{Actor, Entry};
use jackfield_core::ids::Seq;
use jackfield_core::tables::{Result, Write};
use jackfield_store::{Options, Rules, Store};

async fn fill(store: &Store, from: u64, until: u64) {
    for n in from..until {
        store.append(Actor::Operator, fact(&n.to_string())).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_that_follow_from_the_journal_do_not_differ_while_facts_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), &small());
    fill(&store, 0, 800).await;
    let appends = fill(&store, 800, 900);
    let (compared, ()) = tokio::join!(store.compare(), appends);
    let compared = compared.unwrap().unwrap();
    assert_eq!((compared.different, compared.first.clone()), (0, None));
    assert!(compared.rows > 1_600 && compared.through >= Seq(800), "{compared:?}");
    assert_eq!(store.stats().compared, Some(compared));
    assert!(!dir.path().join("views.check").exists());
}

/// Rules that are not a function of the journal: the thread that serves comes to another row.
fn moody(tables: &mut dyn Write, entry: &Entry) -> Result<Applied> {
    if entry.seq == Seq(7) && std::thread::current().name() == Some("views") {
        tables.put(vec![0xFE], vec![1]);
    }
    apply(tables, entry)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_differs_is_told_by_the_comparison_in_the_background() {
    let dir = tempfile::tempdir().unwrap();
    let rules = Rules { apply: moody, ..Rules::default() };
    let options = Options { rules, compare_after: Duration::ZERO, compare_every: Duration::from_millis(1), ..small() };
    let store = open(dir.path(), &options);
    fill(&store, 0, 10).await;
    let compared = loop {
        match store.stats().compared {
            Some(compared) if compared.through >= Seq(10) => break compared,
            _ => tokio::task::yield_now().await,
        }
    };
    assert_eq!((compared.different, compared.first), (1, Some(vec![0xFE])));
}
