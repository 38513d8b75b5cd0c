//! Instances that are used again: for connectors that ask for it, on channels whose operator allows it.
//!
//! By default every call has a fresh instance, and nothing of one call is there in the next. A kept instance gives that up within one
//! channel and one generation: what a call left in its memory the next one finds, so a defect can mix up two customers, and a message
//! that takes a connector over keeps it until the instance goes. It never crosses channels, and every bound is set anew for each call.
//! See `host/docs/adr`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::Store;
use wasmtime::component::Instance;

use crate::run::guest::Guest;

/// Instances of a sandbox that may be kept while nobody calls them. The pool has places for them beside those for calls.
pub(crate) const KEPT: u32 = 32;

/// Calls after which an instance goes, so that nothing that builds up in it does so for ever.
const CALLS: u32 = 1_000;

/// Its longest life.
const LIFE: Duration = Duration::from_secs(600);

/// An instance that may be called again.
pub(crate) struct PooledInstance {
    pub(crate) store: Store<Guest>,
    pub(crate) instance: Instance,
    pub(crate) age: Lifetime,
}

/// How much of its life an instance has had.
#[derive(Clone, Copy)]
pub(crate) struct Lifetime {
    calls: u32,
    born: Instant,
}

impl Lifetime {
    pub(crate) fn new() -> Self {
        Self { calls: 0, born: Instant::now() }
    }

    fn has_more(&self) -> bool {
        self.calls < CALLS && self.born.elapsed() < LIFE
    }
}

/// The kept instances of one channel and one generation.
pub(crate) struct InstancePool {
    most: usize,
    waiting: Mutex<Vec<(PooledInstance, OwnedSemaphorePermit)>>,
}

impl InstancePool {
    /// Keeps at most `most`.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, waiting: Mutex::default() }
    }

    /// One that waits. It has the place in the pool of the call that takes it, and gives its own back.
    pub(crate) fn take(&self) -> Option<PooledInstance> {
        if self.most == 0 {
            return None;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|(kept, _)| kept.age.has_more());
        waiting.pop().map(|(kept, _)| kept)
    }

    /// Keeps an instance whose call went well, if there is room, for the channel and in the pool.
    pub(crate) fn keep(&self, mut kept: PooledInstance, places: &Arc<Semaphore>) {
        kept.age.calls += 1;
        if self.most == 0 || !kept.age.has_more() {
            return;
        }
        let Ok(place) = Arc::clone(places).try_acquire_owned() else { return };
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < self.most {
            waiting.push((kept, place));
        }
    }
}
