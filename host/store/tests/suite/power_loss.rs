//! The power goes off at random moments under load. What was not synced is lost, in part, or garbled.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::support::disk::TestDisk;
use crate::support::{Random, edit_state, fact, name, rows, small};
use jackfield_core::ids::Seq;
use jackfield_store::journal::Journaled;
use jackfield_store::{Options, Store};

const TRIALS: u64 = 100;
const LIVES: u64 = 4;

/// Appends from several tasks until the power is off; what was acknowledged.
async fn live(store: &Store, life: u64) -> BTreeMap<String, Seq> {
    let appender = |task: u64| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut acknowledged = BTreeMap::new();
            for n in 0.. {
                let name = format!("{life}-{task}-{n}");
                match store.append(jackfield_core::fact::Actor::Host, fact(&name)).await {
                    Ok(committed) => acknowledged.insert(name, committed.seq),
                    Err(_) => return acknowledged,
                };
            }
            acknowledged
        })
    };
    let tasks: Vec<_> = (0..6).map(appender).collect();
    let mut all = BTreeMap::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    all
}

fn check(dir: &Path, acknowledged: &BTreeMap<String, Seq>, place: &str) {
    let mut seen = BTreeMap::new();
    for (entry, expected) in jackfield_store::export(dir).unwrap().zip(1..) {
        let entry = entry.unwrap_or_else(|e| panic!("{place}: {e}"));
        assert_eq!(entry.seq.0, expected, "{place}");
        let twice = seen.insert(name(&entry.fact).to_owned(), entry.seq);
        assert_eq!(twice, None, "{place}: stored twice");
    }
    for (name, seq) in acknowledged {
        assert_eq!(seen.get(name), Some(seq), "{place}: {name} was acknowledged");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_fact_is_lost_or_doubled_when_the_power_goes_off() {
    let (mut torn, mut total) = (0, 0);
    for trial in 1..=TRIALS {
        let mut random = Random(trial * 0x9E37_79B9);
        let dir = tempfile::tempdir().unwrap();
        let disk = TestDisk::default();
        let options = Options { disk: Arc::new(disk.clone()), ..small() };
        let mut acknowledged = BTreeMap::new();
        for life in 0..LIVES {
            let store = jackfield_store::open(dir.path(), &options, &mut |_| {})
                .unwrap_or_else(|e| panic!("trial {trial}, life {life}: {e}"));
            disk.cut_power_after(random.below(60));
            acknowledged.extend(live(&store, life).await);
            drop(store);
            disk.lose_power(&mut random);
            // The machine starts again.
            edit_state(dir.path(), |state| drop(state.insert("boot_id".into(), "another".into())));
            let found = Journaled::scan(&dir.path().join("journal"), u64::MAX, &mut |_, _| {});
            torn += u64::from(found.unwrap_or_else(|e| panic!("trial {trial}, life {life}: {e}")).torn.is_some());
            check(dir.path(), &acknowledged, &format!("trial {trial}, life {life}"));
        }
        total += acknowledged.len();
    }
    assert!(torn > TRIALS / 4, "the disk of this test is too kind: {torn} torn tails");
    println!("{TRIALS} trials of {LIVES} lives, {total} facts acknowledged, {torn} torn tails, 0 lost, 0 doubled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_views_after_a_power_loss_are_those_of_the_journal() {
    let mut random = Random(7);
    let dir = tempfile::tempdir().unwrap();
    let disk = TestDisk::default();
    let options = Options { disk: Arc::new(disk.clone()), ..small() };
    for life in 0..5 {
        let store = crate::support::open(dir.path(), &options);
        disk.cut_power_after(40);
        live(&store, life).await;
        drop(store);
        disk.lose_power(&mut random);
        // sled lost all that it had not synced, which is everything.
        fs::write(crate::support::sled_dir(dir.path()).join("db"), b"").unwrap();
        edit_state(dir.path(), |state| drop(state.insert("boot_id".into(), "another".into())));
        let store = crate::support::open(dir.path(), &options);
        assert!(store.stats().rebuilt.is_some());
        let after = rows(&store);
        let fresh = tempfile::tempdir().unwrap();
        crate::support::copy(&dir.path().join("journal"), &fresh.path().join("journal"));
        assert_eq!(rows(&crate::support::open(fresh.path(), &small())), after);
    }
}
