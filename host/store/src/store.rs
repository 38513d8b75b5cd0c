//! The handle on one data folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use jackfield_core::fact::{Actor, Fact, Outcome};
use jackfield_core::ids::{Millis, Seq};
use tokio::sync::watch;

use crate::blobs::Blobs;
use crate::compared::Compared;
use crate::core::Core;
use crate::effects::Effects;
use crate::journal::local::LocalJournal;
use crate::journal::{AppendError, AppendId, Draft, Entries, Journal, JournalError, JournalStats, Journaled};
use crate::options::Options;
use crate::progress::Rebuilding;
use crate::recovery::{
    FileId, OpenError, Outdated, Progress, Recovered, State, lock_folder, marks_of, recover, size_of, sync_all,
};
use crate::sync::lock;
use crate::views::{View, released_within};
use crate::{applier, beside, compare};

/// How long closing waits for readers to let go of sled.
const READERS: Duration = Duration::from_secs(2);

/// The handle on one data folder. Cheap to clone. When the last one is dropped without [`Store::close`], all that was handed in is
/// still done first; only the mark of a clean stop is missing.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    options: Options,
    blobs: Blobs,
    journal: Arc<dyn Journal>,
    core: Arc<Core>,
    /// The applier, and what builds tables beside those that serve.
    threads: Mutex<Vec<JoinHandle<()>>>,
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
    /// How many facts were skipped because they met a defect; see `jackfield_core::views::operations::skipped`.
    pub skipped: u64,
    /// The size of sled's folder in bytes.
    pub views_bytes: u64,
    /// What the last comparison of the views with the journal came to, if there was one.
    pub compared: Option<Compared>,
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

/// Facts were not erased.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The store is closed.
    #[error("the store is closed; the host is stopping")]
    Closed,
    /// The folder cannot be written.
    #[error("the data folder cannot be written: {0}")]
    Io(#[from] std::io::Error),
    /// The journal cannot be rewritten.
    #[error(transparent)]
    Journal(JournalError),
}

/// Opens a data folder, or makes one; see [`recovery`](crate::recovery). Blocks, for long if the views have to be built again.
///
/// # Errors
/// When the folder is in use or unusable, or when the journal is damaged or has lost facts. No fact keeps a store from opening.
pub fn open(dir: &Path, options: &Options, progress: &mut dyn FnMut(Progress)) -> Result<Store, OpenError> {
    start(recover(lock_folder(dir)?, options, Outdated::Serve, progress)?, options)
}

/// Removes the views and builds them again from the journal; the number of the last fact. Blocks.
///
/// # Errors
/// Those of [`open`].
pub fn rebuild(dir: &Path, options: &Options, progress: &mut dyn FnMut(Progress)) -> Result<Seq, OpenError> {
    let lock = lock_folder(dir)?;
    lock.remove_views().map_err(|source| OpenError::Io { path: dir.to_owned(), source })?;
    let store = start(recover(lock, options, Outdated::Replace, progress)?, options)?;
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
    let found = Journaled::scan(&journal, 0, &mut |_, _| {})?;
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
    let found = Journaled::scan(&journal, options.check_bytes, &mut |_, _| {})?;
    LocalJournal::open_scanned(&journal, &found, options)?.close();
    lock.remove_views().map_err(|source| OpenError::Io { path: dir.to_owned(), source })?;
    Ok(crate::journal::replace(&journal, &*options.disk, &redacted(seqs), Seq(u64::MAX))?)
}

fn redacted(seqs: &BTreeSet<Seq>) -> BTreeMap<Seq, Fact> {
    seqs.iter().map(|seq| (*seq, Fact::Redacted { idempotency: None })).collect()
}

pub(crate) fn start(recovered: Recovered, options: &Options) -> Result<Store, OpenError> {
    let Recovered { lock, journal, state, tables, rebuilt, outdated } = recovered;
    let core = Arc::new(Core::new(tables, lock, state, rebuilt));
    start_on(core, Arc::new(journal), outdated, options)
}

