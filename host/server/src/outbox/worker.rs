//! The outbox as work that becomes due: what may start, and how fast.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jackfield_core::ids::Millis;
use jackfield_core::rows::Outgoing;
use jackfield_core::tables;
use jackfield_core::views::operations;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::attempt;
use crate::channels::ChannelRuntime;
use crate::host::Host;
use crate::jobs::backoff;
use crate::jobs::bucket::Bucket;
use crate::jobs::worker::{self, Selection, Work};

/// How many threads of a channel are sent to at the same time.
const AT_ONCE: usize = 8;

/// Sends what comes into a channel's outbox until the host stops; returns when every attempt has ended.
pub(super) async fn run(host: Arc<Host>, channel: Arc<ChannelRuntime>) {
    let outbox = Outbox {
        host: Arc::clone(&host),
        channel: Arc::clone(&channel),
        rate: None,
        bucket: None,
        started: Instant::now(),
    };
    worker::run(host, channel, outbox, AT_ONCE).await;
}

struct Outbox {
    host: Arc<Host>,
    channel: Arc<ChannelRuntime>,
    /// What the generation that serves says of the channel's rate, messages a second; the bucket is made for it.
    rate: Option<f64>,
    bucket: Option<Bucket>,
    started: Instant,
}

impl Work for Outbox {
    type Item = Outgoing;
    type Key = String;

    const DRAINS: bool = true;

    fn wake(channel: &ChannelRuntime) -> &Notify {
        &channel.wake
    }

    fn allowance(&mut self) -> (usize, Duration) {
        let now = self.started.elapsed();
        let rate =
            self.channel.serving().and_then(|(generation, _)| generation.connector.manifest().channel.rate_per_second);
        let rate = rate.filter(|rate| rate.is_finite() && *rate > 0.0);
        if rate != self.rate {
            self.rate = rate;
            self.bucket = rate.map(|rate| Bucket::new(rate, now));
        }
        match &mut self.bucket {
            Some(bucket) => (bucket.available(now), bucket.wait()),
            None => (usize::MAX, Duration::ZERO),
        }
    }

    fn use_one(&mut self) {
        if let Some(bucket) = &mut self.bucket {
            bucket.take();
        }
    }

    fn held_until(&self) -> Millis {
        Millis(self.channel.held_until.load(Ordering::Relaxed))
    }

    fn select(&self, busy: &HashSet<String>, now: Millis, places: usize) -> tables::Result<Selection<Outgoing>> {
        let view = self.host.view();
        // Of each thread there is only the message that is next: a reply does not overtake the one before it.
        let read = |now, limit| {
            let (ids, next) = operations::due_sends(&view, &self.channel.id, now, limit)?;
            let rows = ids.into_iter().map(|id| Ok(operations::to_send(&view, id)?.map(|to_send| to_send.outgoing)));
            Ok((rows.filter_map(tables::Result::transpose).collect::<tables::Result<Vec<Outgoing>>>()?, next))
        };
        let may = |row: &Outgoing| {
            row.running.is_none() && !busy.contains(&row.thread) && backoff::is_due(row.at, row.attempts, now)
        };
        worker::due(read, may, now, busy.len(), places)
    }

    fn key(&self, item: &Outgoing) -> String {
        item.thread.clone()
    }

    async fn recover(&mut self, busy: &HashSet<String>) -> bool {
        let ended = attempt::end_broken(&self.host, &self.channel, busy).await;
        if let Err(error) = &ended {
            tracing::error!(channel = %self.channel.id, "the outbox cannot be read: {error}");
        }
        ended.is_ok()
    }

    fn attempt(&self, item: Outgoing) -> impl Future<Output = Option<Millis>> + Send + 'static {
        let (host, channel) = (Arc::clone(&self.host), Arc::clone(&self.channel));
        async move { attempt::make(&host, &channel, &item).await }
    }

    fn ended(&mut self, hold: Option<Option<Millis>>) {
        if let Some(Some(until)) = hold {
            self.channel.hold(until);
        }
    }
}
