//! A journal out of JSON Lines: the reverse of [`export`](crate::export).

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use jackfield_core::fact::Entry;
use jackfield_core::ids::{Millis, Seq};

use crate::journal::{AppendError, Importer, JournalError, Journaled};
use crate::options::Options;
use crate::recovery::{OpenError, State, lock_folder};

/// How many facts, and about how many bytes of them, share a sync.
const BATCH: (usize, usize) = (4096, 4 << 20);

/// Nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The folder is in use or unusable.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Something is there already.
    #[error("there are facts in {} already; import into an empty data folder", .0.display())]
    NotEmpty(PathBuf),
    /// A line is no fact, or not the next one.
    #[error("line {line}: {why}")]
    Line {
        /// Which, from 1.
        line: u64,
        /// Why.
        why: String,
    },
    /// The lines cannot be read, or the journal cannot be written.
    #[error("cannot import: {0}")]
    Io(#[from] io::Error),
    /// The journal cannot be written.
    #[error(transparent)]
    Append(#[from] AppendError),
}

impl From<JournalError> for ImportError {
    fn from(error: JournalError) -> Self {
        Self::Open(error.into())
    }
}

/// Makes the journal of an empty data folder from the lines of an export, and tells how many facts are done; the number of the last one.
/// All or nothing: the journal gets its place when it is whole. The next start builds the views. Files are not in an export; copy
/// `files/`. Blocks.
///
/// # Errors
/// When the folder is in use or not empty, or a line is not the next fact.
pub fn import(
    dir: &Path,
    options: &Options,
    lines: impl Iterator<Item = io::Result<String>>,
    progress: &mut dyn FnMut(u64),
) -> Result<Seq, ImportError> {
    let lock = lock_folder(dir)?;
    let journal = lock.journal();
    let had_facts = State::read(dir).is_some_and(|state| state.durable > Seq(0));
    if had_facts || Journaled::scan(&journal, 0, &mut |_, _| {})?.last > Seq(0) {
        return Err(ImportError::NotEmpty(journal));
    }
    let unfinished = dir.join("journal.import");
    remove(&unfinished)?;
    DirBuilder::new().mode(0o700).create(&unfinished)?;
    let imported = write(&unfinished, options, lines, progress);
    if imported.is_err() {
        remove(&unfinished)?;
    }
    let last = imported?;
    lock.remove_views()?;
    remove(&journal)?;
    fs::rename(&unfinished, &journal)?;
    File::open(dir)?.sync_all()?;
    Ok(last)
}

fn write(
    dir: &Path,
    options: &Options,
    lines: impl Iterator<Item = io::Result<String>>,
    progress: &mut dyn FnMut(u64),
) -> Result<Seq, ImportError> {
    let mut importer = Importer::open(dir, options)?;
    let (mut batch, mut bytes, mut last, mut at) = (Vec::new(), 0, Seq(0), Millis(0));
    for (text, line) in lines.zip(1_u64..) {
        let text = text?;
        let bad = |why: String| ImportError::Line { line, why };
        let entry: Entry = serde_json::from_str(&text).map_err(|e| bad(e.to_string()))?;
        if entry.seq != last.next() {
            return Err(bad(format!("fact {} should come next, but {} does", last.next(), entry.seq)));
        }
        if entry.at < at {
            return Err(bad(String::from("the fact is older than the one before")));
        }
        (last, at, bytes) = (entry.seq, entry.at, bytes + text.len());
        batch.push(entry);
        if batch.len() >= BATCH.0 || bytes >= BATCH.1 {
            importer.append(&batch)?;
            batch.clear();
            bytes = 0;
            progress(last.0);
        }
    }
    if !batch.is_empty() {
        importer.append(&batch)?;
    }
    Ok(last)
}

fn remove(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
