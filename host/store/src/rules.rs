//! The rules that turn facts into rows, as the store calls them.

use jackfield_core::apply::{self, Applied};
use jackfield_core::fact::Entry;
use jackfield_core::tables::{self, Write};

/// Applies one fact to the tables.
pub type Apply = fn(&mut dyn Write, &Entry) -> tables::Result<Applied>;

/// Moves the applied number past a fact that met a defect, and notes the reason.
pub type Skip = fn(&mut dyn Write, &Entry, &str) -> tables::Result<Applied>;

/// The rules that turn facts into rows. The default is `jackfield_core`'s; tests put others in its place.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Goes up whenever the same journal comes to other rows than before. Tables of another edition are built again.
    ///
    /// Rows of the previous edition stay readable: they serve while the new edition is built beside them, so a field that is new has
    /// a default.
    pub edition: u32,
    /// Applies a fact.
    pub apply: Apply,
    /// Skips a fact.
    pub skip: Skip,
    /// How many rows, or KiB of rows, one fact may read and write before it is skipped. The same on every host, since the outcome
    /// depends on it. Default 2,000,000, some seconds of work; a guess.
    pub work: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { edition: apply::EDITION, apply: apply::apply, skip: apply::skip, work: 2_000_000 }
    }
}
