//! What is in a journal's folder, and whether it hangs together.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use jackfield_core::fact::Entry;
use jackfield_core::ids::{Millis, Seq};

use super::JournalError;
use super::frame;
use super::read::{ALL, Frame, NONE, Step, Walker, decode};

/// The end of a segment's name.
const SUFFIX: &str = ".journal";

/// A segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    pub(crate) first: Seq,
    pub(crate) bytes: u64,
}

/// Bytes at the very end that are no whole frame: a write that was interrupted before anybody was told that it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The segment.
    pub path: PathBuf,
    /// Where they begin.
    pub offset: u64,
    /// How many there are.
    pub bytes: u64,
    /// What is wrong with them.
    pub why: String,
}

/// What a look at a journal's folder found. Nothing was changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journaled {
    pub(crate) segments: Vec<Segment>,
    /// The number of the last fact; 0 when there is none.
    pub last: Seq,
    /// When the last fact was appended.
    pub at: Millis,
    /// The length of the last segment without what is torn.
    pub(crate) end: u64,
    /// What is to be cut off before anything is appended.
    pub torn: Option<Torn>,
}

impl Journaled {
    /// The size of all segments in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|s| s.bytes).sum()
    }

    /// Looks through a folder; one that is not there is an empty journal. Of the newest `check_bytes` all checksums are compared, of
    /// what is older only the structure. `progress` hears how many bytes of how many are done.
    ///
    /// # Errors
    /// When the folder cannot be read, or anything but the very end is not as it was written.
    pub fn survey(dir: &Path, check_bytes: u64, progress: &mut dyn FnMut(u64, u64)) -> Result<Self, JournalError> {
        let mut found = Self { segments: list(dir)?, ..Self::default() };
        let total = found.bytes();
        let (mut done, mut expected, mut last_frame) = (0, Seq(1), None);
        for (index, segment) in found.segments.iter().enumerate() {
            if segment.first != expected {
                return Err(JournalError::Gap { expected, found: segment.first, path: segment.path.clone() });
            }
            let is_last = index + 1 == found.segments.len();
            let wanted = if is_last || total - done <= check_bytes { ALL } else { NONE };
            let mut walker = Walker::open(segment, wanted)?;
            loop {
                match walker.step()? {
                    Step::Frame(frame) => last_frame = Some((index, frame.offset)),
                    Step::End => break,
                    Step::Bad { offset, why } => {
                        found.torn = Some(torn(segment, walker.size(), is_last, offset, why)?);
                        break;
                    }
                }
                progress(done + walker.offset(), total);
            }
            (expected, found.end) = (walker.next(), walker.offset());
            done += segment.bytes;
        }
        found.last = Seq(expected.0 - 1);
        if let Some((index, offset)) = last_frame {
            found.at = last_entry(&found.segments[index], offset)?.map_or(Millis(0), |entry| entry.at);
        }
        Ok(found)
    }
}

/// A frame is only written once the one before it is on stable storage. So bad bytes with nothing good behind them are an interrupted
/// write, and bad bytes with anything behind them are damage to what was acknowledged.
///
/// Only the first `size` bytes are looked at: the host may be appending while somebody exports.
fn torn(segment: &Segment, size: u64, is_last: bool, offset: u64, why: String) -> Result<Torn, JournalError> {
    let rest = tail(&segment.path, offset, size).map_err(|e| io_error(&segment.path, e))?;
    if !is_last {
        let why = format!("{why}; it is not the last segment");
        return Err(JournalError::Damaged { path: segment.path.clone(), offset, why });
    }
    if let Some(behind) = rest.get(1..).and_then(frame::find_good) {
        let why = format!("{why}; a good frame follows at byte {}", offset + 1 + behind as u64);
        return Err(JournalError::Damaged { path: segment.path.clone(), offset, why });
    }
    Ok(Torn { path: segment.path.clone(), offset, bytes: rest.len() as u64, why })
}

fn tail(path: &Path, offset: u64, size: u64) -> std::io::Result<Vec<u8>> {
    let mut file = fs::File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut rest = Vec::new();
    file.take(size - offset).read_to_end(&mut rest)?;
    Ok(rest)
}

fn last_entry(segment: &Segment, offset: u64) -> Result<Option<Entry>, JournalError> {
    let mut walker = Walker::open_at(segment, offset)?;
    match walker.step()? {
        Step::Frame(frame) => Ok(entries(&segment.path, &frame)?.pop()),
        Step::End | Step::Bad { .. } => Ok(None),
    }
}

/// The entries of a frame.
pub(super) fn entries(path: &Path, frame: &Frame) -> Result<Vec<Entry>, JournalError> {
    let unreadable = |seq, why| JournalError::Unreadable { path: path.to_owned(), offset: frame.offset, seq, why };
    let mut entries = Vec::with_capacity(frame.head.count as usize);
    let mut seq = frame.head.first;
    for line in frame.payload.split_inclusive(|b| *b == b'\n') {
        entries.push(decode(line, seq).map_err(|why| unreadable(seq, why))?);
        seq = seq.next();
    }
    if seq != frame.head.next() {
        return Err(unreadable(seq, format!("{} facts were announced, {} are there", frame.head.count, entries.len())));
    }
    Ok(entries)
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
