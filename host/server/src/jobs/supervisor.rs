//! One worker for every channel that is switched on, whatever the configuration says in the course of time; and one for what is done once
//! for all channels.

use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use jackfield_core::ids::ChannelId;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::panics::Worker;
use crate::channels::ChannelRuntime;
use crate::host::Host;

/// The wait before a worker that panicked is started again. It doubles with each further panic.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Has `work` done for every channel until the host stops; returns when all of it has ended. A worker has its channel for itself: one
/// for a channel whose settings changed begins when the one before it, which starts nothing more, has ended.
pub async fn one_for_each<F>(host: Arc<Host>, kind: &'static str, work: fn(Arc<Host>, Arc<ChannelRuntime>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut changes = host.channels.changes();
    let mut workers = JoinSet::new();
    let mut working: HashMap<ChannelId, (Arc<ChannelRuntime>, Arc<tokio::sync::Mutex<()>>)> = HashMap::new();
    loop {
        let channels = host.channels.all();
        for channel in &channels {
            let before = working.get(&channel.id);
            if before.is_some_and(|(before, _)| Arc::ptr_eq(before, channel)) {
                continue;
            }
            let lease = before.map_or_else(Arc::default, |(_, lease)| Arc::clone(lease));
            working.insert(channel.id.clone(), (Arc::clone(channel), Arc::clone(&lease)));
            let (host, channel) = (Arc::clone(&host), Arc::clone(channel));
            workers.spawn(async move {
                let _lease = lease.lock().await;
                let again = || work(Arc::clone(&host), Arc::clone(&channel));
                supervise(&host, (kind, Some(channel.id.clone())), &channel.gone, again).await;
            });
        }
        // A lease that nobody holds belongs to a channel that is gone, and whose worker has ended.
        working
            .retain(|id, (_, lease)| channels.iter().any(|channel| channel.id == *id) || Arc::strong_count(lease) > 1);
        tokio::select! {
            () = host.stop.begun() => break,
            Ok(()) = changes.changed() => {}
            Some(ended) = workers.join_next() => if let Err(error) = ended {
                tracing::error!(kind, "a worker has ended: {error}");
            },
        }
    }
    while let Some(ended) = workers.join_next().await {
        if let Err(error) = ended {
            tracing::error!(kind, "a worker has ended: {error}");
        }
    }
}

/// Has work done that is done once for all channels. It ends by itself when the host stops.
pub async fn one_for_all<F>(host: Arc<Host>, kind: &'static str, work: impl Fn(Arc<Host>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    supervise(&host, (kind, None), &CancellationToken::new(), || work(Arc::clone(&host))).await;
}

/// Does the work, and starts it again when it panics, until it is `gone`.
async fn supervise<F>(host: &Host, worker: Worker, gone: &CancellationToken, work: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut wait = FIRST_WAIT;
    loop {
        // The future is made inside, so that a panic of making it counts too.
        let working = AssertUnwindSafe(async { work().await });
        if working.catch_unwind().await.is_ok() {
            return;
        }
        let times = host.panics.panicked(&worker);
        let (kind, channel) = (worker.0, worker.1.as_ref().map(tracing::field::display));
        tracing::error!(channel, kind, times, "a worker has panicked; it is started again in {wait:?}");
        tokio::select! {
            () = host.stop.begun() => return,
            () = gone.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        host.panics.started(&worker);
        wait = wait.saturating_mul(2).min(LONGEST_WAIT);
    }
}
