//! CPU time of a call.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Adds up the CPU time of a call's polls, wherever they ran. A guest that waits uses none, and neither does one whose thread the
/// operating system gave to somebody else.
///
/// Only one thread polls a call at a time, so plain loads and stores are enough; the atomics are there to share it without a lock.
#[derive(Debug, Default)]
pub(crate) struct CpuMeter {
    spent: AtomicU64,
    since: AtomicU64,
}

impl CpuMeter {
    /// A poll begins on this thread.
    pub(crate) fn start(&self) {
        self.since.store(thread_nanos(), Ordering::Relaxed);
    }

    /// The poll ends.
    pub(crate) fn stop(&self) {
        self.spent.store(nanos(self.so_far()), Ordering::Relaxed);
    }

    /// The time of all polls that ended.
    pub(crate) fn spent(&self) -> Duration {
        Duration::from_nanos(self.spent.load(Ordering::Relaxed))
    }

    /// The same and the time of the poll that is running on this thread.
    pub(crate) fn so_far(&self) -> Duration {
        let running = thread_nanos().saturating_sub(self.since.load(Ordering::Relaxed));
        self.spent() + Duration::from_nanos(running)
    }
}

fn thread_nanos() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    nanos(Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0)))
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
