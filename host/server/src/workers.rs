//! One worker for every channel that is switched on, whatever the configuration says in the course of time.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use jackfield_core::ids::ChannelId;
use tokio::sync::Mutex;
use tokio::task::{JoinError, JoinSet};

use crate::channels::ChannelRuntime;
use crate::host::Host;

/// Has `work` done for every channel until the host stops; returns when all of it has ended. A worker has its channel for itself: one
/// for a channel whose settings changed begins when the one before it, which starts nothing more, has ended.
pub async fn one_for_each<F>(host: Arc<Host>, work: impl Fn(Arc<Host>, Arc<ChannelRuntime>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut changes = host.channels.changes();
    let mut workers = JoinSet::new();
    let mut working: HashMap<ChannelId, (Arc<ChannelRuntime>, Arc<Mutex<()>>)> = HashMap::new();
    loop {
        for channel in host.channels.all() {
            let before = working.get(&channel.id);
            if before.is_some_and(|(before, _)| Arc::ptr_eq(before, &channel)) {
                continue;
            }
            let lease = before.map_or_else(Arc::default, |(_, lease)| Arc::clone(lease));
            working.insert(channel.id.clone(), (Arc::clone(&channel), Arc::clone(&lease)));
            let work = work(Arc::clone(&host), channel);
            workers.spawn(async move {
                let _lease = lease.lock().await;
                work.await;
            });
        }
        tokio::select! {
            () = host.stop.begun() => break,
            Ok(()) = changes.changed() => {}
            Some(ended) = workers.join_next() => log_end(&ended),
        }
    }
    while let Some(ended) = workers.join_next().await {
        log_end(&ended);
    }
}

fn log_end(ended: &Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!("a worker has ended: {error}");
    }
}
