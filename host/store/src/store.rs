//! The handle on one data folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use jackfield_core::fact::{Actor, Fact, Outcome};
use jackfield_core::ids::{Millis, Seq};
use tokio::sync::watch;

use crate::applier;
use crate::blobs::Blobs;
use crate::desk::Desk;
use crate::effects::{Effects, EffectsHub};
use crate::journal::local::{LocalJournal, lock};
use crate::journal::{AppendError, Draft, Entries, Journal, JournalError, JournalStats, Journaled};
use crate::options::Options;
use crate::recovery::{
    Lock, OpenError, Progress, Recovered, State, boot_id, lock_folder, marks_of, recover, size_of, sync_all,
};
use crate::views::{View, released_within};

/// How long closing waits for readers to let go of sled.
const READERS: Duration = Duration::from_secs(2);

/// The handle on one data folder. Cheap to clone. When the last one is dropped without [`Store::close`], all that was handed in is
/// still done first; only the mark of a clean stop is missing.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    blobs: Blobs,
    journal: Arc<dyn Journal>,
    core: Arc<Core>,
    applier: Mutex<Option<JoinHandle<()>>>,
}

/// What the applier and the handle share.
pub(crate) struct Core {
    /// None once the store is closed.
    db: RwLock<Option<sled::Db>>,
    sled: PathBuf,
    lock: Arc<Lock>,
    pub(crate) desk: Desk,
    pub(crate) effects: EffectsHub,
    watch: watch::Sender<Seq>,
    apply_micros: AtomicU64,
    rebuilt: Option<String>,
}

/// A fact that is on stable storage, applied, and visible to every [`View`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its number.
    pub seq: Seq,
    /// When it was appended.
    pub at: Millis,
    /// What it came to.
    pub outcome: Outcome,
}

/// What a store has done since it was opened.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// The journal.
    pub journal: JournalStats,
    /// The number of the last applied fact.
    pub applied: Seq,
    /// How long applying and committing to sled took altogether, in microseconds.
    pub apply_micros: u64,
    /// The size of sled's folder in bytes.
    pub views_bytes: u64,
    /// Why no fact is taken any more, if so.
    pub stopped: Option<String>,
    /// Why the views were built again at open, if so.
    pub rebuilt: Option<String>,
}

/// The store is closed and nothing is lost, but the stop does not count as a clean one. The next start looks closer, and after a restart
/// of the machine it builds the views again.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// Somebody still reads.
    #[error("the views are still being read; the stop does not count as clean")]
    Readers,
    /// The views had stopped.
    #[error("the views had stopped: {0}")]
    Stopped(String),
    /// The disk fails.
    #[error("the views cannot be put on stable storage: {0}")]
    Io(#[from] std::io::Error),
}

/// Opens a data folder, or makes one; see [`recovery`](crate::recovery). Blocks, for long if the views have to be built again.
///
/// # Errors
/// When the folder is in use or unusable, when the journal is damaged or has lost facts, or when a fact cannot be applied.
pub fn open(dir: &Path, options: &Options, progress: &mut dyn FnMut(Progress)) -> Result<Store, OpenError> {
    start(recover(lock_folder(dir)?, options, progress)?)
}

/// Removes the views and builds them again from the journal; the number of the last fact. Blocks.
///
/// # Errors
/// Those of [`open`].
pub fn rebuild(dir: &Path, options: &Options, progress: &mut dyn FnMut(Progress)) -> Result<Seq, OpenError> {
    let lock = lock_folder(dir)?;
    lock.remove_views().map_err(|source| OpenError::Io { path: dir.to_owned(), source })?;
    let store = start(recover(lock, options, progress)?)?;
    let applied = store.applied();
    store.finish();
    Ok(applied)
}

/// The entries of a data folder's journal, all checksums compared. The host may be running.
///
/// # Errors
/// When the journal is damaged.
pub fn export(dir: &Path) -> Result<Entries, JournalError> {
    let journal = dir.join("journal");
    let found = Journaled::survey(&journal, 0, &mut |_, _| {})?;
    crate::journal::read_folder(&journal, Seq(1), found.last)
}

