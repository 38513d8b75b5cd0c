//! What happens at open: the journal is looked through, and sled is trusted, or built again.
//!
//! sled is not durable against power loss and may open silently empty or with gaps after one; the death of the process does not harm
//! it. So sled is trusted only
//!
//! * after a clean stop, which puts its files on stable storage and notes their sizes and times, if they are the same now, or
//! * under the same boot of the machine, since the page cache has all that it wrote, if its file is the one that was open: a copy that
//!   was taken of a running host is not whole.
//!
//! It then catches up from the number that it has applied. In every other case, and when it does not open, panics, hangs or cannot be
//! read, its folder is set aside as `views.damaged-N` and the views are built from the journal. The one thing that is refused is a
//! journal that ends before a fact that is known to have been durable: then acknowledged facts are lost, and only a person can say
//! what to do.
//!
//! Tables that another edition made serve while those of this edition are built beside them (`beside`). Rows of the previous
//! edition stay readable for that; where one is not, the views are built first.
//!
//! # Layout
//!
//! * `guard`: which folder is trusted. `state`: what `state.json` says about each.
//! * `build`: from the journal to tables. `progress` and `error`: what is told meanwhile.

mod build;
mod error;
mod guard;
mod progress;
mod state;

use std::path::Path;
use std::sync::Arc;

pub(crate) use build::{build, catch_up, sled_options};
pub use error::OpenError;
pub(crate) use guard::Outdated;
pub use progress::{Phase, Progress};
pub(crate) use state::{FileId, State, StateFile, TablesState, boot_id, marks_of, size_of, sync_all};

use build::CatchUpError;
use error::io_error;
use guard::{Guard, Usable};
use progress::Reporter;

use crate::folder::Lock;
use crate::journal::Journaled;
use crate::journal::local::LocalJournal;
use crate::options::Options;
use crate::projection::Projection;
use crate::views::{OnDefect, Tables};

/// A data folder that is open, with the tables as far as the journal.
pub(crate) struct Recovered {
    pub(crate) lock: Arc<Lock>,
    pub(crate) journal: LocalJournal,
    pub(crate) state: StateFile,
    pub(crate) tables: Tables,
    /// Why tables were built before this returned, if so.
    pub(crate) rebuilt: Option<String>,
    /// Why others are to be built beside these, if so.
    pub(crate) outdated: Option<String>,
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
    outdated: Outdated,
    progress: &mut dyn FnMut(Progress),
) -> Result<Recovered, OpenError> {
    let lock = Arc::new(lock);
    let mut report = Reporter::new(progress);
    let journal_dir = lock.journal();
    let found = Journaled::scan(&journal_dir, options.check_bytes, &mut |done, total| {
        report.tell(&Phase::Checking, done, total);
    })?;
    let before = State::read(&lock.dir);
    let behind = |durable| OpenError::JournalBehind { last: found.last, durable, dir: lock.dir.clone() };
    if let Some(before) = before.as_ref().filter(|before| before.durable > found.last) {
        return Err(behind(before.durable));
    }
    let folder_error = |e| io_error(&lock.dir, e);

    let boot_id = boot_id();
    let state = StateFile::new(&lock.dir, &boot_id, found.last);
    let guard = Guard { lock: &lock, options, state: &state, boot_id: &boot_id };
    let usable = guard.usable(before, outdated).map_err(folder_error)?;
    if let Usable::Open { tables, .. } = &usable
        && tables.applied() > found.last
    {
        // So that the refusal lasts beyond this boot, after which sled would not be asked.
        let applied = tables.applied();
        let note = |state: &mut State| (state.durable, state.serving.floor) = (applied, applied);
        state.update(note).map_err(folder_error)?;
        return Err(behind(applied));
    }
    // Only now is anything of the journal changed: what is torn is evidence as long as facts may be missing.
    let journal = LocalJournal::open_scanned(&journal_dir, &found, options)?;
    let (tables, rebuilt, outdated) = match usable {
        Usable::Open { tables, outdated } => {
            if !tables.is_current() && tables.applied() < found.last {
                state.update(|state| state.serving.mixed = true).map_err(folder_error)?;
            }
            let (first, last) = (tables.applied(), found.last);
            let tell = |done| report.tell(&Phase::CatchingUp, done, last.0 - first.0);
            // Damaged tables, or rows of another edition, bring the rules to a defect as well as a fact does; new tables tell them apart.
            match catch_up(&journal, &tables, last, options.rebuild_batch, OnDefect::Tell, tell) {
                Ok(()) => (tables, None, outdated),
                Err(CatchUpError::Journal(e)) => return Err(e.into()),
                Err(CatchUpError::Stopped(stopped)) => {
                    let why = stopped.to_string();
                    drop(tables);
                    if let Some(folder) = state.get().serving.folder {
                        guard.give_up(folder, &why).map_err(folder_error)?;
                    }
                    (guard.rebuild(&journal, &why, &mut report)?, Some(why), None)
                }
            }
        }
        Usable::Untrusted(why) => (guard.rebuild(&journal, &why, &mut report)?, Some(why), None),
        Usable::None => {
            if found.last > jackfield_core::ids::Seq(0) {
                tracing::warn!(facts = found.last.0, "there are no views; they are built again from the journal");
            }
            (guard.rebuild(&journal, "there are no views yet", &mut report)?, None, None)
        }
    };
    guard.note_finished(&tables)?;
    Ok(Recovered { lock, journal, state, tables, rebuilt, outdated })
}
