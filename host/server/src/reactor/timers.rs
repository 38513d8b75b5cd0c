//! The timer of the tables that is due first. That it fired is a fact; what then follows is in the tables.

use jackfield_core::fact::{Actor, Fact, Timer};
use jackfield_core::ids::Millis;
use jackfield_store::{AppendError, Store};

use crate::clock;

/// The longest wait in one go, so that a clock that is corrected is noticed: a minute.
const LOOK_AGAIN_MS: u64 = 60_000;

/// What is armed.
#[derive(Debug, Default)]
pub(super) struct Timers {
    next: Option<(Millis, Timer)>,
}

impl Timers {
    /// Waits for this one from here on.
    pub(super) fn arm(&mut self, next: Option<(Millis, Timer)>) {
        self.next = next;
    }

    /// Returns once the timer is due; never while none is armed.
    pub(super) async fn due(&self) {
        let Some((at, _)) = &self.next else { return std::future::pending().await };
        while *at > clock::now() {
            let wait = clock::until(*at).min(std::time::Duration::from_millis(LOOK_AGAIN_MS));
            tokio::time::sleep(wait).await;
        }
    }

    /// The timer that is due; none is armed after that until the tables are looked at again.
    pub(super) fn fire(&mut self) -> Option<(Millis, Timer)> {
        self.next.take()
    }
}

/// How long to wait before it is recorded again that a timer fired.
const STORE_TROUBLE: std::time::Duration = std::time::Duration::from_secs(60);

/// Appends that a timer fired, for as long as it takes: nothing else arms it again. What was stored all the same is refused the second
/// time.
pub(super) async fn record(store: &Store, fired: Option<(Millis, Timer)>) {
    let Some((due, timer)) = fired else { return };
    while let Err(error) = store.append(Actor::Host, Fact::TimerFired { timer, due }).await {
        tracing::error!("a timer that was due is not recorded: {error}");
        if matches!(error, AppendError::Closed | AppendError::Poisoned(_)) {
            return;
        }
        tokio::time::sleep(STORE_TROUBLE).await;
    }
}
