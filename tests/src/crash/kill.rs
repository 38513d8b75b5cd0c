//! The process dies at a random moment, again and again, on one growing store.

use std::time::Duration;

use anyhow::{Context, Result};

use super::load::Ledger;
use crate::host::{Home, Host, Setup, command};
use crate::provider::Provider;

/// The longest life, in milliseconds.
const LONGEST: u64 = 700;
/// How often the views are compared with a re-application of the journal.
const CHECK_EVERY: usize = 50;

/// Kills a host under load `times` times; a line of counts.
///
/// # Errors
/// When anything acknowledged is lost or doubled, or the views are not what the journal says.
pub async fn run(times: usize) -> Result<String> {
    let provider = Provider::agreeable().await?;
    let home = Home::new(&Setup::shop(&provider.url())?.flooded()).await?;
    let ledger = Ledger::default();
    let mut checks = 0;
    for time in 1..=times {
        let host = home.start().await.with_context(|| format!("after {} kills", time - 1))?;
        let load = ledger.load(&host);
        // A random life is the point of it, not a wait for something.
        tokio::time::sleep(Duration::from_millis(1 + random() % LONGEST)).await;
        host.kill().await?;
        load.gone().await;
        if time % CHECK_EVERY == 0 || time == times {
            views_follow_from_the_journal(&home).await?;
            let host = home.start().await?;
            ledger.compare(&host).await.with_context(|| format!("after {time} kills"))?;
            host.stop().await?;
            checks += 1;
        }
    }
    Ok(format!(
        "{times} kills, {} messages acknowledged, 0 lost, 0 doubled; the views equal the journal in {checks} of {checks} comparisons",
        ledger.acknowledged()
    ))
}

/// Compares every row with what the journal gives, by the operator's own command.
///
/// # Errors
/// When a row differs.
pub async fn views_follow_from_the_journal(home: &Home) -> Result<()> {
    let config = home.folder.join("jackfield.toml");
    let output = command(&["rebuild", "--check", "--config", &config.to_string_lossy()])?.output().await?;
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    anyhow::ensure!(output.status.success(), "the views differ from the journal: {said}");
    Ok(())
}

/// A random number, good enough to pick a moment.
#[must_use]
pub fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

/// Starts a host of a home and compares it with the ledger.
///
/// # Errors
/// When it does not start, or anything acknowledged is lost or doubled.
pub async fn survivor(home: &Home, ledger: &Ledger) -> Result<Host> {
    let host = home.start().await?;
    ledger.compare(&host).await?;
    Ok(host)
}
