//! Calls that run for long. They go on in turns, the components one after the other, so that a guest that spins in sixteen calls at once
//! neither fills the threads that all others need nor delays another connector's long call by more than a slice.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::turns::{Turn, Turns};

/// CPU time after which a call is a long one. A call of a connector in Rust takes less.
const SHORT: Duration = Duration::from_millis(8);

/// The turns of a sandbox; the keys are the digests of the components.
pub(crate) type LongTurns = Turns<Arc<str>>;

/// One less than there are processors, so that what is short never waits for what is long. With as many as there are, 99 of 100 good
/// webhooks took 52 ms instead of 12 on two processors (`cargo xtask siege --attack spins`).
pub(crate) fn turns() -> Arc<LongTurns> {
    Turns::new(std::thread::available_parallelism().map_or(1, std::num::NonZero::get).saturating_sub(1))
}

/// One call, which may become a long one.
pub(crate) struct LongRun {
    turns: Arc<LongTurns>,
    connector: Arc<str>,
    /// The turn that it has while it runs.
    turn: Mutex<Option<Turn<Arc<str>>>>,
}

impl LongRun {
    pub(crate) fn new(turns: &Arc<LongTurns>, connector: &Arc<str>) -> Arc<Self> {
        Arc::new(Self { turns: Arc::clone(turns), connector: Arc::clone(connector), turn: Mutex::default() })
    }

    /// Lets others run, at every tick; a call that has run for long goes on when it is its turn.
    pub(crate) async fn give_way(self: Arc<Self>, spent: Duration) {
        tokio::task::yield_now().await;
        if spent > SHORT {
            let turn = self.turns.take(Arc::clone(&self.connector)).await;
            self.set(Some(turn));
        }
    }

    /// It does not run any more: it waits for something, or has ended.
    pub(crate) fn pause(&self) {
        self.set(None);
    }

    fn set(&self, turn: Option<Turn<Arc<str>>>) {
        // What was there is given back outside of the lock.
        let before = std::mem::replace(&mut *self.turn.lock().unwrap_or_else(PoisonError::into_inner), turn);
        drop(before);
    }
}
