//! The journal: one totally ordered list of facts, durable before any answer.
//!
//! The journal *orders* facts and makes them *durable*; applying them is not its business. Whoever appends gives facts without numbers
//! and learns their numbers; what they came to is known once the local views have applied those numbers. So an implementation that
//! other hosts append to as well (NATS JetStream is to be the second one) fits the same trait, and nothing outside this module knows
//! which one is there. `tests/suite/conformance.rs` says what each must fulfil.
//!
//! What such a log brings with it is in the trait: an append has an id, by which one that comes twice is recognised; its outcome may be
//! unknown ([`AppendError::Unknown`]); reading may fail for a while ([`JournalError::is_transient`]). Numbers are dense: whatever a log
//! numbers besides facts, facts are numbered without gaps.
//!
//! # Layout
//!
//! * [`local`]: the journal in a folder. `lanes`, `shared`, `group_commit`, `writer`: from a group that waits to stable storage.
//! * [`frame`], `segment`, `files`, `read`, `redact`: the bytes, the files, looking through them, reading, and taking content out.

mod files;
pub mod frame;
mod group_commit;
mod import;
mod lanes;
pub mod local;
mod read;
mod redact;
mod segment;
mod shared;
mod writer;

use std::collections::BTreeSet;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use jackfield_core::fact::{Actor, Entry, Fact};
use jackfield_core::ids::{Millis, Seq};

pub use files::{Journaled, TornTail};
pub(crate) use import::Importer;
pub(crate) use read::read as read_folder;
pub(crate) use redact::redact;

/// What an asynchronous call of the journal gives.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Entries in order, until the end as it was when they were asked for, or the first error. Blocks on the disk or the network.
pub type Entries = Box<dyn Iterator<Item = Result<Entry, JournalError>> + Send>;

/// Entries in order, in groups, and then those that are yet to come, as soon as they are durable. Blocks; ends when the journal is
/// closed, and after an error. After a transient one whoever follows begins again behind the last entry that came. Who follows slowly
/// slows the appenders down.
pub type Follower = Box<dyn Iterator<Item = Result<Arc<Group>, JournalError>> + Send>;

/// Entries that follow each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// The entries.
    pub entries: Vec<Entry>,
    /// The appends that they came with, in order, and how many entries each has. Empty for what was appended before the journal was
    /// opened.
    pub appends: Vec<(AppendId, usize)>,
}

/// The id of one append, which is the same when the same append comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppendId(pub [u8; 16]);

impl AppendId {
    /// An id that nobody else has: random for each process, and counted within it.
    #[must_use]
    pub fn new() -> Self {
        static PROCESS: OnceLock<[u8; 8]> = OnceLock::new();
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let process = PROCESS.get_or_init(|| {
            let mut random = [0; 8];
            match getrandom::fill(&mut random) {
                Ok(()) => random,
                // Time tells processes apart as well, if not against an adversary, whom this id is no defence against.
                Err(_) => {
                    SystemTime::now().duration_since(UNIX_EPOCH).map_or([0; 8], |t| (t.as_nanos() as u64).to_be_bytes())
                }
            }
        });
        let mut id = [0; 16];
        id[..8].copy_from_slice(process);
        id[8..].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        Self(id)
    }
}

impl Default for AppendId {
    fn default() -> Self {
        Self::new()
    }
}

/// A totally ordered, durable list of facts.
pub trait Journal: Send + Sync {
    /// Hands a group of at least one fact in and returns when it is on stable storage. The facts of a group get consecutive numbers and one
    /// time, and are stored together or not at all. The group is handed in by the call itself: a future that is dropped takes nothing back.
    ///
    /// An append whose id was stored before stores nothing and gives the receipt of the first time, as long as the journal remembers it: some
    /// thousands of appends, and the local journal only those since it was opened.
    fn append_as(&self, id: AppendId, group: Vec<Draft>) -> Pending<'_, Result<Receipt, AppendError>>;

