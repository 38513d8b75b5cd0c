//! Files are kept by their sums.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::support::disk::TestDisk;
use jackfield_store::disk::RealDisk;
use jackfield_store::{Blob, Blobs, Removed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// More than is held in memory at once.
const LARGE: usize = 12 << 20;

async fn keep(blobs: &Blobs, content: &[u8]) -> Blob {
    let mut draft = blobs.draft().unwrap();
    for piece in content.chunks(100_000) {
        draft.write_all(piece).await.unwrap();
    }
    draft.flush().await.unwrap();
    draft.keep().await.unwrap()
}

async fn bring(blobs: &Blobs, content: &[u8]) -> Blob {
    let mut draft = blobs.draft().unwrap();
    draft.write_all(content).await.unwrap();
    draft.keep_brought().await.unwrap().0
}

async fn read(blobs: &Blobs, sha256: &str, from: u64) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    blobs.read(sha256, from).read_to_end(&mut content).await?;
    Ok(content)
}

/// The names of the files that are below a folder.
fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.filter(|e| e.path().is_file()).map(|e| e.file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_file_is_found_and_read_by_the_sum_of_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::local(&folder.path().join("files"), Arc::new(RealDisk), 0).unwrap();
    let blob = keep(&blobs, b"abc").await;
    assert_eq!(blob.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(blobs.find(&blob.sha256).await.unwrap(), Some(blob.clone()));
    assert_eq!(read(&blobs, &blob.sha256, 0).await.unwrap(), b"abc");
    assert_eq!(read(&blobs, &blob.sha256, 2).await.unwrap(), b"c");
    assert_eq!(keep(&blobs, b"abc").await, blob, "the same content again");
    let large: Vec<u8> = (0..LARGE).map(|n| (n % 251) as u8).collect();
    let kept = keep(&blobs, &large).await;
    assert_eq!((kept.size, read(&blobs, &kept.sha256, 0).await.unwrap() == large), (LARGE as u64, true));
    assert_eq!(keep(&blobs, b"").await.size, 0);
}

#[tokio::test]
async fn a_draft_that_is_dropped_or_left_by_a_crash_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::local(folder.path(), Arc::new(RealDisk), 0).unwrap();
    let mut draft = blobs.draft().unwrap();
    draft.write_all(&vec![7; LARGE]).await.unwrap();
    drop(draft);
    assert_eq!(files(folder.path()), Vec::<String>::new());
    fs::write(folder.path().join("drafts/half#1"), b"half").unwrap();
    let blobs = Blobs::local(folder.path(), Arc::new(RealDisk), 0).unwrap();
    assert_eq!(files(&folder.path().join("drafts")), Vec::<String>::new());
    assert_eq!(keep(&blobs, b"abc").await.size, 3);
}

#[tokio::test]
async fn a_name_that_is_no_sum_leads_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secret"), b"s").unwrap();
    let blobs = Blobs::local(&folder.path().join("files"), Arc::new(RealDisk), 0).unwrap();
    for name in ["../secret", "secret", "", "drafts", &"A".repeat(64), &"/".repeat(64)] {
        assert_eq!(blobs.find(name).await.unwrap(), None, "{name}");
        assert!(read(&blobs, name, 0).await.is_err(), "{name}");
    }
    assert_eq!(blobs.find(&"a".repeat(64)).await.unwrap(), None);
    assert!(read(&blobs, &"a".repeat(64), 0).await.is_err());
}

#[tokio::test]
async fn files_are_refused_while_the_disk_has_no_more_than_the_journals_reserve() {
    let folder = tempfile::tempdir().unwrap();
    let disk = TestDisk::default();
    disk.set_free(Some(1_000));
    let blobs = Blobs::local(folder.path(), Arc::new(disk.clone()), 1_001).unwrap();
    let error = blobs.draft().map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    assert!(error.to_string().contains("kept for the journal"), "{error}");
}