/// Starts the threads on whichever journal.
pub(crate) fn start_on(
    core: Arc<Core>,
    journal: Arc<dyn Journal>,
    outdated: Option<String>,
    options: &Options,
) -> Result<Store, OpenError> {
    let dir = core.lock.dir.clone();
    let failed = |source| OpenError::Io { path: dir.clone(), source };
    let entries = journal.follow(core.watch.borrow().next())?;
    // Under the lock, so that nobody's drafts but those of a crash are removed.
    let files = dir.join("files");
    let blobs = Blobs::local(&files, Arc::clone(&options.disk), options.reserve_bytes)
        .map_err(|source| OpenError::Io { path: files, source })?;
    let mut threads = vec![applier::spawn(Arc::clone(&core), Arc::clone(&journal), entries).map_err(failed)?];
    threads.push(compare::spawn(Arc::clone(&core), Arc::clone(&journal), options).map_err(failed)?);
    if let Some(why) = outdated {
        threads.extend(beside::spawn(&core, Arc::clone(&journal), options, &why).map_err(failed)?);
    }
    Ok(Store {
        inner: Arc::new(Inner { options: options.clone(), blobs, journal, core, threads: Mutex::new(threads) }),
    })
}

impl Store {
    /// Appends a fact; returns when it is on stable storage, applied, and visible. The fact is handed in when this is first polled; a
    /// caller that goes away after that takes nothing back.
    ///
    /// # Errors
    /// See [`AppendError`]. After [`AppendError::Unknown`] the fact may be stored all the same, and counts then.
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
        let id = AppendId::new();
        let waiter = self.inner.core.waiters.register(id)?;
        let receipt = self.inner.journal.append_as(id, drafts).await?;
        let outcomes = waiter.outcomes(receipt.last).await?;
        let numbers = (receipt.first.0..).map(Seq);
        Ok(numbers.zip(outcomes).map(|(seq, outcome)| Committed { seq, at: receipt.at, outcome }).collect())
    }

    /// A reader of the views as they are now.
    #[must_use]
    pub fn read(&self) -> View {
        self.inner.core.view()
    }

    /// Tells whether views are being built beside those that serve, and how far that is. Reads and facts do not wait for it.
    #[must_use]
    pub fn rebuilding(&self) -> watch::Receiver<Option<Rebuilding>> {
        self.inner.core.rebuild.subscribe()
    }

    /// Whether so little of the disk is free that files are refused, and channels have a small part of what is left.
    ///
    /// # Errors
    /// The system's.
    pub fn is_disk_low(&self) -> std::io::Result<bool> {
        let options = &self.inner.options;
        let space = options.disk.space(&self.inner.core.lock.dir)?;
        Ok(space.free < space.reserve(options.reserve_bytes))
    }

    /// Whether the tables that serve were made by the rules of this version, not by those before, so that what a fact comes to holds.
    #[must_use]
    pub fn is_of_this_edition(&self) -> bool {
        self.inner.core.tables().is_none_or(|tables| tables.is_current())
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
        let tables = core.tables();
        Stats {
            journal: self.inner.journal.stats(),
            applied: self.applied(),
            apply_micros: core.apply_micros.load(Ordering::Relaxed),
            skipped: tables.as_ref().map_or(0, |tables| tables.skipped()),
            views_bytes: tables.as_ref().map_or(0, |tables| size_of(tables.folder())),
            compared: lock(&core.compared).clone(),
            stopped: self.stopped(),
            rebuilt: core.rebuilt.clone(),
        }
    }

    /// Why no fact is taken any more; none while all is well.
    #[must_use]
    pub fn stopped(&self) -> Option<String> {
        self.inner.core.waiters.stopped().map(|why| why.to_string())
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

    /// Compares the views with a re-application of the journal now, as fast as it goes; none when the store is being closed or other views
    /// are being built. The store does the same by itself, slowly, see [`Options::compare_after`].
    ///
    /// # Errors
    /// In words, why they could not be compared.
    pub async fn compare(&self) -> Result<Option<Compared>, String> {
        let inner = Arc::clone(&self.inner);
        let compare = move || compare::compare(&inner.core, &*inner.journal, &inner.options, 1.0);
        tokio::task::spawn_blocking(compare).await.map_err(|e| e.to_string())?
    }

    /// Takes the content of facts out of the journal, whose places remain, and says how many were there. As [`Store::replace`].
    ///
    /// # Errors
    /// Those of [`Store::replace`].
    pub async fn erase(&self, seqs: BTreeSet<Seq>) -> Result<usize, EraseError> {
        self.replace(redacted(&seqs)).await
    }

    /// Puts what is left of facts in their places in the journal, and says how many were replaced. Then views of what is left are built
    /// beside those that serve; [`Store::rebuilding`] tells when they have taken their place. Until then the old ones serve, also
    /// after a crash. What was set aside of views is removed.
    ///
    /// # Errors
    /// When the journal cannot be rewritten, in part perhaps, beginning with the newest facts; replacing the same again goes on with the
    /// rest.
    pub async fn replace(&self, facts: BTreeMap<Seq, Fact>) -> Result<usize, EraseError> {
        let inner = Arc::clone(&self.inner);
        let replaced = tokio::task::spawn_blocking(move || inner.replace(&facts)).await;
        replaced.map_err(|e| EraseError::Io(std::io::Error::other(e)))?
    }

    /// Whether the views that serve were built before facts were replaced in the journal.
    #[must_use]
    pub fn holds_erased(&self) -> bool {
        self.inner.core.state.get().serving.erase
    }

    /// [`Store::close`] for tools, which can only say that it did not work.
    pub(crate) fn finish(self) {
        if let Err(e) = self.inner.close() {
            tracing::warn!(error = %e, "the stop does not count as clean");
        }
    }
}

