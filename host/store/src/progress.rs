//! Whether tables are being built beside those that serve, and how far that is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use tokio::sync::watch;

use crate::sync::lock;

/// Tables are being built beside those that serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilding {
    /// Why.
    pub why: String,
    /// How many facts are applied.
    pub done: u64,
    /// Of how many, as of the beginning.
    pub total: u64,
}

/// What those who build and those who wait for it share.
#[derive(Debug, Default)]
pub(crate) struct RebuildStatus {
    is_running: Mutex<bool>,
    ended: Condvar,
    stopping: AtomicBool,
    progress: watch::Sender<Option<Rebuilding>>,
}

impl RebuildStatus {
    /// Marks a building as begun. False when there is one already or the store is being closed.
    pub(crate) fn begin(&self, why: &str, total: u64) -> bool {
        let mut is_running = lock(&self.is_running);
        if *is_running || self.is_stopping() {
            return false;
        }
        *is_running = true;
        self.progress.send_replace(Some(Rebuilding { why: why.to_owned(), done: 0, total }));
        true
    }

    /// Tells how far it is; false once it is to end early.
    pub(crate) fn tell(&self, done: u64) -> bool {
        self.progress.send_modify(|progress| {
            if let Some(progress) = progress {
                progress.done = done;
            }
        });
        !self.is_stopping()
    }

    pub(crate) fn end(&self) {
        *lock(&self.is_running) = false;
        self.progress.send_replace(None);
        self.ended.notify_all();
    }

    pub(crate) fn is_running(&self) -> bool {
        *lock(&self.is_running)
    }

    /// Returns once nothing is being built.
    pub(crate) fn wait(&self) {
        let is_running = lock(&self.is_running);
        drop(self.ended.wait_while(is_running, |is_running| *is_running).unwrap_or_else(PoisonError::into_inner));
    }

    /// What is being built ends early, and nothing more is begun.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Option<Rebuilding>> {
        self.progress.subscribe()
    }
}
