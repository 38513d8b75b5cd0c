//! What can go wrong with appending and with reading.

use std::path::PathBuf;

use jackfield_core::ids::Seq;

/// Nothing was appended, but for [`AppendError::Unknown`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// No space.
    #[error("the disk of the journal is full ({0}); nothing was stored. Make space; the next append tries again")]
    Full(String),
    /// A channel has had its part of what is left of the disk; the rest is kept for what people ask for.
    #[error(
        "{free} MiB are free on the journal's disk, {reserve} MiB are kept, and the channel has used its part of them; nothing was \
         stored. Make space"
    )]
    Reserved {
        /// MiB that are free.
        free: u64,
        /// MiB below which a channel has only a part.
        reserve: u64,
    },
    /// The disk fails.
    #[error("the journal cannot be written: {0}; nothing was stored")]
    Io(String),
    /// It was handed in, and its answer is lost: it may be stored, and what it came to is not known. If it is stored it counts, at the
    /// latest after a restart, under a number that nothing else gets.
    #[error("it is not known whether this was stored: {0}")]
    Unknown(String),
    /// The views had stopped before.
    #[error("the host has stopped taking facts: {0}; nothing was stored. Restart it; what is in the journal is safe")]
    Poisoned(String),
    /// Too much waits in this lane: that of a channel, of the host, or of what people ask for.
    #[error(
        "{waiting} groups of facts of the same kind wait for the disk already; nothing was stored. Try again in a moment, or give the \
         journal a faster disk"
    )]
    Overloaded {
        /// How many groups wait there.
        waiting: usize,
    },
    /// The store is closed.
    #[error("the store is closed; the host is stopping")]
    Closed,
    /// The group does not fit into a frame.
    #[error("{bytes} bytes in one group of facts; at most {limit} can be stored together")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The fact cannot be written down so that it can be read again.
    #[error("this fact cannot be written down and read again: {0}")]
    Unwritable(String),
}

impl AppendError {
    /// Whether the facts may be stored all the same.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }
}

/// The journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The log cannot be reached for a while, or the reader was interrupted.
    #[error("the journal cannot be read at the moment: {0}")]
    Transient(String),
    /// The disk fails.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something in the middle is not as it was written.
    #[error(
        "the journal is damaged: {} at byte {offset}: {why}. Good facts follow, so this is not an interrupted write, and nothing is \
         skipped. Put this segment back from a backup",
        path.display()
    )]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        why: String,
    },
    /// A segment is not there.
    #[error("the journal is incomplete: fact {expected} should come next, but {} begins with {found}. Put the missing segment back \
             from a backup", path.display())]
    Gap {
        /// The number that was to come.
        expected: Seq,
        /// The number that came.
        found: Seq,
        /// The segment that it came from.
        path: PathBuf,
    },
    /// The last segment is not there.
    #[error(
        "the journal is incomplete: fact {expected} should be there, but no segment has it. Put the missing segment back from a \
             backup"
    )]
    Missing {
        /// The number that was to come.
        expected: Seq,
    },
    /// The file is whole, but this version does not understand it.
    #[error("{} at byte {offset}: fact {seq} was stored whole, but this version cannot read it ({why}). Run the version that wrote it, \
             or a newer one", path.display())]
    Unreadable {
        /// The segment.
        path: PathBuf,
        /// Where the frame of the fact begins.
        offset: u64,
        /// The fact's number.
        seq: Seq,
        /// Why.
        why: String,
    },
    /// Nothing can be followed any more.
    #[error("the journal is closed")]
    Closed,
}

impl JournalError {
    /// Whether the same call may work a moment later. All else is fatal: a person has to look.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        use std::io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
        match self {
            Self::Transient(_) => true,
            Self::Io { source, .. } => matches!(source.kind(), Interrupted | TimedOut | WouldBlock),
            _ => false,
        }
    }
}