impl Inner {
    fn replace(&self, facts: &BTreeMap<Seq, Fact>) -> Result<usize, EraseError> {
        let core = &self.core;
        // What is being built may have read the facts already.
        while !core.rebuild.begin("facts were erased", core.watch.borrow().0) {
            if core.rebuild.is_stopping() {
                return Err(EraseError::Closed);
            }
            core.rebuild.wait();
        }
        let replace = || {
            // First, so that a crash from here on cannot leave views with what the journal no longer has.
            core.state.update(|state| state.serving.erase = true)?;
            core.lock.remove_set_aside()?;
            self.journal.replace(facts).map_err(EraseError::Journal)
        };
        let replaced = replace();
        let thread = beside::run_begun(core, Arc::clone(&self.journal), &self.options)?;
        lock(&self.threads).push(thread);
        replaced
    }

    fn stop(&self) {
        // First, since the applier may be waiting for it, and the journal for the applier.
        self.core.rebuild.stop();
        self.core.stop.tell();
        self.journal.close();
        for thread in std::mem::take(&mut *lock(&self.threads)) {
            if thread.join().is_err() {
                tracing::error!("a thread of the views has panicked");
            }
        }
        // An erasure may have begun one that is not in the list yet.
        self.core.rebuild.wait();
    }

    fn close(&self) -> Result<(), CloseError> {
        self.stop();
        let core = &self.core;
        let Some(tables) = core.take_tables() else { return Ok(()) };
        let sled = tables.folder().to_owned();
        drop(tables);
        if let Some(AppendError::Poisoned(why)) = core.waiters.stopped() {
            return Err(CloseError::Stopped(why));
        }
        // As long as a thread of sled lives it may rewrite its file, and the mark would stand for files that are no longer those.
        let kept = lock(&core.kept).take();
        if ![Some(&sled), kept.as_ref()].into_iter().flatten().all(|sled| released_within(sled, READERS)) {
            return Err(CloseError::Readers);
        }
        let marks = |sled: &Path| sync_all(sled).and_then(|()| marks_of(sled));
        let (clean, file, last) = (marks(&sled)?, FileId::of(&sled), self.journal.last());
        let kept = kept.as_deref().map(marks).transpose()?;
        core.state.update(|state: &mut State| {
            state.durable = last;
            (state.serving.floor, state.serving.file, state.serving.clean) = (last, file, Some(clean));
            if let Some(beside) = &mut state.beside {
                beside.clean = kept;
            }
        })?;
        Ok(())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}
