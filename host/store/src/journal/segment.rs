//! The segments in a journal's folder: their names, and which there are.

use std::fs;
use std::path::{Path, PathBuf};

use jackfield_core::ids::Seq;

use super::error::JournalError;

/// The end of a segment's name.
const SUFFIX: &str = ".journal";

/// A segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    pub(crate) first: Seq,
    pub(crate) bytes: u64,
}

/// The name of the segment that begins with a number.
pub(super) fn segment_path(dir: &Path, first: Seq) -> PathBuf {
    dir.join(format!("{:020}{SUFFIX}", first.0))
}

/// The segments in a folder, in order.
pub(super) fn list(dir: &Path) -> Result<Vec<Segment>, JournalError> {
    let mut segments = Vec::new();
    for (path, bytes) in names(dir)? {
        let first = path.file_name().and_then(|name| name.to_str()).and_then(first_of);
        if let Some(first) = first {
            segments.push(Segment { path, first, bytes });
        }
    }
    segments.sort_by_key(|segment| segment.first);
    Ok(segments)
}

/// What a segment is called while it is being made: beside the folder, so that a copy of the folder never meets a file that vanishes.
pub(super) fn unfinished_path(dir: &Path) -> PathBuf {
    dir.with_extension("new")
}

/// What a segment is called while it is being written again without some content.
pub(super) fn rewritten_path(dir: &Path) -> PathBuf {
    dir.with_extension("rewritten")
}

fn first_of(name: &str) -> Option<Seq> {
    let digits = name.strip_suffix(SUFFIX)?;
    (digits.len() == 20).then(|| digits.parse().ok().map(Seq)).flatten()
}

fn names(dir: &Path) -> Result<Vec<(PathBuf, u64)>, JournalError> {
    let listing = match fs::read_dir(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|e| io_error(dir, e))?,
    };
    let mut names = Vec::new();
    for item in listing {
        let item = item.map_err(|e| io_error(dir, e))?;
        let bytes = item.metadata().map_err(|e| io_error(&item.path(), e))?.len();
        names.push((item.path(), bytes));
    }
    Ok(names)
}

pub(super) fn io_error(path: &Path, source: std::io::Error) -> JournalError {
    JournalError::Io { path: path.to_owned(), source }
}
