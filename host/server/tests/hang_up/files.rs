//! Clients that bring files, and go away while those are kept.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use http::Method;

use crate::world::{Request, World, until};

/// Bytes of each file.
const SIZE: usize = 256 << 10;

/// How many files are kept, and how many of them are noted as brought by clients.
fn kept_and_noted(files: &Path) -> Result<(usize, usize)> {
    let is_sum = |name: &str| name.len() == 64;
    let kept = fs::read_dir(files)?.flatten().filter(|entry| entry.file_name().to_str().is_some_and(is_sum)).count();
    let notes = files.join("brought");
    let noted = if notes.exists() { fs::read_dir(notes)?.count() } else { 0 };
    Ok((kept, noted))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_of_the_files_of_clients_that_hang_up_is_counted() -> Result<()> {
    let world = World::start().await?;
    let files = world.host.config.data().join("files");
    let upload = |n: u64| {
        let body = [n.to_le_bytes().to_vec(), vec![b'x'; SIZE]].concat();
        Request { method: "POST", path: String::from("/v1/files"), body, media_type: "application/octet-stream" }
    };
    let whole = world.api.send(Method::POST, "/v1/files", &[], upload(0).body).await?;
    ensure!(whole.status == 201, "{}", whole.text());
    for n in 1..=60 {
        world.hang_up_after(&upload(n), Duration::from_micros(n * 250)).await?;
    }
    // What goes on behind a client's back comes to its end.
    until("nothing is on its way", async || Ok(fs::read_dir(files.join("drafts"))?.count() == 0)).await?;
    until("what is kept is noted", async || kept_and_noted(&files).map(|(kept, noted)| kept == noted)).await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (kept, noted) = kept_and_noted(&files)?;
    ensure!(kept == noted && kept > 1, "{kept} files are kept, and {noted} are counted");
    world.stop().await
}
