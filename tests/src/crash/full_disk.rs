//! There is no room: nothing is acknowledged that is not stored, and it goes on when there is room again.

use anyhow::{Context, Result, ensure};

use super::kill::{survivor, views_follow_from_the_journal};
use super::load::Ledger;
use super::loop_device::{Disk, available};
use crate::host::{Home, Setup, WHATSAPP};
use crate::provider::Provider;
use crate::webhooks::{meta, whatsapp_text};

/// Fills the disk under a host, sees it refuse, makes room, sees it go on; a line of what was seen.
///
/// # Errors
/// When anything acknowledged is lost, anything but 503 is answered, or the host does not go on.
pub async fn run() -> Result<String> {
    ensure!(available(), "a disk of our own takes root and a loop device");
    let folder = tempfile::tempdir()?;
    let disk = Disk::new(folder.path(), "small", 64)?;
    let provider = Provider::agreeable().await?;
    let home = Home::at(disk.folder().to_path_buf(), &Setup::shop(&provider.url())?).await?;
    let ledger = Ledger::default();
    let host = home.start().await?;
    let load = ledger.load(&host);
    while ledger.acknowledged() < 200 {
        tokio::task::yield_now().await;
    }
    load.stop().await;
    let ballast = disk.folder().join("ballast");
    fill(&ballast)?;
    // The journal may have a few bytes left in a block of its own.
    let mut refused = 0;
    for attempt in 0..2000 {
        let id = format!("wamid.full.{attempt}");
        let answer = host.hook(WHATSAPP, &meta(&whatsapp_text("628999", "Full", &id, &"x".repeat(2000)))).await?;
        ensure!(answer.status == 200 || answer.status == 503, "a full disk was answered with {}", answer.status);
        refused += usize::from(answer.status == 503);
        if refused == 20 {
            break;
        }
    }
    ensure!(refused == 20, "the disk did not get full");
    ledger.compare(&host).await.context("while the disk is full")?;
    std::fs::remove_file(&ballast)?;
    let before = ledger.acknowledged();
    let load = ledger.load(&host);
    tokio::time::timeout(std::time::Duration::from_secs(30), async {
        while ledger.acknowledged() < before + 200 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .with_context(|| format!("the host did not go on when there was room again:\n{}", host.log()))?;
    load.stop().await;
    ledger.compare(&host).await.context("after there was room again")?;
    host.stop().await?;
    let host = survivor(&home, &ledger).await?;
    host.stop().await?;
    views_follow_from_the_journal(&home).await?;
    Ok(format!("{refused} requests refused with 503, then {} messages acknowledged, 0 lost", ledger.acknowledged()))
}

/// Takes all the room there is.
fn fill(path: &std::path::Path) -> Result<()> {
    use std::io::Write;
    let mut file = std::fs::File::create(path)?;
    for size in [1 << 20, 1 << 12, 1 << 9] {
        let block = vec![0_u8; size];
        while file.write_all(&block).is_ok() {}
    }
    // What does not fit is not there; that is the point.
    drop(file.sync_all());
    Ok(())
}
