//! One loaded version of a connector, joined with every channel that uses it.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use jackfield_core::fact::{ChannelRules, Source};
use jackfield_core::ids::{ChannelId, Millis};
use jackfield_sandbox::{Channel, Connector, Grants};
use tokio::sync::Notify;

use crate::clock;

/// A channel as a generation serves it.
#[derive(Clone, Debug)]
pub struct Line {
    /// Ready to be called.
    pub channel: Channel,
    /// What it may do.
    pub grants: Grants,
}

/// The channels of a generation.
pub type Lines = BTreeMap<ChannelId, Arc<Line>>;

/// One loaded version of a connector.
#[derive(Debug)]
pub struct Generation {
    /// From 1, in the order in which they came.
    pub number: u32,
    /// Manifest, digest, interfaces.
    pub connector: Arc<Connector>,
    /// When it was loaded.
    pub loaded_at: Millis,
    lines: ArcSwap<Lines>,
    running: AtomicUsize,
    idle: Notify,
}

impl Generation {
    /// A version that was loaded just now.
    #[must_use]
    pub fn new(number: u32, connector: Arc<Connector>, lines: Lines) -> Self {
        Self {
            number,
            connector,
            loaded_at: clock::now(),
            lines: ArcSwap::from_pointee(lines),
            running: AtomicUsize::new(0),
            idle: Notify::new(),
        }
    }

    /// A channel of it.
    #[must_use]
    pub fn line(&self, channel: &ChannelId) -> Option<Arc<Line>> {
        self.lines.load().get(channel).cloned()
    }

    /// Joins it with a channel, in place of how it was joined before.
    pub fn join(&self, id: &ChannelId, line: Line) {
        let line = Arc::new(line);
        self.lines.rcu(|lines| {
            let mut lines = Lines::clone(lines);
            lines.insert(id.clone(), Arc::clone(&line));
            lines
        });
    }

    /// How facts name it.
    #[must_use]
    pub fn source(&self) -> Source {
        self.connector.source()
    }

    /// What a channel can do with it.
    #[must_use]
    pub fn rules(&self) -> ChannelRules {
        self.connector.manifest().channel_rules(self.connector.interfaces().send)
    }

    /// A call of it, counted as running as long as it does.
    pub(crate) async fn run<T>(&self, call: impl Future<Output = T>) -> T {
        let _running = Running::begin(self);
        call.await
    }

    /// Returns once none of its calls runs.
    pub(crate) async fn idle(&self) {
        loop {
            let mut idle = std::pin::pin!(self.idle.notified());
            idle.as_mut().enable();
            if self.running.load(Ordering::Acquire) == 0 {
                return;
            }
            idle.await;
        }
    }
}

/// A call that runs.
struct Running<'a>(&'a Generation);

impl<'a> Running<'a> {
    fn begin(generation: &'a Generation) -> Self {
        generation.running.fetch_add(1, Ordering::AcqRel);
        Self(generation)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}