    /// [`append_as`](Journal::append_as) with a new id.
    fn append(&self, group: Vec<Draft>) -> Pending<'_, Result<Receipt, AppendError>> {
        self.append_as(AppendId::new(), group)
    }

    /// The number of the last durable entry; 0 when there is none.
    fn last(&self) -> Seq;

    /// The entries from a number on. From 0 is from the first one.
    ///
    /// # Errors
    /// When the journal cannot be read at that place.
    fn read(&self, from: Seq) -> Result<Entries, JournalError>;

    /// The entries from a number on, now and later.
    ///
    /// # Errors
    /// When the journal cannot be read at that place, or is closed.
    fn follow(&self, from: Seq) -> Result<Follower, JournalError>;

    /// Takes the content of facts out, whose places remain, and says how many were there. What is stored under other numbers, before and
    /// meanwhile, stays as it is. Blocks; one caller at a time.
    ///
    /// # Errors
    /// When the journal cannot be rewritten. Some of the facts may be without content then.
    fn redact(&self, seqs: &BTreeSet<Seq>) -> Result<usize, JournalError>;

    /// What was done so far.
    fn stats(&self) -> JournalStats;

    /// Takes nothing more, waits until all that was handed in is done, and ends the followers. Blocks.
    fn close(&self);
}

/// A fact that is to be appended.
#[derive(Clone, Debug)]
pub struct Draft {
    actor: Actor,
    fact: Fact,
    /// The end of the line that is stored: `"actor":…,"fact":…}` and a line feed.
    text: String,
}

impl Draft {
    /// Writes the fact down and reads it back. Everything that follows uses what was read back, so what is applied now is exactly what
    /// a later reading applies, down to the last digit of a coordinate, and nothing is ever stored that cannot be read.
    ///
    /// # Errors
    /// [`AppendError::Unwritable`] for a fact that does not survive, such as a coordinate that is not a number.
    pub fn new(actor: Actor, fact: &Fact) -> Result<Self, AppendError> {
        let unwritable = |e: serde_json::Error| AppendError::Unwritable(e.to_string());
        let actor_text = serde_json::to_string(&actor).map_err(unwritable)?;
        let fact_text = serde_json::to_string(fact).map_err(unwritable)?;
        let fact = serde_json::from_str(&fact_text).map_err(unwritable)?;
        Ok(Self { actor, fact, text: format!("\"actor\":{actor_text},\"fact\":{fact_text}}}\n") })
    }

    /// Who appends it.
    pub(crate) fn actor(&self) -> &Actor {
        &self.actor
    }

    /// How many bytes it takes up, about.
    #[must_use]
    pub fn size(&self) -> usize {
        self.text.len() + 48
    }

    /// Appends the entry's line to `out` and returns the entry.
    fn number(self, seq: Seq, at: Millis, out: &mut Vec<u8>) -> Entry {
        out.extend_from_slice(format!("{{\"seq\":{seq},\"at\":{},", at.0).as_bytes());
        out.extend_from_slice(self.text.as_bytes());
        Entry { seq, at, actor: self.actor, fact: self.fact }
    }
}

/// Where a group came to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The number of its first fact; the others follow without a gap.
    pub first: Seq,
    /// The number of its last fact.
    pub last: Seq,
    /// When it was appended.
    pub at: Millis,
}

/// Nothing was appended, but for [`AppendError::Unknown`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// No space.
    #[error("the disk of the journal is full ({0}); nothing was stored. Make space; the next append tries again")]
    Full(String),
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

/// Upper bounds of [`JournalStats::sync_times`] in microseconds; one more place counts what was slower.
pub const SYNC_BOUNDS: [u64; 9] = [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000];

/// What a journal has done since it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalStats {
    /// Facts that were made durable.
    pub facts: u64,
    /// Groups that shared a sync.
    pub batches: u64,
    /// How many facts the last batch had.
    pub last_batch: usize,
    /// How many batches took how long to write and sync, see [`SYNC_BOUNDS`].
    pub sync_times: [u64; SYNC_BOUNDS.len() + 1],
    /// How long all syncs took together, in microseconds.
    pub sync_micros: u64,
    /// Batches that failed.
    pub failures: u64,
    /// Why nothing can be appended any more.
    pub broken: Option<String>,
    /// The size on disk in bytes.
    pub bytes: u64,
}

impl JournalStats {
    fn count_sync(&mut self, micros: u64) {
        let slot = SYNC_BOUNDS.iter().position(|bound| micros <= *bound).unwrap_or(SYNC_BOUNDS.len());
        self.sync_times[slot] += 1;
        self.sync_micros += micros;
    }
}
