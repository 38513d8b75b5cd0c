//! Why a store does not open.

use std::io;
use std::path::{Path, PathBuf};

use jackfield_core::ids::Seq;

use crate::journal::JournalError;
use crate::views::LoadError;

/// The store did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Somebody else has it.
    #[error("another process, or another part of this one, has the data folder {} open", .0.display())]
    Locked(PathBuf),
    /// The folder cannot be used.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The journal is not as it was written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal has lost facts.
    #[error(
        "the journal ends with fact {last}, but fact {durable} was on stable storage: acknowledged facts are missing. Put the newest \
         segments back from a backup. If an older copy of the journal is meant to be used, remove state.json and views/ from {}",
        dir.display()
    )]
    JournalBehind {
        /// The last fact that is there.
        last: Seq,
        /// A fact that was there once.
        durable: Seq,
        /// The data folder.
        dir: PathBuf,
    },
    /// Not even new views can be built.
    #[error("new views cannot be built: {0}")]
    Views(String),
}

impl From<LoadError> for OpenError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Journal(error) => Self::Journal(error),
            LoadError::Storage(why) => Self::Views(why),
        }
    }
}

pub(super) fn io_error(path: &Path, source: io::Error) -> OpenError {
    OpenError::Io { path: path.to_owned(), source }
}
