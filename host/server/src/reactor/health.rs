//! How the reactor stands: its mistakes, counted, and what it has to look at again.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// How the reactor stands, for readiness.
#[derive(Debug, Default)]
pub struct ReactorHealth {
    panics: AtomicU64,
    to_look_at_again: AtomicUsize,
}

impl ReactorHealth {
    /// How often it has panicked since the host started.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// How many things it could not carry out yet, generations that are to be loaded among them. They are looked at again in time.
    #[must_use]
    pub fn to_look_at_again(&self) -> usize {
        self.to_look_at_again.load(Ordering::Relaxed)
    }

    pub(super) fn set_to_look_at_again(&self, count: usize) {
        self.to_look_at_again.store(count, Ordering::Relaxed);
    }

    /// Does something; none if that panicked, which is counted and said.
    pub(super) fn contain<T>(&self, what: &dyn Debug, work: impl FnOnce() -> T) -> Option<T> {
        let done = catch_unwind(AssertUnwindSafe(work));
        if done.is_err() {
            self.panics.fetch_add(1, Ordering::Relaxed);
            tracing::error!(?what, "the reactor has made a mistake, and goes on");
        }
        done.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_contained_and_counted() {
        let health = ReactorHealth::default();
        assert_eq!(health.contain(&"a", || 1), Some(1));
        assert_eq!(health.contain(&"b", || -> u8 { panic!("on purpose") }), None);
        assert_eq!(health.panics(), 1);
    }
}
