//! Appending: one frame, one write, one sync.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jackfield_core::fact::Entry;
use jackfield_core::ids::{Millis, Seq};

use super::contract::Draft;
use super::error::AppendError;
use super::files::Journaled;
use super::frame::{self, MAX_PAYLOAD, SEGMENT_HEAD};
use super::segment::{rewritten_path, segment_path, unfinished_path};
use crate::disk::{Disk, SegmentFile};

/// The one who writes.
pub(super) struct Writer {
    dir: PathBuf,
    disk: Arc<dyn Disk>,
    segment_bytes: u64,
    clock: fn() -> Millis,
    /// The segment that is written to; none before the first fact.
    file: Option<Box<dyn SegmentFile>>,
    /// Its length up to the last frame that is on stable storage.
    end: u64,
    next: Seq,
    at: Millis,
    broken: Option<String>,
}

impl Writer {
    /// Cuts off what is torn and makes sure that what remains is on stable storage: a process that died between write and sync leaves
    /// whole frames that only the page cache has, and from here on they count.
    pub(super) fn open(
        dir: &Path,
        found: &Journaled,
        disk: Arc<dyn Disk>,
        segment_bytes: u64,
        clock: fn() -> Millis,
    ) -> io::Result<Self> {
        for leftover in [unfinished_path(dir), rewritten_path(dir)] {
            if leftover.try_exists()? {
                disk.remove(&leftover)?;
            }
        }
        let mut file = None;
        if let Some(segment) = found.segments.last() {
            let mut open = disk.open(&segment.path)?;
            if found.torn.is_some() {
                open.truncate(found.end)?;
            }
            open.sync()?;
            file = Some(open);
        }
        disk.sync_dir(dir)?;
        let (end, next, at) = (found.end, found.last.next(), found.at);
        Ok(Self { dir: dir.to_owned(), disk, segment_bytes, clock, file, end, next, at, broken: None })
    }

    /// Why nothing can be appended any more, if so.
    pub(super) fn broken(&self) -> Option<&String> {
        self.broken.as_ref()
    }

    /// Stores the drafts as one frame and returns when it is on stable storage. After an error none of them is in the journal, but after
    /// [`AppendError::Unknown`] they may be: then nothing more is appended until the journal is opened again.
    pub(super) fn append(&mut self, drafts: Vec<Draft>) -> Result<Vec<Entry>, AppendError> {
        if let Some(why) = &self.broken {
            return Err(AppendError::Io(why.clone()));
        }
        let at = self.at.max((self.clock)());
        let count = u32::try_from(drafts.len()).unwrap_or(u32::MAX);
        let mut bytes = frame::begin(drafts.iter().map(Draft::size).sum());
        let (mut entries, mut seq) = (Vec::with_capacity(drafts.len()), self.next);
        for draft in drafts {
            entries.push(draft.number(seq, at, &mut bytes));
            seq = seq.next();
        }
        if bytes.len() > MAX_PAYLOAD {
            return Err(AppendError::TooLarge { bytes: bytes.len(), limit: MAX_PAYLOAD });
        }
        frame::finish(&mut bytes, self.next, count);
        self.store(&bytes)?;
        (self.next, self.at) = (seq, at);
        Ok(entries)
    }

    /// Stores entries that have their numbers and times already, the next one first.
    pub(super) fn import(&mut self, entries: &[Entry]) -> Result<(), AppendError> {
        let Some(last) = entries.last() else { return Ok(()) };
        let count = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        let mut bytes = frame::begin(0);
        for entry in entries {
            serde_json::to_writer(&mut bytes, entry).map_err(|e| AppendError::Unwritable(e.to_string()))?;
            bytes.push(b'\n');
        }
        if bytes.len() > MAX_PAYLOAD {
            return Err(AppendError::TooLarge { bytes: bytes.len(), limit: MAX_PAYLOAD });
        }
        frame::finish(&mut bytes, self.next, count);
        self.store(&bytes)?;
        (self.next, self.at) = (last.seq.next(), last.at);
        Ok(())
    }

    /// Begins a new segment, unless nothing is in the last one, and gives its first number.
    pub(super) fn finish_segment(&mut self) -> io::Result<Seq> {
        if let Some(why) = &self.broken {
            return Err(io::Error::other(why.clone()));
        }
        if self.file.is_some() && self.end > SEGMENT_HEAD as u64 {
            self.roll().map_err(io::Error::other)?;
        }
        Ok(self.next)
    }

    /// The size of the segment that is written to.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    fn store(&mut self, bytes: &[u8]) -> Result<(), AppendError> {
        if self.file.is_none() || self.end >= self.segment_bytes {
            self.roll()?;
        }
        let Some(file) = self.file.as_mut() else {
            return Err(AppendError::Io(String::from("there is no segment to write to")));
        };
        if let Err(e) = file.append(bytes) {
            // Part of the frame may be there. It has to be gone for good before anything else is written: a later frame behind it,
            // here or in the next segment, would make it look like damage.
            if let Err(cut) = file.truncate(self.end).and_then(|()| file.sync()) {
                self.give_up(&cut, "a failed write could not be taken back");
                return Err(AppendError::Unknown(e.to_string()));
            }
            return Err(append_error(&e));
        }
        if let Err(e) = file.sync() {
            // Linux marks pages that it could not write as clean: neither a second sync nor reading the file tells what is on the disk.
            // So the frame is taken out of the page cache, its appenders hear that its outcome is unknown, and nothing is appended until
            // the journal is opened again, which reads and syncs the tail before it counts. If the frame did reach the disk, it comes
            // back then under the number that it has here; nothing else has got that number meanwhile.
            let _ = file.truncate(self.end);
            self.give_up(&e, "it is unknown what is on the disk, because a sync failed");
            return Err(AppendError::Unknown(e.to_string()));
        }
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// Begins a segment. It gets its name once its head is on stable storage, and is used once its name is.
    fn roll(&mut self) -> Result<(), AppendError> {
        let path = segment_path(&self.dir, self.next);
        let unfinished = unfinished_path(&self.dir);
        let create = || {
            let mut file = self.disk.create(&unfinished)?;
            file.append(&frame::segment_head(self.next))?;
            file.sync()?;
            Ok(file)
        };
        let file = create().map_err(|e: io::Error| append_error(&e))?;
        if let Err(e) = self.disk.rename(&unfinished, &path).and_then(|()| self.disk.sync_dir(&self.dir)) {
            self.give_up(&e, "a new segment could not be put in place");
            return Err(append_error(&e));
        }
        (self.file, self.end) = (Some(file), SEGMENT_HEAD as u64);
        Ok(())
    }

    fn give_up(&mut self, error: &io::Error, what: &str) {
        let why = format!("{what} ({error}); restart the host once the disk is well");
        tracing::error!(reason = why, "the journal takes nothing more");
        self.broken = Some(why);
    }
}

fn append_error(error: &io::Error) -> AppendError {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    match error.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => AppendError::Full(error.to_string()),
        _ => AppendError::Io(error.to_string()),
    }
}
