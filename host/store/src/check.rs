//! Compares the views with a re-application of the journal, row by row and byte for byte.

use std::fs;
use std::io;
use std::path::Path;

use jackfield_core::ids::Seq;
use jackfield_core::rows::Skipped;
use jackfield_core::views::operations;

use crate::journal::Journal;
use crate::options::Options;
use crate::projection::Projection;
use crate::recovery::{OpenError, Outdated, Phase, Progress, Recovered, build, lock_folder, recover, sled_options};
use crate::store::start;
use crate::views::{Tables, TreeRead, open_sled};

/// How many differences are shown.
const SHOWN: usize = 20;

/// A row that is not the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its key.
    pub key: Vec<u8>,
    /// Its value in the views, if it is there.
    pub views: Option<Vec<u8>>,
    /// Its value after the journal is applied afresh, if it is there.
    pub journal: Option<Vec<u8>>,
}

/// What a comparison found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The number of the last fact.
    pub applied: Seq,
    /// How many rows were compared.
    pub rows: u64,
    /// How many of them differ.
    pub different: u64,
    /// The first of those.
    pub differences: Vec<Difference>,
    /// The first of the facts that were skipped because they met a defect.
    pub skipped: Vec<Skipped>,
    /// Why the views were built again before they were compared, if so.
    pub rebuilt: Option<String>,
}

/// Opens a data folder as [`open`](crate::open) does, applies the journal to an empty map in `views.check`, and compares. Blocks; the
/// host must not be running.
///
/// # Errors
/// Those of [`open`](crate::open), and when either map cannot be read.
pub fn verify(dir: &Path, options: &Options, progress: &mut dyn FnMut(Progress)) -> Result<Verification, OpenError> {
    let recovered = recover(lock_folder(dir)?, options, Outdated::Replace, progress)?;
    let scratch = dir.join("views.check");
    let folder_error = |source| OpenError::Io { path: scratch.clone(), source };
    remove(&scratch).map_err(folder_error)?;
    let compared = compare(&recovered, &scratch, options, progress);
    let removed = remove(&scratch);
    start(recovered, options)?.finish();
    removed.map_err(folder_error)?;
    compared
}

/// The first of the facts that were skipped because they met a defect; none where there are no views yet.
/// Blocks; the host must not be running.
///
/// # Errors
/// When the folder is in use, or the views cannot be read.
pub fn skipped(dir: &Path, options: &Options) -> Result<Vec<Skipped>, OpenError> {
    if !dir.join("views").exists() {
        return Ok(Vec::new());
    }
    let recovered = recover(lock_folder(dir)?, options, Outdated::Serve, &mut |_| {})?;
    let found = skipped_in(&recovered.tables);
    start(Recovered { outdated: None, ..recovered }, options)?.finish();
    found
}

fn compare(
    live: &Recovered,
    scratch: &Path,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<Verification, OpenError> {
    let views_error = |e: sled::Error| OpenError::Views(e.to_string());
    let fresh = open_sled(scratch, sled_options(options)).map_err(|e| OpenError::Views(e.to_string()))?;
    let fresh = Tables::new(fresh, scratch, options.rules.edition, options.rules, &live.lock);
    let mut fresh = fresh.map_err(|e| OpenError::Views(e.to_string()))?;
    let last = live.journal.last();
    let tell = |done| {
        progress(Progress { phase: Phase::Reapplying, done, total: last.0 });
        true
    };
    build(&live.journal, &mut fresh, last, options.rebuild_batch, tell)?;
    let mut result = Verification {
        applied: live.tables.applied(),
        rows: 0,
        different: 0,
        differences: Vec::new(),
        skipped: skipped_in(&live.tables)?,
        rebuilt: live.rebuilt.clone(),
    };
    let (mut ours, mut theirs) = (live.tables.tree().iter(), fresh.tree().iter());
    let (mut our, mut their) = (next(&mut ours).map_err(views_error)?, next(&mut theirs).map_err(views_error)?);
    loop {
        let key = match (&our, &their) {
            (None, None) => break,
            (Some((key, _)), None) | (None, Some((key, _))) => key.clone(),
            (Some((a, _)), Some((b, _))) => a.min(b).clone(),
        };
        let (views, journal) = (take(&mut our, &key), take(&mut their, &key));
        if views.is_some() {
            our = next(&mut ours).map_err(views_error)?;
        }
        if journal.is_some() {
            their = next(&mut theirs).map_err(views_error)?;
        }
        result.count(&key, views, journal);
        if result.rows.is_multiple_of(65_536) {
            progress(Progress { phase: Phase::Comparing, done: result.rows, total: 0 });
        }
    }
    Ok(result)
}

fn skipped_in(tables: &Tables) -> Result<Vec<Skipped>, OpenError> {
    operations::skipped(&TreeRead(tables.tree()), SHOWN).map_err(|e| OpenError::Views(e.to_string()))
}

type SledRow = (sled::IVec, sled::IVec);

fn next(rows: &mut sled::Iter) -> sled::Result<Option<SledRow>> {
    rows.next().transpose()
}

/// The value of the row in hand, if it has this key.
fn take(row: &mut Option<SledRow>, key: &sled::IVec) -> Option<sled::IVec> {
    row.take_if(|(k, _)| k == key).map(|(_, value)| value)
}

impl Verification {
    fn count(&mut self, key: &sled::IVec, views: Option<sled::IVec>, journal: Option<sled::IVec>) {
        self.rows += 1;
        if views == journal {
            return;
        }
        self.different += 1;
        if self.differences.len() < SHOWN {
            let bytes = |value: Option<sled::IVec>| value.map(|v| v.to_vec());
            self.differences.push(Difference { key: key.to_vec(), views: bytes(views), journal: bytes(journal) });
        }
    }
}

fn remove(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
