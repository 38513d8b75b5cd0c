//! What the requests of one call came to.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::printable::printable;
use crate::report::Usage;

/// Lines that the host writes into the call's log about refused requests.
const NOTES: usize = 16;

/// What the requests of one call came to. Shared with the tasks that carry them.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(super) requests: AtomicU32,
    sent: AtomicU32,
    pub(super) request_bytes: AtomicUsize,
    pub(super) response_bytes: AtomicUsize,
    denials: AtomicU32,
    in_flight: AtomicU32,
    notes: Mutex<Vec<String>>,
}

impl Record {
    /// A request goes to the client. Until [`Self::never_left`] says otherwise it may have reached the other side.
    pub(crate) fn leaves(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// It is certain that not a byte of it was sent.
    pub(crate) fn never_left(&self) {
        self.sent.fetch_sub(1, Ordering::Relaxed);
    }

    /// A request was refused.
    pub(crate) fn denied(&self) {
        self.denials.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds what there was to a call's usage.
    pub(crate) fn add_to(&self, usage: &mut Usage) {
        let count = |n: &AtomicU32| n.load(Ordering::Relaxed);
        let size = |n: &AtomicUsize| u32::try_from(n.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        usage.add(&Usage {
            http_requests: count(&self.requests),
            http_sent: count(&self.sent),
            http_request_bytes: size(&self.request_bytes),
            http_response_bytes: size(&self.response_bytes),
            denials: count(&self.denials),
            ..Usage::default()
        });
    }

    /// A line for the call's log. `message` holds no secret.
    pub(crate) fn note(&self, message: &str) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() < NOTES {
            notes.push(printable(&message.chars().take(500).collect::<String>()));
        }
    }
}

impl Record {
    /// The lines for the call's log.
    pub(super) fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a request has not come to its end.
    pub(super) fn has_request_in_flight(&self) -> bool {
        self.in_flight.load(Ordering::Relaxed) > 0
    }
}

/// A request on its way, as long as it is not dropped.
pub(super) struct InFlight(Arc<Record>);

impl InFlight {
    pub(super) fn new(record: &Arc<Record>) -> Self {
        record.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(record))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
