//! The worker of one channel: starts what may start, and knows when to look again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jackfield_core::ids::Millis;
use jackfield_core::keys;
use jackfield_core::rows::{self, Outgoing};
use jackfield_core::tables::{self, Read};
use jackfield_core::views::operations;
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::Instant;

use super::attempt;
use super::bucket::Bucket;
use super::select::select;
use crate::channels::ChannelRuntime;
use crate::clock;
use crate::host::Host;

/// How many threads of a channel are sent to at the same time.
const AT_ONCE: usize = 8;

/// How long to wait when the views cannot be read.
const READ_TROUBLE: Duration = Duration::from_secs(1);

/// Sends what comes into a channel's outbox until the host stops; returns when every attempt has ended.
pub(super) async fn run(host: Arc<Host>, channel: Arc<ChannelRuntime>) {
    let started = Instant::now();
    let mut worker = Worker {
        host,
        rate: None,
        bucket: None,
        channel,
        started,
        running: JoinSet::new(),
        threads: HashMap::new(),
        hold: Millis(0),
    };
    while !worker.host.stop.has_begun() && !worker.channel.gone.is_cancelled() {
        let pause = match worker.start() {
            Ok(pause) => pause,
            Err(error) => {
                tracing::error!(channel = %worker.channel.id, "the outbox cannot be read: {error}");
                Some(READ_TROUBLE)
            }
        };
        worker.wait(pause).await;
    }
    while let Some(ended) = worker.running.join_next_with_id().await {
        worker.ended(ended);
    }
}

struct Worker {
    host: Arc<Host>,
    channel: Arc<ChannelRuntime>,
    /// What the generation that serves says of the channel's rate, messages a second; the bucket is made for it.
    rate: Option<f64>,
    bucket: Option<Bucket>,
    started: Instant,
    running: JoinSet<Option<Millis>>,
    /// The threads that attempts run for.
    threads: HashMap<task::Id, String>,
    /// The channel sends nothing before this time.
    hold: Millis,
}

impl Worker {
    /// Starts what may start. How long to wait at most before looking again; none is until something happens.
    fn start(&mut self) -> tables::Result<Option<Duration>> {
        let view = self.host.view();
        if operations::channel(&view, &self.channel.id)?.is_none_or(|row| row.is_quiet()) {
            return Ok(None);
        }
        let now = clock::now();
        if self.hold > now {
            return Ok(Some(clock::until(self.hold)));
        }
        let free = AT_ONCE.saturating_sub(self.running.len());
        let tokens = self.tokens();
        let places = free.min(tokens);
        let busy = self.threads.values().cloned().collect();
        let selection = select(outbox(&view, &self.channel), &busy, now, places)?;
        let all_places_taken = selection.due.len() == places;
        for outgoing in selection.due {
            self.spawn(outgoing);
        }
        Ok(match all_places_taken {
            false => selection.next.map(clock::until),
            // The end of an attempt makes a place, time makes a token.
            true if free <= tokens => None,
            true => self.bucket.as_ref().map(Bucket::wait),
        })
    }

    fn tokens(&mut self) -> usize {
        let now = self.started.elapsed();
        let serving = self.channel.slot.active();
        let rate = serving.and_then(|generation| generation.connector.manifest().channel.rate_per_second);
        let rate = rate.filter(|rate| rate.is_finite() && *rate > 0.0);
        if rate != self.rate {
            self.rate = rate;
            self.bucket = rate.map(|rate| Bucket::new(rate, now));
        }
        self.bucket.as_mut().map_or(usize::MAX, |bucket| bucket.available(now))
    }

    fn spawn(&mut self, outgoing: Outgoing) {
        if let Some(bucket) = &mut self.bucket {
            bucket.take();
        }
        let thread = outgoing.thread.clone();
        let task = self.running.spawn(attempt::make(Arc::clone(&self.host), Arc::clone(&self.channel), outgoing));
        self.threads.insert(task.id(), thread);
    }

    async fn wait(&mut self, pause: Option<Duration>) {
        let until = async {
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.host.stop.begun() => {}
            () = self.channel.gone.cancelled() => {}
            () = self.channel.wake.notified() => {}
            Some(ended) = self.running.join_next_with_id() => self.ended(ended),
            () = until => {}
        }
    }

    fn ended(&mut self, ended: Result<(task::Id, Option<Millis>), JoinError>) {
        let id = match ended {
            Ok((id, hold)) => {
                self.hold = self.hold.max(hold.unwrap_or_default());
                id
            }
            Err(error) => {
                tracing::error!(channel = %self.channel.id, "an attempt has broken off: {error}");
                error.id()
            }
        };
        self.threads.remove(&id);
    }
}

/// The rows of a channel's outbox, oldest first, read as far as they are wanted.
fn outbox<'a>(view: &'a impl Read, channel: &ChannelRuntime) -> impl Iterator<Item = tables::Result<Outgoing>> + 'a {
    view.scan(keys::outbox_of(&channel.id), false).map(|row| rows::decode(&row?.1))
}
