//! What the local journal makes of files that are not as they were written.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::support::disk::TestDisk;
use crate::support::{copy, draft, frames, name, no_time, segments, small};
use jackfield_core::ids::Seq;
use jackfield_store::journal::Journaled;
use jackfield_store::journal::local::LocalJournal;
use jackfield_store::{AppendError, Journal, JournalError, Options};

/// A journal of one segment with `count` frames of two facts.
async fn written(dir: &Path, options: &Options, count: usize) {
    let journal = LocalJournal::open(dir, options).unwrap();
    for n in 0..count {
        journal.append(vec![draft(&format!("{n}a")), draft(&format!("{n}b"))]).await.unwrap();
    }
}

fn survey(dir: &Path) -> Result<Journaled, JournalError> {
    Journaled::scan(dir, u64::MAX, &mut |_, _| {})
}

fn open_again(dir: &Path) -> Vec<String> {
    let journal = LocalJournal::open(dir, &Options::default()).unwrap();
    let entries: Vec<_> = journal.read(Seq(1)).unwrap().map(Result::unwrap).collect();
    entries.iter().map(|entry| name(&entry.fact).to_owned()).collect()
}

#[tokio::test]
async fn a_last_frame_cut_at_any_byte_is_cut_off_and_the_rest_survives() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), &Options::default(), 3).await;
    let segment = segments(dir.path()).pop().unwrap();
    let bytes = fs::read(&segment).unwrap();
    let last = frames(&segment)[2];
    for end in last..bytes.len() {
        fs::write(&segment, &bytes[..end]).unwrap();
        let found = survey(dir.path()).unwrap();
        assert_eq!(found.last, Seq(4), "cut at {end}");
        assert_eq!(found.torn.is_some(), end > last, "cut at {end}");
        let journal = LocalJournal::open(dir.path(), &Options::default()).unwrap();
        assert_eq!(fs::metadata(&segment).unwrap().len(), last as u64, "cut at {end}");
        let receipt = journal.append(vec![draft("after")]).await.unwrap();
        assert_eq!(receipt.first, Seq(5), "cut at {end}");
        drop(journal);
        assert_eq!(open_again(dir.path()), ["0a", "0b", "1a", "1b", "after"], "cut at {end}");
    }
}

#[tokio::test]
async fn a_last_frame_with_any_flipped_bit_is_cut_off_and_the_rest_survives() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), &Options::default(), 3).await;
    let segment = segments(dir.path()).pop().unwrap();
    let bytes = fs::read(&segment).unwrap();
    let last = frames(&segment)[2];
    for at in last..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&segment, &flipped).unwrap();
        let found = survey(dir.path()).unwrap();
        assert_eq!((found.last, found.torn.map(|t| t.offset)), (Seq(4), Some(last as u64)), "byte {at}");
    }
    open_again(dir.path());
    assert_eq!(fs::read(&segment).unwrap(), &bytes[..last]);
}

#[tokio::test]
async fn a_flipped_bit_in_a_middle_frame_is_refused_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), &Options::default(), 3).await;
    let segment = segments(dir.path()).pop().unwrap();
    let bytes = fs::read(&segment).unwrap();
    let starts = frames(&segment);
    for at in starts[1]..starts[2] {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&segment, &flipped).unwrap();
        match survey(dir.path()) {
            Err(e @ JournalError::Damaged { .. }) => {
                let text = e.to_string();
                let place = format!("{} at byte {}", segment.display(), starts[1]);
                assert!(text.contains(&place), "byte {at}: {text}");
            }
            other => panic!("byte {at}: {other:?}"),
        }
        assert!(LocalJournal::open(dir.path(), &Options::default()).is_err());
        assert_eq!(fs::read(&segment).unwrap(), flipped, "nothing is changed");
    }
}

#[tokio::test]
async fn a_torn_frame_at_the_end_of_a_segment_that_is_not_the_last_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), &small(), 20).await;
    let all = segments(dir.path());
    assert!(all.len() > 2);
    let bytes = fs::read(&all[0]).unwrap();
    fs::write(&all[0], &bytes[..bytes.len() - 1]).unwrap();
    let error = survey(dir.path()).unwrap_err();
    assert!(matches!(&error, JournalError::Damaged { path, .. } if *path == all[0]), "{error}");
}

#[tokio::test]
async fn a_missing_segment_is_refused_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), &small(), 20).await;
    let all = segments(dir.path());
    for missing in [0, 1] {
        let copied = tempfile::tempdir().unwrap();
        copy(dir.path(), copied.path());
        fs::remove_file(copied.path().join(all[missing].file_name().unwrap())).unwrap();
        let error = survey(copied.path()).unwrap_err();
        let next = all[missing + 1].file_name().unwrap().to_str().unwrap();
        assert!(matches!(error, JournalError::Gap { .. }) && error.to_string().contains(next), "{error}");
    }
}

