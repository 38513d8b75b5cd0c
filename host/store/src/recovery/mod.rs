//! What happens at open: the journal is looked through, and sled is trusted, or built again.
//!
//! sled is not durable against power loss and may open silently empty or with gaps after one; the death of the process does not harm
//! it. So sled is trusted only
//!
//! * after a clean stop, which puts its files on stable storage and notes their sizes and times, if they are the same now, or
//! * under the same boot of the machine, since the page cache has all that it wrote.
//!
//! It then catches up from the number that it has applied. In every other case, and when it does not open, panics, hangs or cannot be
//! read, its folder is set aside as `views.damaged-N` and the views are built from the journal. The one thing that is refused is a
//! journal that ends before a fact that is known to have been durable: then acknowledged facts are lost, and only a person can say
//! what to do.

mod folder;
mod state;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jackfield_core::fact::Entry;
use jackfield_core::ids::Seq;
use jackfield_core::tables;

pub(crate) use folder::Lock;
pub(crate) use state::{State, boot_id, marks_of, size_of, sync_all};

use crate::journal::local::LocalJournal;
use crate::journal::{Entries, Journal, JournalError, Journaled};
use crate::options::Options;
use crate::views::{SledOptions, Stopped, TreeRead, apply_group, load, open_sled};

/// What takes time at open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The journal is looked through. Counts bytes.
    Checking,
    /// The views catch up with the journal. Counts facts.
    CatchingUp,
    /// The views are built again, for this reason. Counts facts.
    Rebuilding(String),
    /// The journal is applied to an empty map, to compare with. Counts facts.
    Reapplying,
    /// The two maps are compared. Counts rows; the total is not known and stays 0.
    Comparing,
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// With what.
    pub phase: Phase,
    /// How much is done.
    pub done: u64,
    /// Of how much.
    pub total: u64,
}

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
    /// A fact cannot be applied.
    #[error(
        "fact {seq} cannot be applied: {why}. The journal is whole; this is a defect of this version. Run the version before"
    )]
    Apply {
        /// Which.
        seq: Seq,
        /// Why.
        why: String,
    },
    /// Not even new views can be opened.
    #[error("new views cannot be opened: {0}")]
    Views(String),
}

/// A data folder that is open, with the views as far as the journal.
pub(crate) struct Recovered {
    pub(crate) lock: Lock,
    pub(crate) journal: LocalJournal,
    pub(crate) db: sled::Db,
    pub(crate) sled: PathBuf,
    pub(crate) applied: Seq,
    /// Why the views were built again, if so.
    pub(crate) rebuilt: Option<String>,
}

/// Locks the folder.
pub(crate) fn lock_folder(dir: &Path) -> Result<Lock, OpenError> {
    let lock = Lock::take(dir).map_err(|e| io_error(dir, e))?;
    lock.ok_or_else(|| OpenError::Locked(dir.to_owned()))
}

/// Opens everything in a locked folder.
pub(crate) fn recover(
    lock: Lock,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<Recovered, OpenError> {
    let mut report = Reporter::new(progress);
    let journal_dir = lock.journal();
    let found = Journaled::survey(&journal_dir, options.check_bytes, &mut |done, total| {
        report.tell(&Phase::Checking, done, total);
    })?;
    let state = State::read(&lock.dir);
    let behind = |durable| OpenError::JournalBehind { last: found.last, durable, dir: lock.dir.clone() };
    if let Some(state) = state.as_ref().filter(|state| state.durable > found.last) {
        return Err(behind(state.durable));
    }
    let folder_error = |e| io_error(&lock.dir, e);

    let mut guard = Guard { lock: &lock, options, boot_id: boot_id(), durable: found.last };
    let trusted = match guard.trusted(state.as_ref()).map_err(folder_error)? {
        Views::Open(opened) if opened.applied > found.last => {
            // So that the refusal lasts beyond this boot, after which sled would not be asked.
            guard.durable = opened.applied;
            guard.write_state(opened.applied).map_err(folder_error)?;
            return Err(behind(opened.applied));
        }
        other => other,
    };
    // Only now is anything of the journal changed: what is torn is evidence as long as facts may be missing.
    let journal = LocalJournal::open_surveyed(&journal_dir, &found, options)?;
    let (opened, rebuilt) = match trusted {
        Views::Open(opened) => match catch_up(&journal, &opened, options, &mut report) {
            Ok(()) => (opened, None),
            Err(OpenError::Apply { why, .. }) => {
                // Damaged views make `apply` fail or panic as well as a defect of it does; new views tell the two apart.
                let sled = opened.sled.clone();
                drop(opened);
                guard.give_up(&sled, &why).map_err(folder_error)?;
                (guard.rebuild(&journal, &why, &mut report)?, Some(why))
            }
            Err(e) => return Err(e),
        },
        Views::Doubted(why) => (guard.rebuild(&journal, &why, &mut report)?, Some(why)),
        Views::None => {
            if found.last > Seq(0) {
                tracing::warn!(facts = found.last.0, "there are no views; they are built again from the journal");
            }
            (guard.rebuild(&journal, "there are no views yet", &mut report)?, None)
        }
    };
    // Into the page cache, so that it is there as long as this boot lasts; power loss is not what the floor is for.
    let Opened { db, sled, .. } = opened;
    db.flush().map_err(|e| OpenError::Views(e.to_string()))?;
    guard.write_state(found.last).map_err(folder_error)?;
    Ok(Recovered { lock, journal, db, sled, applied: found.last, rebuilt })
}

/// sled, open.
struct Opened {
    db: sled::Db,
    sled: PathBuf,
    applied: Seq,
}

impl Opened {
    /// sled may open with less than it had, without a word.
    fn not_below(self, floor: Seq) -> Result<Self, String> {
        if self.applied >= floor {
            return Ok(self);
        }
        Err(format!("they end with fact {}, but had fact {floor} once", self.applied))
    }
}

/// What came of the views that were there.
enum Views {
    Open(Opened),
    /// They are set aside, for this reason.
    Doubted(String),
    None,
}

struct Guard<'a> {
    lock: &'a Lock,
    options: &'a Options,
    boot_id: String,
    durable: Seq,
}

