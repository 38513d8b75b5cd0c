//! What the host clears away by itself: people who were erased, and files that nothing refers to any more.
//!
//! The tables say which erasures have not come to their end, so one that a stop or a crash broke off goes on at the next start. Files are
//! looked for once a day (`jackfield_core::timer`), and after an erasure.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jackfield_core::ids::Millis;
use jackfield_core::views::operations;
use tokio::sync::Notify;

use crate::clock;
use crate::erasure;
use crate::host::Host;

/// Files that are younger may wait for the fact that names them: clients bring files before they send them.
const LEAST_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// The wait after something could not be cleared away.
const AGAIN: Duration = Duration::from_secs(60);

/// What there is to clear away. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Housekeeping {
    /// Somebody was erased.
    pub erasures: Arc<Notify>,
    /// Files may be there that nothing refers to.
    pub files: Arc<Notify>,
}

/// Clears away until the host stops. What runs then goes on at the next start.
pub async fn run(host: Arc<Host>, wanted: Housekeeping) {
    tokio::select! {
        () = host.stop.begun() => {}
        () = clear_away(&host, &wanted) => {}
    }
}

async fn clear_away(host: &Arc<Host>, wanted: &Housekeeping) {
    loop {
        let failed = match erase(host).await {
            Ok(()) => false,
            Err(why) => {
                tracing::error!("an erasure has not come to its end and is gone on with: {why:#}");
                true
            }
        };
        tokio::select! {
            () = tokio::time::sleep(AGAIN), if failed => {}
            () = wanted.erasures.notified() => {}
            () = wanted.files.notified() => {
                if let Err(why) = remove_unused(host).await {
                    tracing::error!("files that nothing refers to could not be removed: {why:#}");
                }
            }
        }
    }
}

async fn erase(host: &Arc<Host>) -> anyhow::Result<()> {
    loop {
        // By the tables before, somebody else may be the person.
        if !host.store.is_of_this_edition() {
            host.store.rebuilding().wait_for(Option::is_none).await?;
        }
        // A reader of the tables that are to go would keep them.
        let open = operations::open_erasure(&host.view())?;
        let Some(erasure) = open else { return Ok(()) };
        let (seq, at) = (erasure.seq, erasure.at);
        let files = erasure::finish(host, erasure).await?;
        remove_fetched(host, files, at).await?;
        erasure::end(host, seq).await?;
        tracing::info!(erasure = seq.0, "nothing of the person is in the journal and the tables any more");
    }
}

async fn referenced(host: &Arc<Host>) -> anyhow::Result<BTreeSet<String>> {
    let view = host.view();
    Ok(tokio::task::spawn_blocking(move || operations::referenced(&view)).await??)
}

/// Removes the files that nothing refers to.
///
/// # Errors
/// When the tables or the files cannot be read.
pub async fn remove_unused(host: &Arc<Host>) -> anyhow::Result<()> {
    let removed = host.store.blobs().retain(&referenced(host).await?, LEAST_AGE).await?;
    if removed.files > 0 {
        tracing::info!(files = removed.files, bytes = removed.bytes, "files that nothing refers to are removed");
    }
    Ok(())
}

/// Removes the files of an erased person that nobody else has, unless they came again since.
async fn remove_fetched(host: &Arc<Host>, mut files: BTreeSet<String>, erased_at: Millis) -> anyhow::Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let referenced = referenced(host).await?;
    files.retain(|sum| !referenced.contains(sum));
    let age = Duration::from_millis(clock::now().0.saturating_sub(erased_at.0));
    host.store.blobs().remove_fetched(&files, age).await?;
    Ok(())
}
