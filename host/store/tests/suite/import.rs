//! A journal out of the lines of an export.

use std::io;
use std::path::Path;

use crate::support::{fact, open, rows, small};
use jackfield_core::fact::Actor;
use jackfield_core::ids::Seq;
use jackfield_store::{ImportError, import};

fn lines(dir: &Path) -> Vec<String> {
    jackfield_store::export(dir).unwrap().map(|entry| serde_json::to_string(&entry.unwrap()).unwrap()).collect()
}

fn import_lines(dir: &Path, lines: &[String]) -> Result<Seq, ImportError> {
    import(dir, &small(), lines.iter().cloned().map(io::Result::Ok), &mut |_| {})
}

async fn exported(facts: usize) -> (Vec<String>, Vec<(Vec<u8>, Vec<u8>)>) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), &small());
    for n in 0..facts {
        store.append(Actor::Operator, fact(&n.to_string())).await.unwrap();
    }
    (lines(dir.path()), rows(&store).into_iter().collect())
}

#[tokio::test]
async fn an_export_comes_back_fact_by_fact_and_row_by_row() {
    let (exported, expected) = exported(100).await;
    let dir = tempfile::tempdir().unwrap();
    // A host that was started once has an empty journal, and views.
    open(dir.path(), &small()).close().await.unwrap();
    assert_eq!(import_lines(dir.path(), &exported).unwrap(), Seq(100));
    assert_eq!(lines(dir.path()), exported);
    let store = open(dir.path(), &small());
    assert!(rows(&store).into_iter().eq(expected));
    assert_eq!(store.append(Actor::Host, fact("next")).await.unwrap().seq, Seq(101));
}

#[tokio::test]
async fn a_folder_with_facts_is_not_imported_into() {
    let (exported, _) = exported(5).await;
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(import_lines(dir.path(), &exported).unwrap(), Seq(5));
    assert!(matches!(import_lines(dir.path(), &exported), Err(ImportError::NotEmpty(_))));
    assert_eq!(lines(dir.path()), exported);
}

#[tokio::test]
async fn lines_that_are_not_the_next_facts_are_refused_with_their_number_and_leave_nothing() {
    let (good, _) = exported(5).await;
    let without = |at: usize| good.iter().enumerate().filter(|(n, _)| *n != at).map(|(_, l)| l.clone()).collect();
    let mut garbled = good.clone();
    garbled[2] = String::from("{\"seq\":3}");
    let cases: [(Vec<String>, u64); 3] = [(without(0), 1), (without(3), 4), (garbled, 3)];
    for (bad, place) in cases {
        let dir = tempfile::tempdir().unwrap();
        match import_lines(dir.path(), &bad) {
            Err(ImportError::Line { line, .. }) => assert_eq!(line, place),
            other => panic!("{other:?}"),
        }
        assert!(lines(dir.path()).is_empty());
        assert_eq!(import_lines(dir.path(), &good).unwrap(), Seq(5));
    }
}
