//! What the store makes of views that are damaged, missing, old or not to be trusted.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::{copy, edit_state, fact, open, rows, segments, sled_dir, small};
use jackfield_core::fact::Actor;
use jackfield_core::ids::Seq;
use jackfield_store::{OpenError, Options, Phase, Store, verify};

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

async fn fill(store: &Store, from: u64, count: u64) {
    let group = |n: u64| (0..10).map(move |k| (Actor::Operator, fact(&format!("{n}-{k}")))).collect();
    for n in from..from + count / 10 {
        store.append_all(group(n)).await.unwrap();
    }
}

/// A store with 300 facts that was stopped cleanly.
async fn stopped(dir: &Path) -> Rows {
    let store = open(dir, &small());
    fill(&store, 0, 300).await;
    let before = rows(&store);
    assert!(!before.is_empty());
    store.close().await.unwrap();
    before
}

/// As if the process had been killed: nothing says that the stop was clean.
fn forget_clean_stop(dir: &Path) {
    edit_state(dir, |state| {
        state.remove("clean");
        // These tests go on in copies of the folder.
        state.remove("file");
    });
}

/// Opens, compares, and gives the reason of a rebuild.
fn reopened(dir: &Path, options: &Options, before: &Rows) -> Option<String> {
    let store = open(dir, options);
    assert_eq!(rows(&store), *before);
    assert_eq!(store.applied(), Seq(300));
    let rebuilt = store.stats().rebuilt;
    drop(store);
    let result = verify(dir, options, &mut |_| {}).unwrap();
    assert_eq!((result.applied, result.different, result.rows), (Seq(300), 0, before.len() as u64));
    rebuilt
}

#[tokio::test]
async fn after_a_clean_stop_the_views_are_used_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let before = stopped(dir.path()).await;
    assert_eq!(reopened(dir.path(), &small(), &before), None);
}

#[tokio::test]
async fn a_copy_of_a_running_hosts_folder_is_not_trusted_under_the_same_boot() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), &small());
    fill(&store, 0, 300).await;
    let before = rows(&store);
    let copied = tempfile::tempdir().unwrap();
    copy(dir.path(), copied.path());
    assert!(reopened(copied.path(), &small(), &before).is_some_and(|why| why.contains("copy")));
    // Where it is and as it is, it is trusted.
    drop(store);
    assert_eq!(reopened(dir.path(), &small(), &before), None);
}

#[tokio::test]
async fn after_a_clean_stop_the_views_are_used_under_another_boot_too() {
    let dir = tempfile::tempdir().unwrap();
    let before = stopped(dir.path()).await;
    edit_state(dir.path(), |state| drop(state.insert("boot_id".into(), "another".into())));
    assert_eq!(reopened(dir.path(), &small(), &before), None);
}

#[tokio::test]
async fn a_process_that_died_under_the_same_boot_leaves_views_that_catch_up() {
    let dir = tempfile::tempdir().unwrap();
    let before = stopped(dir.path()).await;
    // The process took the folder when there were 100 facts, and sled's file is from then.
    let store = tempfile::tempdir().unwrap();
    let early = open(store.path(), &small());
    fill(&early, 0, 100).await;
    early.close().await.unwrap();
    fs::remove_dir_all(dir.path().join("views")).unwrap();
    copy(&store.path().join("views"), &dir.path().join("views"));
    forget_clean_stop(dir.path());
    edit_state(dir.path(), |state| drop(state.insert("floor".into(), 100.into())));
    let mut caught_up = 0;
    let opened = jackfield_store::open(dir.path(), &small(), &mut |progress| {
        if progress.phase == Phase::CatchingUp {
            caught_up = progress.total;
        }
    });
    let opened = opened.unwrap();
    // What was written twice has another time, so only the keys can be compared here.
    assert!(rows(&opened).keys().eq(before.keys()));
    assert_eq!((caught_up, opened.stats().rebuilt, opened.applied()), (200, None, Seq(300)));
}

#[tokio::test]
async fn after_another_boot_without_a_clean_stop_the_views_are_built_again() {
    let dir = tempfile::tempdir().unwrap();
    let before = stopped(dir.path()).await;
    forget_clean_stop(dir.path());
    edit_state(dir.path(), |state| drop(state.insert("boot_id".into(), "another".into())));
    assert!(reopened(dir.path(), &small(), &before).is_some());
    assert!(fs::exists(dir.path().join("views.damaged-1")).unwrap());
    assert_eq!(reopened(dir.path(), &small(), &before), None);
}