/// Takes the content of facts out of the journal, whose places remain, and says how many were there. The views, and what was set aside
/// of them, hold that content too, so they are removed, and the next start builds them again. Blocks; the host must not be running.
///
/// # Errors
/// When the folder is in use or unusable, or the journal is damaged.
pub fn redact(dir: &Path, options: &Options, seqs: &BTreeSet<Seq>) -> Result<usize, OpenError> {
    let lock = lock_folder(dir)?;
    let journal = lock.journal();
    let found = Journaled::survey(&journal, options.check_bytes, &mut |_, _| {})?;
    LocalJournal::open_surveyed(&journal, &found, options)?.close();
    lock.remove_views().map_err(|source| OpenError::Io { path: dir.to_owned(), source })?;
    Ok(crate::journal::redact(&journal, &*options.disk, seqs)?)
}

pub(crate) fn start(recovered: Recovered) -> Result<Store, OpenError> {
    let Recovered { lock, journal, db, sled, applied, rebuilt } = recovered;
    let entries = journal.follow(applied.next())?;
    let dir = lock.dir.clone();
    // Under the lock, so that nobody's drafts but those of a crash are removed.
    let files = dir.join("files");
    let blobs = Blobs::local(&files).map_err(|source| OpenError::Io { path: files, source })?;
    let core = Arc::new(Core {
        db: RwLock::new(Some(db.clone())),
        sled,
        lock: Arc::new(lock),
        desk: Desk::new(applied),
        effects: EffectsHub::default(),
        watch: watch::Sender::new(applied),
        apply_micros: AtomicU64::new(0),
        rebuilt,
    });
    let applier = applier::spawn(Arc::clone(&core), db, entries);
    let applier = applier.map_err(|source| OpenError::Io { path: dir, source })?;
    let (journal, applier) = (Arc::new(journal), Mutex::new(Some(applier)));
    Ok(Store { inner: Arc::new(Inner { blobs, journal, core, applier }) })
}

impl Store {
    /// Appends a fact; returns when it is on stable storage, applied, and visible. The fact is handed in when this is first polled; a
    /// caller that goes away after that takes nothing back.
    ///
    /// # Errors
    /// See [`AppendError`]. After [`AppendError::Poisoned`] the fact may be stored all the same, and counts after a restart.
    pub async fn append(&self, actor: Actor, fact: Fact) -> Result<Committed, AppendError> {
        let mut all = self.append_all(vec![(actor, fact)]).await?;
        all.pop().ok_or(AppendError::Closed)
    }

