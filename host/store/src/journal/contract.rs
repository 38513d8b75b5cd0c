//! What every journal fulfils, and what goes in and out.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use jackfield_core::fact::{Actor, Entry, Fact};
use jackfield_core::ids::{Millis, Seq};

use super::error::{AppendError, JournalError};
use super::stats::JournalStats;

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

    /// Puts other facts in the places of these, the newest first, and says how many were there. Number, time and actor stay. What is stored
    /// under other numbers, before and meanwhile, stays as it is. Blocks; one caller at a time.
    ///
    /// # Errors
    /// When the journal cannot be rewritten. Some of the facts may be replaced then, beginning with the newest.
    fn replace(&self, facts: &BTreeMap<Seq, Fact>) -> Result<usize, JournalError>;

    /// Tells what applying facts cost, and who appended them. A journal that takes facts from several in turn lets those wait longer
    /// whose facts cost much.
    fn charge(&self, costs: &[(&Actor, u64)]) {
        let _ = costs;
    }

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

    /// What it says.
    pub(super) fn fact(&self) -> &Fact {
        &self.fact
    }

    /// How many bytes it takes up, about.
    #[must_use]
    pub fn size(&self) -> usize {
        self.text.len() + 48
    }

    /// Appends the entry's line to `out` and returns the entry.
    pub(super) fn number(self, seq: Seq, at: Millis, out: &mut Vec<u8>) -> Entry {
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
