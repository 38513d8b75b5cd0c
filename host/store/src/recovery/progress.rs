//! How far opening a store is.

use std::time::{Duration, Instant};

/// What takes time at open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The journal is looked through. Counts bytes.
    Checking,
    /// The views catch up with the journal. Counts facts.
    CatchingUp,
    /// The views are built again, for this reason. Counts facts.
    Rebuilding(String),
    /// The journal is applied to an empty map, to compare with. Counts facts.
    Reapplying,
    /// The two maps are compared. Counts rows; the total is not known and stays 0.
    Comparing,
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// With what.
    pub phase: Phase,
    /// How much is done.
    pub done: u64,
    /// Of how much.
    pub total: u64,
}

/// Passes progress on, and says it in the log each second.
pub(crate) struct Reporter<'a> {
    progress: &'a mut dyn FnMut(Progress),
    logged: Instant,
}

impl<'a> Reporter<'a> {
    pub(crate) fn new(progress: &'a mut dyn FnMut(Progress)) -> Self {
        Self { progress, logged: Instant::now() }
    }

    pub(crate) fn tell(&mut self, phase: &Phase, done: u64, total: u64) {
        (self.progress)(Progress { phase: phase.clone(), done, total });
        if self.logged.elapsed() >= Duration::from_secs(1) {
            self.logged = Instant::now();
            tracing::info!(?phase, done, total, "opening the store");
        }
    }
}
