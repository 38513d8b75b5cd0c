//! A connector by the operator's name for it: the generation that serves, and the one that would serve again.
//!
//! Which generation serves is one pointer. Replacing it is the whole of a swap: a call that has begun ends on the generation it began
//! on, the next one begins on the new one.
//!
//! A fault of a generation is judged against the one that stands by. What that one can handle is a *strike*, and three strikes bring
//! it back. What neither can handle says something about the delivery, not about the version.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arc_swap::ArcSwapOption;
use tokio::sync::{Mutex, mpsc};

use super::generation::Generation;

/// So many strikes, with fewer than [`FORGIVEN_AFTER`] good calls after each, and a generation is rolled back.
const STRIKES: u32 = 3;

/// So many good calls in a row make strikes forgotten.
const FORGIVEN_AFTER: u32 = 1_000;

/// A generation has failed too often.
#[derive(Clone, Debug)]
pub struct Alarm {
    /// Of which connector.
    pub connector: String,
    /// Which.
    pub generation: u32,
    /// What happened last.
    pub why: String,
}

/// A connector by the operator's name for it.
#[derive(Debug)]
pub struct Slot {
    /// The name.
    pub name: String,
    active: ArcSwapOption<Generation>,
    standby: ArcSwapOption<Generation>,
    strikes: AtomicU32,
    good: AtomicU32,
    alarms: mpsc::UnboundedSender<Alarm>,
    /// Held by whoever changes what serves.
    pub(super) change: Mutex<()>,
}

impl Slot {
    /// A connector of which nothing serves yet.
    #[must_use]
    pub fn new(name: &str, alarms: mpsc::UnboundedSender<Alarm>) -> Self {
        Self {
            name: name.to_owned(),
            active: ArcSwapOption::empty(),
            standby: ArcSwapOption::empty(),
            strikes: AtomicU32::new(0),
            good: AtomicU32::new(0),
            alarms,
            change: Mutex::new(()),
        }
    }

    /// The generation that serves.
    #[must_use]
    pub fn active(&self) -> Option<Arc<Generation>> {
        self.active.load_full()
    }

    /// The generation that would serve again.
    #[must_use]
    pub fn standby(&self) -> Option<Arc<Generation>> {
        self.standby.load_full()
    }

    /// Those that are loaded.
    pub fn loaded(&self) -> impl Iterator<Item = Arc<Generation>> {
        self.active().into_iter().chain(self.standby())
    }

    /// Another generation than this one that can answer a call.
    pub(crate) fn other_than(&self, number: u32) -> Option<Arc<Generation>> {
        self.loaded().find(|generation| generation.number != number)
    }

    /// From here on this one serves. The one that did before stands by, if it may.
    pub(super) fn publish(&self, generation: Arc<Generation>, standby: Option<Arc<Generation>>) {
        // The other one first: in between, a call finds the same generation twice rather than none to fall back on.
        self.standby.store(standby);
        self.active.store(Some(generation));
        self.strikes.store(0, Ordering::Relaxed);
        self.good.store(0, Ordering::Relaxed);
    }

    /// A call of this generation ended well.
    pub(crate) fn well(&self, number: u32) {
        if self.strikes.load(Ordering::Relaxed) == 0 || !self.serves(number) {
            return;
        }
        if self.good.fetch_add(1, Ordering::Relaxed) + 1 >= FORGIVEN_AFTER {
            self.strikes.store(0, Ordering::Relaxed);
            self.good.store(0, Ordering::Relaxed);
        }
    }

    /// A call of this generation came to nothing, and another generation could have done better.
    pub(crate) fn strike(&self, number: u32, why: &str) {
        if !self.serves(number) || self.standby.load().is_none() {
            return;
        }
        self.good.store(0, Ordering::Relaxed);
        let strikes = self.strikes.fetch_add(1, Ordering::Relaxed) + 1;
        tracing::warn!(connector = self.name, generation = number, strikes, "the generation failed: {why}");
        if strikes == STRIKES {
            let alarm = Alarm { connector: self.name.clone(), generation: number, why: why.to_owned() };
            // Nobody listens while the host stops; the next start begins to count again.
            let _ = self.alarms.send(alarm);
        }
    }

    fn serves(&self, number: u32) -> bool {
        self.active.load().as_ref().is_some_and(|active| active.number == number)
    }
}
