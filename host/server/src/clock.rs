//! The wall clock, in the one place that reads it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jackfield_core::ids::Millis;

/// Now.
#[must_use]
pub fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(millis(since))
}

/// A duration in whole milliseconds.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// How long it is until a time; zero if it has come.
#[must_use]
pub fn until(at: Millis) -> Duration {
    Duration::from_millis(at.0.saturating_sub(now().0))
}
