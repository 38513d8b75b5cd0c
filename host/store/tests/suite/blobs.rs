//! Files are kept by their sums.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

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
    let blobs = Blobs::local(&folder.path().join("files"), 0).unwrap();
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
    let blobs = Blobs::local(folder.path(), 0).unwrap();
    let mut draft = blobs.draft().unwrap();
    draft.write_all(&vec![7; LARGE]).await.unwrap();
    drop(draft);
    assert_eq!(files(folder.path()), Vec::<String>::new());
    fs::write(folder.path().join("drafts/half#1"), b"half").unwrap();
    let blobs = Blobs::local(folder.path(), 0).unwrap();
    assert_eq!(files(&folder.path().join("drafts")), Vec::<String>::new());
    assert_eq!(keep(&blobs, b"abc").await.size, 3);
}

#[tokio::test]
async fn a_name_that_is_no_sum_leads_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secret"), b"s").unwrap();
    let blobs = Blobs::local(&folder.path().join("files"), 0).unwrap();
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
    let blobs = Blobs::local(folder.path(), u64::MAX).unwrap();
    let error = blobs.draft().map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    assert!(error.to_string().contains("kept for the journal"), "{error}");
}

#[tokio::test]
async fn only_old_files_that_nothing_refers_to_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::local(folder.path(), 0).unwrap();
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
