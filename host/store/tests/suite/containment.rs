//! No fact stops the store, and none keeps it from opening.

use std::fs;

use crate::support::{fact, name, open, rows, small};
use jackfield_core::apply::{Applied, apply};
use jackfield_core::effect::Effect;
use jackfield_core::fact::{Actor, Entry, Outcome};
use jackfield_core::ids::Seq;
use jackfield_core::tables::{ReadError, Result, Write};
use jackfield_core::views::operations;
use jackfield_store::journal::local::LocalJournal;
use jackfield_store::{Draft, Journal, Options, Rules, verify};

/// Rules with a defect for each of some names. Each leaves half of its work behind.
fn defective(tables: &mut dyn Write, entry: &Entry) -> Result<Applied> {
    let half_done = |tables: &mut dyn Write| {
        tables.put(vec![0xFE, 1], vec![1]);
        tables.delete(vec![0xFE, 2]);
    };
    match name(&entry.fact) {
        "panic" => {
            half_done(tables);
            panic!("the rules are wrong about {}", entry.seq)
        }
        "broken" => {
            half_done(tables);
            Err(ReadError::Broken(String::from("a row is not what it should be")))
        }
        "busy" => {
            half_done(tables);
            for n in 0..5_000_u64 {
                // Whatever the rules make of the error.
                let _ = tables.get(&n.to_be_bytes());
            }
            apply(tables, entry)
        }
        "large" => {
            for n in 0..100_u64 {
                tables.put([&[0xFE, 3], &n.to_be_bytes()[..]].concat(), vec![0; 100 << 10]);
            }
            apply(tables, entry)
        }
        "lost" => {
            apply(tables, entry)?;
            tables.delete(jackfield_core::tables::APPLIED.to_vec());
            Ok(Applied { outcome: Outcome::Done, effects: Vec::new(), cost: Default::default() })
        }
        _ => {
            tables.put(vec![0xFE, 2], entry.seq.0.to_be_bytes().to_vec());
            apply(tables, entry)
        }
    }
}

fn never_skips(_: &mut dyn Write, _: &Entry, _: &str) -> Result<Applied> {
    panic!("skipping is wrong too")
}

fn with_defects() -> Options {
    Options { rules: Rules { apply: defective, work: 1_000, ..Rules::default() }, ..small() }
}

const DEFECTS: [(&str, &str); 5] = [
    ("panic", "the rules are wrong about 2"),
    ("broken", "a row is not what it should be"),
    ("busy", "more than 1000 rows"),
    ("large", "more than 1000 rows"),
    ("lost", "the applied number is 0"),
];

#[tokio::test]
async fn a_fact_that_meets_a_defect_is_skipped_and_its_neighbours_are_applied() {
    for (defect, reason) in DEFECTS {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path(), &with_defects());
        let mut effects = store.effects();
        let group = ["before", defect, "after"].map(|name| (Actor::Host, fact(name)));
        let outcomes = store.append_all(group.to_vec()).await.unwrap();
        assert!(matches!(&outcomes[0].outcome, Outcome::KeyCreated { .. }), "{outcomes:?}");
        let Outcome::Skipped { reason: told } = &outcomes[1].outcome else { panic!("{defect}: {outcomes:?}") };
        assert!(told.contains(reason), "{defect}: {told}");
        assert!(matches!(&outcomes[2].outcome, Outcome::KeyCreated { .. }), "{outcomes:?}");
        assert!(effects.next().await.unwrap().effects.contains(&Effect::Skipped));
        assert_eq!((store.applied(), store.stats().skipped, store.stopped()), (Seq(3), 1, None));
        let listed = operations::skipped(&store.read(), 10).unwrap();
        assert_eq!(listed.iter().map(|row| row.seq).collect::<Vec<_>>(), [Seq(2)]);
        let before = rows(&store);
        assert_eq!(before[&vec![0xFE, 2]], 3_u64.to_be_bytes());
        assert!(!before.contains_key(&vec![0xFE, 1]), "half of a skipped fact is there");
        store.close().await.unwrap();

        let store = open(dir.path(), &with_defects());
        assert_eq!((rows(&store), store.stats().skipped), (before.clone(), 1));
        store.close().await.unwrap();
        // The same on every host alike.
        let verified = verify(dir.path(), &with_defects(), &mut |_| {}).unwrap();
        assert_eq!((verified.different, verified.skipped.len()), (0, 1));
        fs::remove_dir_all(dir.path().join("views")).unwrap();
        assert_eq!(rows(&open(dir.path(), &with_defects())), before, "{defect}");
    }
}

#[tokio::test]
async fn a_fact_that_met_a_defect_before_a_crash_does_not_keep_the_host_from_starting() {
    for (defect, _) in DEFECTS {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path(), &with_defects());
        store.append(Actor::Host, fact("first")).await.unwrap();
        store.close().await.unwrap();
        // The process died between the journal and the views.
        let journal = LocalJournal::open(&dir.path().join("journal"), &small()).unwrap();
        for name in [defect, "last"] {
            journal.append(vec![Draft::new(Actor::Host, &fact(name)).unwrap()]).await.unwrap();
        }
        drop(journal);
        let store = open(dir.path(), &with_defects());
        assert_eq!((store.applied(), store.stats().skipped), (Seq(3), 1), "{defect}");
        assert_eq!(store.append(Actor::Host, fact("next")).await.unwrap().seq, Seq(4));
        store.close().await.unwrap();
        assert_eq!(open(dir.path(), &with_defects()).stats().rebuilt, None, "{defect}");
    }
}

#[tokio::test]
async fn a_defect_of_skipping_does_not_stop_the_store_either() {
    let dir = tempfile::tempdir().unwrap();
    let rules = Rules { skip: never_skips, ..with_defects().rules };
    let store = open(dir.path(), &Options { rules, ..small() });
    let skipped = store.append(Actor::Host, fact("panic")).await.unwrap();
    assert!(matches!(skipped.outcome, Outcome::Skipped { .. }));
    assert_eq!(store.append(Actor::Host, fact("next")).await.unwrap().seq, Seq(2));
    assert_eq!(store.read().seq(), Seq(2));
}

#[tokio::test]
async fn a_mended_edition_applies_what_was_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), &with_defects());
    store.append(Actor::Host, fact("panic")).await.unwrap();
    store.close().await.unwrap();
    let mended = Rules { edition: Rules::default().edition + 1, ..Rules::default() };
    let store = open(dir.path(), &Options { rules: mended, ..small() });
    store.rebuilding().wait_for(Option::is_none).await.unwrap();
    assert_eq!(store.stats().skipped, 0);
    assert_eq!(operations::api_keys(&store.read()).unwrap().len(), 1);
}

#[tokio::test]
async fn a_reader_sees_one_state_as_long_as_it_lives() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), &small());
    store.append(Actor::Host, fact("first")).await.unwrap();
    let view = store.read();
    let before = rows(&store);
    for n in 0..50 {
        store.append(Actor::Host, fact(&n.to_string())).await.unwrap();
    }
    assert_eq!((view.seq(), view.applied().unwrap()), (Seq(1), Seq(1)));
    assert_eq!(operations::api_keys(&view).unwrap().len(), 1);
    assert_eq!(crate::support::rows_of(&view), before);
    assert_eq!(store.read().seq(), Seq(51));
    assert_eq!(operations::api_keys(&store.read()).unwrap().len(), 51);
}
