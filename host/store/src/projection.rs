//! What follows the journal: a projection has its own applied number and its own edition.

use jackfield_core::apply::Applied;
use jackfield_core::fact::Entry;
use jackfield_core::ids::Seq;

/// Something that is a pure function of the journal up to a number. sled's tables are the first; search and reports are others.
///
/// A projection whose edition is not the one of this program is built again from the journal, beside the one that serves.
pub trait Projection: Send + Sync {
    /// The edition of the rules that made what is there.
    fn edition(&self) -> u32;

    /// The last fact whose consequences are there. Numbers are dense: the next fact has the next number.
    fn applied(&self) -> Seq;

    /// Applies entries that follow each other and [`applied`](Projection::applied), and makes all of it visible, at once or, where it
    /// is much, in a few steps. One caller at a time; blocks.
    ///
    /// # Errors
    /// When the entries from a certain one on could not be applied. Those before it are.
    fn apply(&self, group: &[Entry]) -> Result<Vec<Applied>, Stopped>;
}

/// A fact was not applied. Those before it are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fact {seq} could not be applied: {failure}")]
pub struct Stopped {
    /// What applying the facts before it gave.
    pub applied: Vec<Applied>,
    /// The fact, or the last one of a group that could not be committed.
    pub seq: Seq,
    /// Why.
    pub failure: Failure,
}

/// Why a fact was not applied. Nothing of it is in the projection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The storage failed. No fact is at fault.
    #[error("{0}")]
    Storage(String),
    /// The rules panicked, met a row that is not what it should be, or did too much work. Told only where the rows may be at fault;
    /// otherwise such a fact is skipped.
    #[error("{0}")]
    Defect(String),
}
