//! Which workers have panicked, for readiness and metrics.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jackfield_core::ids::ChannelId;

/// A kind of work, and the channel if every channel has a worker of its own.
pub type Worker = (&'static str, Option<ChannelId>);

/// The workers that have panicked.
#[derive(Debug, Default)]
pub struct Panics(Mutex<BTreeMap<Worker, Panicked>>);

/// How a worker stands that has panicked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Panicked {
    /// How often, since the host started.
    pub times: u32,
    /// Whether it waits to be started again.
    pub down: bool,
}

impl Panics {
    /// The workers that wait to be started again.
    #[must_use]
    pub fn down(&self) -> Vec<Worker> {
        self.lock().iter().filter(|(_, panicked)| panicked.down).map(|(which, _)| which.clone()).collect()
    }

    /// How often workers have panicked.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.lock().values().map(|panicked| u64::from(panicked.times)).sum()
    }

    pub(super) fn panicked(&self, worker: &Worker) -> u32 {
        let mut all = self.lock();
        let one = all.entry(worker.clone()).or_default();
        one.times = one.times.saturating_add(1);
        one.down = true;
        one.times
    }

    pub(super) fn started(&self, worker: &Worker) {
        if let Some(one) = self.lock().get_mut(worker) {
            one.down = false;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Worker, Panicked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_panicked_is_down_until_it_is_started_again_and_stays_counted() {
        let (panics, outbox) = (Panics::default(), ("outbox", Some("shop".parse::<ChannelId>().unwrap())));
        panics.started(&outbox);
        assert!(panics.down().is_empty());
        assert_eq!((panics.panicked(&outbox), panics.panicked(&outbox)), (1, 2));
        assert_eq!((panics.down(), panics.count()), (vec![outbox.clone()], 2));
        panics.started(&outbox);
        assert!(panics.down().is_empty() && panics.count() == 2);
    }
}
