//! What a comparison of the views with the journal came to, and what ends one.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use jackfield_core::ids::Seq;

use crate::sync::lock;

/// What a comparison of the views with the journal came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// The last fact that was looked at.
    pub through: Seq,
    /// How many rows were compared.
    pub rows: u64,
    /// How many of them differ.
    pub different: u64,
    /// The first key that differs.
    pub first: Option<Vec<u8>>,
}

/// Asks a thread that rests to end.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    is_due: Mutex<bool>,
    told: Condvar,
}

impl Stop {
    pub(crate) fn tell(&self) {
        *lock(&self.is_due) = true;
        self.told.notify_all();
    }

    /// Rests; true once it is to end.
    pub(crate) fn rest(&self, time: Duration) -> bool {
        let waiting = self.told.wait_timeout_while(lock(&self.is_due), time, |is_due| !*is_due);
        *waiting.unwrap_or_else(PoisonError::into_inner).0
    }
}