#[tokio::test]
async fn views_without_a_state_file_are_built_again() {
    for state in [None, Some("{\"half"), Some("{\"version\":9}")] {
        let dir = tempfile::tempdir().unwrap();
        let before = stopped(dir.path()).await;
        match state {
            None => fs::remove_file(dir.path().join("state.json")).unwrap(),
            Some(text) => fs::write(dir.path().join("state.json"), text).unwrap(),
        }
        assert!(reopened(dir.path(), &small(), &before).is_some());
    }
}

#[tokio::test]
async fn deleted_views_come_back_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    let before = stopped(dir.path()).await;
    fs::remove_dir_all(dir.path().join("views")).unwrap();
    assert_eq!(reopened(dir.path(), &small(), &before), None);
    assert_eq!(jackfield_store::rebuild(dir.path(), &small(), &mut |_| {}).unwrap(), Seq(300));
    assert_eq!(reopened(dir.path(), &small(), &before), None);
}

#[tokio::test]
async fn views_whose_building_was_interrupted_are_built_from_the_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let before = stopped(dir.path()).await;
    fs::remove_dir_all(dir.path().join("views")).unwrap();
    // As if the process had been killed after a hundred facts: whoever watches the progress goes away.
    let killed = tempfile::tempdir().unwrap();
    let options = Options { rebuild_batch: 100, ..small() };
    jackfield_store::open(dir.path(), &options, &mut |progress| {
        if matches!(progress.phase, Phase::Rebuilding(_)) && progress.done == 100 {
            copy(dir.path(), killed.path());
        }
    })
    .unwrap();
    let rebuilt = reopened(killed.path(), &small(), &before).unwrap();
    assert!(rebuilt.contains("interrupted"), "{rebuilt}");
}