    /// Appends facts together: they get consecutive numbers and are stored all or none.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub async fn append_all(&self, facts: Vec<(Actor, Fact)>) -> Result<Vec<Committed>, AppendError> {
        if facts.is_empty() {
            return Ok(Vec::new());
        }
        let draft = |(actor, fact)| Draft::new(actor, &fact);
        let drafts = facts.into_iter().map(draft).collect::<Result<Vec<_>, _>>()?;
        let ticket = self.inner.core.desk.ticket()?;
        let receipt = self.inner.journal.append(drafts).await?;
        let outcomes = ticket.outcomes(receipt).await?;
        let numbers = (receipt.first.0..).map(Seq);
        Ok(numbers.zip(outcomes).map(|(seq, outcome)| Committed { seq, at: receipt.at, outcome }).collect())
    }

    /// A reader of the views as they are, and as they become.
    #[must_use]
    pub fn read(&self) -> View {
        let core = &self.inner.core;
        let db = core.db.read().unwrap_or_else(PoisonError::into_inner);
        View { tree: db.as_deref().cloned(), _lock: Arc::clone(&core.lock) }
    }

    /// The files of messages.
    #[must_use]
    pub fn blobs(&self) -> &Blobs {
        &self.inner.blobs
    }

    /// The number of the last fact that every reader sees.
    #[must_use]
    pub fn applied(&self) -> Seq {
        *self.inner.core.watch.borrow()
    }

    /// Tells the number of the last fact that every reader sees, each time it changes.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Seq> {
        self.inner.core.watch.subscribe()
    }

    /// The effects of the facts that are applied from now on, for one consumer, who first acts as if everything had changed. Further
    /// consumers get the same effects again.
    #[must_use]
    pub fn effects(&self) -> Effects {
        self.inner.core.effects.subscribe()
    }

    /// The entries of the journal from a number on, as far as it goes now. The iterator blocks on the disk.
    ///
    /// # Errors
    /// When the journal cannot be read at that place.
    pub fn journal_entries(&self, from: Seq) -> Result<Entries, JournalError> {
        self.inner.journal.read(from)
    }

    /// What was done since the store was opened. Looks at the files of sled.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let core = &self.inner.core;
        Stats {
            journal: self.inner.journal.stats(),
            applied: self.applied(),
            apply_micros: core.apply_micros.load(Ordering::Relaxed),
            views_bytes: size_of(&core.sled),
            stopped: self.stopped(),
            rebuilt: core.rebuilt.clone(),
        }
    }

    /// Why no fact is taken any more; none while all is well.
    #[must_use]
    pub fn stopped(&self) -> Option<String> {
        self.inner.core.desk.stopped().map(|why| why.to_string())
    }

    /// Takes nothing more, finishes what was handed in, puts sled on stable storage and marks the stop as clean. Readers are given two
    /// seconds to let go.
    ///
    /// # Errors
    /// When the stop does not count as clean. Nothing is lost then.
    pub async fn close(self) -> Result<(), CloseError> {
        let inner = Arc::clone(&self.inner);
        drop(self);
        let closed = tokio::task::spawn_blocking(move || inner.close()).await;
        closed.map_err(|e| CloseError::Io(std::io::Error::other(e)))?
    }

    /// [`Store::close`] for tools, which can only say that it did not work.
    pub(crate) fn finish(self) {
        if let Err(e) = self.inner.close() {
            tracing::warn!(error = %e, "the stop does not count as clean");
        }
    }
}

impl Inner {
    fn stop(&self) {
        self.journal.close();
        let applier = lock(&self.applier).take();
        if applier.is_some_and(|applier| applier.join().is_err()) {
            tracing::error!("the thread of the views has panicked");
        }
    }

    fn close(&self) -> Result<(), CloseError> {
        self.stop();
        let core = &self.core;
        let Some(db) = core.db.write().unwrap_or_else(PoisonError::into_inner).take() else {
            return Ok(());
        };
        drop(db);
        if let Some(AppendError::Poisoned(why)) = core.desk.stopped() {
            return Err(CloseError::Stopped(why));
        }
        // As long as a thread of sled lives it may rewrite its file, and the mark would stand for files that are no longer those.
        if !released_within(&core.sled, READERS) {
            return Err(CloseError::Readers);
        }
        sync_all(&core.sled)?;
        let (clean, last) = (Some(marks_of(&core.sled)?), self.journal.last());
        State { clean, floor: last, ..State::open(&boot_id(), last) }.write(&core.lock.dir)?;
        Ok(())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Core {
    /// Everybody sees the facts up to `last`.
    pub(crate) fn applied(&self, last: Seq, micros: u64) {
        self.apply_micros.fetch_add(micros, Ordering::Relaxed);
        self.watch.send_replace(last);
    }

    /// The next start builds the views again.
    pub(crate) fn distrust(&self, why: &str) {
        let state = State { distrust: Some(why.to_owned()), ..State::open(&boot_id(), *self.watch.borrow()) };
        if let Err(e) = state.write(&self.lock.dir) {
            tracing::error!(error = %e, "cannot note that the views are damaged; delete views/ before the next start");
        }
    }
}
