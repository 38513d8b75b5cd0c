//! For channels that push nothing: the host asks, again and again.

use crate::{Event, Failure};

pub use crate::bindings::with_poll::exports::jackfield::connector::poll::{Batch, Unreadable};

/// A connector that is polled. Exported by `export!(Type, poll)`.
pub trait Polled {
    /// What is new since `cursor`; without one the channel was never asked. The cursor of the answer commits with its events. What comes
    /// again after a lost answer is dropped by the channel's ids, so a repeated call has to tell the same again.
    fn poll(cursor: Option<Vec<u8>>) -> Result<Batch, Failure>;
}

impl Batch {
    /// Nothing new; the cursor stays.
    #[must_use]
    pub fn empty() -> Self {
        Self { events: Vec::new(), unreadable: Vec::new(), cursor: None, more: false, wait_ms: None }
    }

    /// Nothing yet, and the next poll goes on from here.
    #[must_use]
    pub fn at(cursor: impl Into<Vec<u8>>) -> Self {
        Self { cursor: Some(cursor.into()), ..Self::empty() }
    }

    /// Adds an event. A bare [`EventBody`](crate::EventBody) is one without an id of its own.
    pub fn push(&mut self, event: impl Into<Event>) {
        self.events.push(event.into());
    }

    /// Adds an item that could not be understood, as it came, and the reason.
    pub fn unreadable(&mut self, raw: impl AsRef<[u8]>, reason: impl Into<String>) {
        self.unreadable.push(Unreadable { raw: raw.as_ref().to_vec(), reason: reason.into() });
    }
}