#[tokio::test]
async fn a_damaged_head_of_a_segment_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), &Options::default(), 2).await;
    let segment = segments(dir.path()).pop().unwrap();
    let bytes = fs::read(&segment).unwrap();
    for at in 0..32 {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        fs::write(&segment, &flipped).unwrap();
        assert!(matches!(survey(dir.path()), Err(JournalError::Damaged { offset: 0, .. })), "byte {at}");
    }
}

#[tokio::test]
async fn a_fact_of_a_kind_that_is_not_known_is_refused_and_not_skipped() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), &Options::default(), 1).await;
    let segment = segments(dir.path()).pop().unwrap();
    let text = fs::read(&segment).unwrap();
    let mut payload = String::from_utf8(text[56..].to_vec()).unwrap();
    payload = payload.replacen("key_created", "key_dreamt!", 1);
    let mut frame = jackfield_store::journal::frame::begin(0);
    frame.extend_from_slice(payload.as_bytes());
    jackfield_store::journal::frame::finish(&mut frame, Seq(1), 2);
    fs::write(&segment, [&text[..32], &frame].concat()).unwrap();
    let error = survey(dir.path()).unwrap_err();
    assert!(matches!(error, JournalError::Unreadable { seq: Seq(1), .. }), "{error}");
}

#[tokio::test]
async fn many_waiting_facts_share_one_sync() {
    let dir = tempfile::tempdir().unwrap();
    let journal = LocalJournal::open(dir.path(), &Options::default()).unwrap();
    let appends: Vec<_> = (0..500).map(|n| journal.append(vec![draft(&n.to_string())])).collect();
    for append in appends {
        append.await.unwrap();
    }
    let segment = segments(dir.path()).pop().unwrap();
    let stored = frames(&segment).len() - 1;
    let stats = journal.stats();
    assert_eq!((stats.facts, stats.batches), (500, stored as u64));
    assert_eq!(stats.sync_times.iter().sum::<u64>(), stats.batches);
    assert_eq!(stats.bytes, fs::metadata(&segment).unwrap().len());
    assert!(stored < 250, "{stored} frames for 500 facts");
}

#[tokio::test]
async fn time_never_goes_back_not_even_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let first = LocalJournal::open(dir.path(), &Options::default()).unwrap();
    let now = first.append(vec![draft("a")]).await.unwrap().at;
    drop(first);
    let second = LocalJournal::open(dir.path(), &Options { clock: no_time, ..Options::default() }).unwrap();
    assert_eq!(second.append(vec![draft("b")]).await.unwrap().at, now);
}

#[tokio::test]
async fn a_full_disk_refuses_and_works_again_when_there_is_space() {
    let dir = tempfile::tempdir().unwrap();
    let disk = TestDisk::default();
    let options = Options { disk: Arc::new(disk.clone()), ..small() };
    let journal = LocalJournal::open(dir.path(), &options).unwrap();
    let mut stored = Vec::new();
    for n in 0..120_u64 {
        // Each time there is room for another part of the head, the frame, or of a new segment.
        disk.set_space(Some(n * 7 % 500));
        let tight = format!("tight{n}");
        match journal.append(vec![draft(&tight)]).await {
            Ok(_) => stored.push(tight),
            Err(e) => assert!(matches!(e, AppendError::Full(_)), "{e}"),
        }
        disk.set_space(None);
        journal.append(vec![draft(&n.to_string())]).await.unwrap();
        stored.push(n.to_string());
    }
    assert!((10..110).contains(&journal.stats().failures));
    drop(journal);
    assert_eq!(open_again(dir.path()), stored);
}

#[tokio::test]
async fn a_failed_sync_ends_appending_until_the_journal_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let disk = TestDisk::default();
    let options = Options { disk: Arc::new(disk.clone()), ..Options::default() };
    let journal = LocalJournal::open(dir.path(), &options).unwrap();
    journal.append(vec![draft("a")]).await.unwrap();
    disk.set_sync_fails(true);
    assert!(matches!(journal.append(vec![draft("b")]).await, Err(AppendError::Unknown(_))));
    disk.set_sync_fails(false);
    assert!(matches!(journal.append(vec![draft("c")]).await, Err(AppendError::Io(_))));
    assert!(journal.stats().broken.is_some());
    drop(journal);
    assert_eq!(open_again(dir.path()), ["a"]);
}

#[tokio::test]
async fn more_than_may_wait_is_refused_and_what_waits_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let journal = LocalJournal::open(dir.path(), &Options { queue: 16, ..Options::default() }).unwrap();
    let appends: Vec<_> = (0..2000).map(|n| journal.append(vec![draft(&n.to_string())])).collect();
    let mut stored = 0;
    for append in appends {
        match append.await {
            Ok(_) => stored += 1,
            Err(e) => assert!(matches!(e, AppendError::Overloaded { .. }), "{e}"),
        }
    }
    assert!((4..2000).contains(&stored));
    assert_eq!(journal.last(), Seq(stored));
}