impl Guard<'_> {
    fn trusted(&self, state: Option<&State>) -> io::Result<Views> {
        let sled = match self.lock.sled() {
            Ok(Some(sled)) => sled,
            Ok(None) => return Ok(Views::None),
            Err(e) => {
                self.lock.remove_views()?;
                return Ok(Views::Doubted(e.to_string()));
            }
        };
        let doubt = match state {
            Some(state) => state.doubt(&self.boot_id, &sled),
            None => Some(String::from("state.json is missing or cannot be read")),
        };
        let opened = match doubt {
            Some(why) => Err(why),
            None => {
                // Opening writes to sled's files. From here on they are only good under this boot.
                let floor = state.map_or(Seq(0), |state| state.floor);
                self.write_state(floor)?;
                self.open(&sled).and_then(|opened| opened.not_below(floor))
            }
        };
        match opened {
            Ok(opened) => Ok(Views::Open(opened)),
            Err(why) => {
                self.give_up(&sled, &why)?;
                Ok(Views::Doubted(why))
            }
        }
    }

    fn write_state(&self, floor: Seq) -> io::Result<()> {
        State { floor, ..State::open(&self.boot_id, self.durable) }.write(&self.lock.dir)
    }

    fn open(&self, sled: &Path) -> Result<Opened, String> {
        let db = open_sled(sled, sled_options(self.options)).map_err(|e| e.to_string())?;
        let applied = tables::applied(&TreeRead(&db)).map_err(|e| e.to_string())?;
        Ok(Opened { db, sled: sled.to_owned(), applied })
    }

    fn give_up(&self, sled: &Path, why: &str) -> io::Result<()> {
        let aside = self.lock.set_aside(sled)?;
        tracing::warn!(
            reason = why, set_aside = %aside.display(), facts = self.durable.0,
            "the views are not used and are built again from the journal; nothing is lost"
        );
        Ok(())
    }

    fn rebuild(&self, journal: &LocalJournal, why: &str, report: &mut Reporter<'_>) -> Result<Opened, OpenError> {
        let folder_error = |e| io_error(&self.lock.dir, e);
        let sled = self.lock.fresh_sled().map_err(folder_error)?;
        // What is half built is worthless: it is not written in batches that are there as a whole or not at all.
        let distrust = Some(String::from("building them was interrupted"));
        let unfinished = State { distrust, ..State::open(&self.boot_id, self.durable) };
        unfinished.write(&self.lock.dir).map_err(folder_error)?;
        let opened = self.open(&sled).map_err(OpenError::Views)?;
        let (phase, total) = (Phase::Rebuilding(why.to_owned()), journal.last().0);
        build(journal, &opened.db, self.options.rebuild_batch, |done| report.tell(&phase, done, total))?;
        Ok(opened)
    }
}

pub(crate) fn sled_options(options: &Options) -> SledOptions {
    SledOptions {
        cache_bytes: options.cache_bytes,
        flush_every_ms: options.flush_every_ms,
        timeout: options.open_timeout,
    }
}

/// Applies what sled lacks, in batches that are there as a whole or not at all.
fn catch_up(
    journal: &LocalJournal,
    opened: &Opened,
    options: &Options,
    report: &mut Reporter<'_>,
) -> Result<(), OpenError> {
    let total = journal.last().0 - opened.applied.0;
    let mut done = 0;
    for group in groups(journal.read(opened.applied.next())?, options.rebuild_batch) {
        let group = group?;
        apply_group(&opened.db, &group)?;
        done += group.len() as u64;
        report.tell(&Phase::CatchingUp, done, total);
    }
    Ok(())
}

impl From<Stopped> for OpenError {
    fn from(Stopped { seq, why, .. }: Stopped) -> Self {
        OpenError::Apply { seq, why }
    }
}

/// Applies the whole journal to an empty tree and tells how many facts are done. The tree is worthless before it is finished.
pub(crate) fn build(
    journal: &dyn Journal,
    tree: &sled::Tree,
    batch: usize,
    tell: impl FnMut(u64),
) -> Result<(), OpenError> {
    load(tree, groups(journal.read(Seq(1))?, batch), tell)
}

/// Entries in groups of `size`.
fn groups(mut entries: Entries, size: usize) -> impl Iterator<Item = Result<Vec<Entry>, JournalError>> {
    std::iter::from_fn(move || {
        let group: Result<Vec<_>, _> = entries.by_ref().take(size.max(1)).collect();
        group.map(|group| (!group.is_empty()).then_some(group)).transpose()
    })
}

fn io_error(path: &Path, source: io::Error) -> OpenError {
    OpenError::Io { path: path.to_owned(), source }
}

/// Passes progress on, and says it in the log each second.
struct Reporter<'a> {
    progress: &'a mut dyn FnMut(Progress),
    logged: Instant,
}

impl<'a> Reporter<'a> {
    fn new(progress: &'a mut dyn FnMut(Progress)) -> Self {
        Self { progress, logged: Instant::now() }
    }

    fn tell(&mut self, phase: &Phase, done: u64, total: u64) {
        (self.progress)(Progress { phase: phase.clone(), done, total });
        if self.logged.elapsed() >= Duration::from_secs(1) {
            self.logged = Instant::now();
            tracing::info!(?phase, done, total, "opening the store");
        }
    }
}
