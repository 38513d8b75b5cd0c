//! The machine dies: the host is stopped in the middle of its work, and the image of its disk copied as it stands. What the host had
//! not synced is not in the copy. The copy is mounted and a host started on it.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::kill::{random, views_follow_from_the_journal};
use super::load::Ledger;
use super::loop_device::{Disk, available};
use crate::host::{Home, Host, Setup};
use crate::provider::Provider;

/// How many messages are acknowledged before each loss.
const AT_LEAST: usize = 40;

/// Loses power `times` times, each on a disk that lives on; a line of counts, or none where disks cannot be mounted.
///
/// # Errors
/// When anything acknowledged is lost or doubled.
pub async fn run(times: usize) -> Result<Option<String>> {
    if !available() {
        return Ok(None);
    }
    let folder = tempfile::tempdir()?;
    let provider = Provider::agreeable().await?;
    let setup = Setup::shop(&provider.url())?.flooded();
    let ledger = Ledger::default();
    let mut disk = Disk::new(folder.path(), "disk-0", 512)?;
    let mut home = Home::at(disk.folder().to_path_buf(), &setup).await?;
    let mut copies = 0;
    for time in 1..=times {
        let host = start(&home).await.with_context(|| format!("after {} power losses", time - 1))?;
        ledger.compare(&host).await.with_context(|| format!("after {} power losses", time - 1))?;
        let before = ledger.acknowledged();
        let load = ledger.load(&host);
        // A loss that strikes before anything was promised shows nothing.
        while ledger.acknowledged() < before + AT_LEAST {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_millis(random() % 300)).await;
        signal(&host, "-STOP")?;
        // It never goes on: every answer that a sender gets from here on was on its way before the copy was made.
        let name = format!("disk-{time}");
        copies += disk.image_as_it_stands(&folder.path().join(format!("{name}.img")))?;
        host.kill().await?;
        load.gone().await;
        drop(disk);
        std::fs::remove_file(folder.path().join(format!("disk-{}.img", time - 1)))?;
        disk = Disk::mount(folder.path(), &name)?;
        home = home.moved(disk.folder().to_path_buf());
        forget_the_boot(&home)?;
    }
    let host = start(&home).await?;
    ledger.compare(&host).await?;
    host.stop().await?;
    views_follow_from_the_journal(&home).await?;
    let acknowledged = ledger.acknowledged();
    let torn = copies - times;
    Ok(Some(format!(
        "{times} power losses, {acknowledged} messages acknowledged, 0 lost, 0 doubled; {torn} copies were of no one moment and made again"
    )))
}

async fn start(home: &Home) -> Result<Host> {
    home.start().await
}

/// A machine that lost its power has another boot id afterwards; this one has not, so the note of it is changed.
fn forget_the_boot(home: &Home) -> Result<()> {
    let path = home.folder.join("data/state.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        return Ok(());
    };
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    std::fs::write(&path, text.replace(boot.trim(), "00000000-0000-0000-0000-000000000000"))?;
    Ok(())
}

fn signal(host: &Host, signal: &str) -> Result<()> {
    let pid = host.pid().context("the host runs")?.to_string();
    let status = Command::new("kill").args([signal, &pid]).status()?;
    ensure!(status.success(), "the host could not be sent {signal}");
    Ok(())
}
