//! What the calls of a channel came to.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jackfield_core::event::Problem;
use jackfield_core::ids::Millis;
use jackfield_sandbox::{CallError, Failure, Usage};

use crate::clock;

/// How many calls the percentiles of a channel look back on.
const RECENT_CALLS: usize = 512;

/// How a call ended.
pub(crate) enum CallOutcome<'a> {
    Ok,
    Failure(&'a Failure),
    Fault(&'a CallError),
}

impl CallOutcome<'_> {
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failure(failure) => failure.class(),
            Self::Fault(error) => error.kind.as_str(),
        }
    }
}

/// What the calls of a channel came to since the start.
#[derive(Debug, Default)]
pub struct Activity(Mutex<Tally>);

#[derive(Debug, Default)]
struct Tally {
    snapshot: Snapshot,
    /// Microseconds, the latest last.
    recent: VecDeque<u32>,
}

/// What the calls of a channel came to since the start.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Calls, by function.
    pub calls: BTreeMap<&'static str, u64>,
    /// Calls that came to nothing, by kind: `trap`, `cpu_exceeded`, …
    pub faults: BTreeMap<&'static str, u64>,
    /// Calls that the connector answered with a failure, by class: `retry`, `rejected`, …
    pub failures: BTreeMap<&'static str, u64>,
    /// Webhooks that did not prove where they come from.
    pub denied: u64,
    /// HTTP requests of the connector that the host refused.
    pub http_denials: u64,
    /// Bytes of the bodies of the connector's HTTP requests.
    pub http_sent_bytes: u64,
    /// Bytes of the bodies of their answers.
    pub http_received_bytes: u64,
    /// The most memory that a call has used, bytes.
    pub memory_high_bytes: u64,
    /// CPU time of all calls, microseconds.
    pub cpu_micros: u64,
    /// Lines of log that were dropped.
    pub log_dropped: u64,
    /// The last fault, or failure other than a denial.
    pub last_error: Option<LastError>,
    /// Half of the last 512 calls took no longer, microseconds. None before the first call.
    pub p50_micros: Option<u32>,
    /// Of the last 512 calls, 99 % took no longer, microseconds.
    pub p99_micros: Option<u32>,
}

impl Snapshot {
    fn count(&mut self, usage: Usage) {
        self.http_denials += u64::from(usage.denials);
        self.http_sent_bytes += u64::from(usage.http_request_bytes);
        self.http_received_bytes += u64::from(usage.http_response_bytes);
        self.memory_high_bytes = self.memory_high_bytes.max(usage.memory_bytes as u64);
        self.cpu_micros += u64::try_from(usage.cpu.as_micros()).unwrap_or(u64::MAX);
        self.log_dropped += u64::from(usage.log_dropped);
    }
}

/// What last went wrong on a channel.
#[derive(Clone, Debug)]
pub struct LastError {
    /// When.
    pub at: Millis,
    /// In which function.
    pub function: &'static str,
    /// The kind of the fault or the class of the failure.
    pub kind: &'static str,
    /// Why.
    pub problem: Problem,
}

impl Activity {
    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note(&self, function: &'static str, usage: Usage, ended: &CallOutcome<'_>) {
        let mut tally = self.lock();
        if tally.recent.len() >= RECENT_CALLS {
            tally.recent.pop_front();
        }
        tally.recent.push_back(u32::try_from(usage.wall.as_micros()).unwrap_or(u32::MAX));
        let snapshot = &mut tally.snapshot;
        *snapshot.calls.entry(function).or_default() += 1;
        snapshot.count(usage);
        let problem = match ended {
            CallOutcome::Ok => return,
            // Anybody can send an unsigned request; it must not push what matters out of sight.
            CallOutcome::Failure(Failure::Unauthenticated(_)) => {
                snapshot.denied += 1;
                return;
            }
            CallOutcome::Failure(failure) => {
                *snapshot.failures.entry(failure.class()).or_default() += 1;
                failure.problem().clone()
            }
            CallOutcome::Fault(error) => {
                *snapshot.faults.entry(error.kind.as_str()).or_default() += 1;
                Problem { message: error.message.clone(), code: None }
            }
        };
        snapshot.last_error = Some(LastError { at: clock::now(), function, kind: ended.word(), problem });
    }

    /// As it is now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let (mut snapshot, mut recent) = {
            let tally = self.lock();
            (tally.snapshot.clone(), Vec::from_iter(tally.recent.iter().copied()))
        };
        recent.sort_unstable();
        let at = |percent: usize| recent.get((recent.len().saturating_sub(1)) * percent / 100).copied();
        (snapshot.p50_micros, snapshot.p99_micros) = (at(50), at(99));
        snapshot
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_denied_webhook_does_not_hide_the_last_error() {
        let activity = Activity::default();
        let problem = Problem { message: String::from("no"), code: None };
        let usage = |ms| Usage { wall: Duration::from_millis(ms), ..Usage::default() };
        activity.note("receive", usage(1), &CallOutcome::Failure(&Failure::Other(problem.clone())));
        activity.note("receive", usage(3), &CallOutcome::Failure(&Failure::Unauthenticated(problem)));
        activity.note("receive", usage(2), &CallOutcome::Ok);
        let seen = activity.snapshot();
        assert_eq!((seen.denied, seen.calls["receive"], seen.failures["other"]), (1, 3, 1));
        assert_eq!(seen.last_error.unwrap().kind, "other");
        assert_eq!((seen.p50_micros, seen.p99_micros), (Some(2_000), Some(2_000)));
    }
}
