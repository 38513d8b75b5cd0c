//! What applying a fact gives.

use crate::effect::Effect;
use crate::fact::{Entry, Outcome};
use crate::tables::{self, Write};

/// What applying a fact gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The answer for whoever appended it.
    pub outcome: Outcome,
    /// What has to be looked at outside the tables, each once, in a fixed order.
    pub effects: Vec<Effect>,
    /// What it cost.
    pub cost: Cost,
}

/// What applying a fact read and wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost {
    /// Rows.
    pub rows: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
}

impl Cost {
    /// How much work it was, in bytes. To find a row takes about as long as to read or write half a KiB of it; a guess.
    #[must_use]
    pub fn work(self) -> u64 {
        self.bytes.saturating_add(self.rows.saturating_mul(512))
    }
}

/// Moves the applied number to a fact.
pub(super) fn set_applied(tables: &mut dyn Write, entry: &Entry) {
    tables.put(tables::APPLIED.to_vec(), entry.seq.0.to_be_bytes().to_vec());
}