/// A name, and what it does to sled's folder.
type Damage = (&'static str, fn(&Path));

/// Damages of sled's folder.
fn damages() -> Vec<Damage> {
    fn change_db(sled: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(sled.join("db")).unwrap();
        change(&mut bytes);
        fs::write(sled.join("db"), bytes).unwrap();
    }
    fn change_snapshots(sled: &Path, change: impl Fn(&mut Vec<u8>)) {
        for item in fs::read_dir(sled).unwrap() {
            let path = item.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().starts_with("snap.") {
                let mut bytes = fs::read(&path).unwrap();
                change(&mut bytes);
                fs::write(&path, bytes).unwrap();
            }
        }
    }
    vec![
        ("an empty folder", |sled| {
            fs::remove_dir_all(sled).unwrap();
            fs::create_dir(sled).unwrap();
        }),
        ("an empty file", |sled| change_db(sled, Vec::clear)),
        ("half a file", |sled| change_db(sled, |bytes| bytes.truncate(bytes.len() / 2))),
        ("zeros", |sled| change_db(sled, |bytes| bytes.fill(0))),
        ("a flipped bit at the beginning", |sled| change_db(sled, |bytes| bytes[3] ^= 4)),
        ("flipped bits all over", |sled| {
            change_db(sled, |bytes| bytes.iter_mut().step_by(501).for_each(|byte| *byte ^= 16));
        }),
        ("a truncated snapshot", |sled| change_snapshots(sled, |bytes| bytes.truncate(bytes.len() / 2))),
        ("a flipped snapshot", |sled| change_snapshots(sled, |bytes| bytes.iter_mut().for_each(|byte| *byte ^= 1))),
        ("a snapshot that is none", |sled| fs::write(sled.join("snap.00000000FFFFFFFF"), b"rubbish").unwrap()),
        ("a damaged configuration", |sled| fs::write(sled.join("conf"), b"rubbish").unwrap()),
        ("no configuration", |sled| fs::remove_file(sled.join("conf")).unwrap()),
    ]
}

#[tokio::test]
async fn damaged_views_after_a_clean_stop_are_built_again() {
    let whole = tempfile::tempdir().unwrap();
    let before = stopped(whole.path()).await;
    for (what, damage) in damages() {
        let dir = tempfile::tempdir().unwrap();
        copy(whole.path(), dir.path());
        damage(&sled_dir(dir.path()));
        assert!(reopened(dir.path(), &small(), &before).is_some(), "{what}");
    }
}

#[tokio::test]
async fn views_damaged_under_the_same_boot_are_opened_or_built_again() {
    let whole = tempfile::tempdir().unwrap();
    let before = stopped(whole.path()).await;
    forget_clean_stop(whole.path());
    for (what, damage) in damages() {
        let dir = tempfile::tempdir().unwrap();
        copy(whole.path(), dir.path());
        damage(&sled_dir(dir.path()));
        let rebuilt = reopened(dir.path(), &small(), &before);
        println!("{what}: {rebuilt:?}");
    }
}

#[tokio::test]
async fn an_unfinished_snapshot_is_removed_and_the_views_are_used() {
    let dir = tempfile::tempdir().unwrap();
    let before = stopped(dir.path()).await;
    forget_clean_stop(dir.path());
    fs::write(sled_dir(dir.path()).join("snap.0000000000000123.generating"), b"half").unwrap();
    assert_eq!(reopened(dir.path(), &small(), &before), None);
}

#[tokio::test]
async fn views_that_hang_at_open_are_left_behind_and_built_again() {
    let dir = tempfile::tempdir().unwrap();
    let before = stopped(dir.path()).await;
    forget_clean_stop(dir.path());
    let conf = sled_dir(dir.path()).join("conf");
    fs::remove_file(&conf).unwrap();
    // Opening a pipe for reading waits for somebody who writes.
    assert!(Command::new("mkfifo").arg(&conf).status().unwrap().success());
    let options = Options { open_timeout: Duration::from_millis(300), ..small() };
    let rebuilt = reopened(dir.path(), &options, &before).unwrap();
    assert!(rebuilt.contains("did not open"), "{rebuilt}");
}

#[tokio::test]
async fn a_journal_that_lost_acknowledged_facts_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    stopped(dir.path()).await;
    let last = segments(&dir.path().join("journal")).pop().unwrap();
    fs::remove_file(last).unwrap();
    for _ in 0..2 {
        match jackfield_store::open(dir.path(), &small(), &mut |_| {}) {
            Err(OpenError::JournalBehind { durable: Seq(300), .. }) => {}
            other => panic!("{:?}", other.map(|_| ()).map_err(|e| e.to_string())),
        }
    }
}

#[tokio::test]
async fn views_ahead_of_the_journal_are_refused_also_after_another_boot_and_the_torn_tail_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    stopped(dir.path()).await;
    forget_clean_stop(dir.path());
    edit_state(dir.path(), |state| drop(state.insert("durable".into(), 0.into())));
    let last = segments(&dir.path().join("journal")).pop().unwrap();
    let mut bytes = fs::read(&last).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&last, &bytes).unwrap();
    for boot in ["", "another"] {
        if !boot.is_empty() {
            edit_state(dir.path(), |state| drop(state.insert("boot_id".into(), boot.into())));
        }
        let opened = jackfield_store::open(dir.path(), &small(), &mut |_| {});
        assert!(matches!(opened, Err(OpenError::JournalBehind { durable: Seq(300), .. })), "boot {boot:?}");
        assert_eq!(fs::read(&last).unwrap(), bytes);
    }
}

#[tokio::test]
async fn a_folder_that_is_open_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), &small());
    let second = jackfield_store::open(dir.path(), &small(), &mut |_| {});
    assert!(matches!(second, Err(OpenError::Locked(_))));
    store.close().await.unwrap();
    open(dir.path(), &small());
}

#[tokio::test]
async fn only_the_last_views_that_were_set_aside_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    stopped(dir.path()).await;
    for _ in 0..3 {
        fs::remove_file(dir.path().join("state.json")).unwrap();
        open(dir.path(), &small()).close().await.unwrap();
    }
    let names = fs::read_dir(dir.path()).unwrap().map(|item| item.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    assert_eq!(names, ["files", "journal", "lock", "state.json", "views", "views.damaged-3"]);
}

#[tokio::test]
async fn the_folders_are_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    open(&data, &small()).close().await.unwrap();
    for path in [data.clone(), data.join("journal"), data.join("views")] {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700, "{}", path.display());
    }
}