#[tokio::test]
async fn only_old_files_that_nothing_refers_to_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::local(folder.path(), Arc::new(RealDisk), 0).unwrap();
    let (kept, gone) = (keep(&blobs, b"kept").await, keep(&blobs, b"gone!").await);
    let mut draft = blobs.draft().unwrap();
    draft.write_all(b"in the making").await.unwrap();
    let referenced = BTreeSet::from([kept.sha256.clone()]);
    let hour = Duration::from_secs(3600);
    assert_eq!(blobs.retain(&referenced, hour).await.unwrap(), Removed::default(), "both are young");
    assert_eq!(blobs.retain(&referenced, Duration::ZERO).await.unwrap(), Removed { files: 1, bytes: 5 });
    assert_eq!(blobs.find(&gone.sha256).await.unwrap(), None);
    assert_eq!(read(&blobs, &kept.sha256, 0).await.unwrap(), b"kept");
    let made = draft.keep().await.unwrap();
    assert_eq!(read(&blobs, &made.sha256, 0).await.unwrap(), b"in the making");
}

/// Makes a file look as if it had been stored so long ago.
fn age(folder: &Path, blob: &Blob, hours: u64) {
    let file = fs::File::options().append(true).open(folder.join(&blob.sha256)).unwrap();
    file.set_modified(std::time::SystemTime::now() - Duration::from_secs(hours * 3600)).unwrap();
}

#[tokio::test]
async fn a_file_that_somebody_is_about_to_name_is_young_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::local(folder.path(), Arc::new(RealDisk), 0).unwrap();
    let (named, old, nobodys) = (keep(&blobs, b"named").await, bring(&blobs, b"old").await, BTreeSet::new());
    let day = Duration::from_secs(24 * 3600);
    for blob in [&named, &old] {
        age(folder.path(), blob, 25);
    }
    assert_eq!(blobs.renew(&named.sha256).await.unwrap(), Some(named.clone()));
    assert_eq!(blobs.retain(&nobodys, day).await.unwrap(), Removed { files: 1, bytes: 3 });
    assert_eq!(blobs.find(&named.sha256).await.unwrap(), Some(named));
    assert_eq!(blobs.renew(&old.sha256).await.unwrap(), None, "whoever comes too late is told");
    assert_eq!(blobs.brought_bytes().await.unwrap(), 0, "its room is free again");
    assert_eq!((blobs.take_given_back(), blobs.take_given_back()), (old.size, 0), "whoever counts hears of it once");
}

#[tokio::test]
async fn files_of_an_erased_customer_go_unless_they_came_again_or_a_client_brought_them() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::local(folder.path(), Arc::new(RealDisk), 0).unwrap();
    let (gone, again, brought) =
        (keep(&blobs, b"gone").await, keep(&blobs, b"again").await, bring(&blobs, b"brought").await);
    for blob in [&gone, &again, &brought] {
        age(folder.path(), blob, 2);
    }
    keep(&blobs, b"again").await;
    let sums = BTreeSet::from([&gone, &again, &brought].map(|blob| blob.sha256.clone()));
    let removed = blobs.remove_fetched(&sums, Duration::from_secs(3600)).await.unwrap();
    assert_eq!(removed, Removed { files: 1, bytes: 4 });
    assert_eq!(blobs.find(&gone.sha256).await.unwrap(), None);
    assert!(blobs.find(&again.sha256).await.unwrap().is_some());
    assert!(blobs.find(&brought.sha256).await.unwrap().is_some());
}

#[tokio::test]
async fn a_file_that_a_client_brought_is_noted_once_and_a_note_without_a_file_goes_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Blobs::local(folder.path(), Arc::new(RealDisk), 0).unwrap();
    let blobs = open();
    let (kept, lost) = (bring(&blobs, b"kept").await, bring(&blobs, b"lost as a crash loses it").await);
    let mut again = blobs.draft().unwrap();
    again.write_all(b"kept").await.unwrap();
    assert_eq!(again.keep_brought().await.unwrap(), (kept.clone(), false));
    assert_eq!(blobs.brought_bytes().await.unwrap(), kept.size + lost.size);
    std::fs::remove_file(folder.path().join(&lost.sha256)).unwrap();
    assert_eq!(open().brought_bytes().await.unwrap(), kept.size);
}
