//! What is in a journal's folder, and whether it hangs together.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use jackfield_core::fact::Entry;
use jackfield_core::ids::{Millis, Seq};

use super::error::JournalError;
use super::frame;
use super::read::{ALL, NONE, Step, Walker, entries};
use super::segment::{Segment, io_error, list};

/// Bytes at the very end that are no whole frame: a write that was interrupted before anybody was told that it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
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
    pub torn: Option<TornTail>,
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
    pub fn scan(dir: &Path, check_bytes: u64, progress: &mut dyn FnMut(u64, u64)) -> Result<Self, JournalError> {
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
                        found.torn = Some(torn_tail(segment, walker.size(), is_last, offset, why)?);
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
fn torn_tail(segment: &Segment, size: u64, is_last: bool, offset: u64, why: String) -> Result<TornTail, JournalError> {
    let rest = tail(&segment.path, offset, size).map_err(|e| io_error(&segment.path, e))?;
    if !is_last {
        let why = format!("{why}; it is not the last segment");
        return Err(JournalError::Damaged { path: segment.path.clone(), offset, why });
    }
    if let Some(behind) = rest.get(1..).and_then(frame::find_good) {
        let why = format!("{why}; a good frame follows at byte {}", offset + 1 + behind as u64);
        return Err(JournalError::Damaged { path: segment.path.clone(), offset, why });
    }
    Ok(TornTail { path: segment.path.clone(), offset, bytes: rest.len() as u64, why })
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
