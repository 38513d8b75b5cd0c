//! Reading segments: frame by frame, and entry by entry.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use jackfield_core::fact::Entry;
use jackfield_core::ids::Seq;

use super::contract::Entries;
use super::error::JournalError;
use super::frame::{self, FRAME_HEAD, Head, SEGMENT_HEAD};
use super::segment::{Segment, io_error, list};

/// A frame as it was read. The payload is empty when it was passed over.
pub(super) struct Frame {
    pub(super) offset: u64,
    pub(super) head: Head,
    pub(super) payload: Vec<u8>,
}

/// What comes next in a segment.
pub(super) enum Step {
    Frame(Frame),
    End,
    Bad { offset: u64, why: String },
}

/// Goes through a segment frame by frame.
pub(super) struct Walker {
    file: BufReader<File>,
    path: PathBuf,
    size: u64,
    offset: u64,
    next: Seq,
    wanted: Seq,
}

/// Every payload is wanted.
pub(super) const ALL: Seq = Seq(0);
/// No payload is wanted, so no checksum is compared.
pub(super) const NONE: Seq = Seq(u64::MAX);

impl Walker {
    /// Begins at the first frame. Payloads that end before `wanted` are passed over.
    pub(super) fn open(segment: &Segment, wanted: Seq) -> Result<Self, JournalError> {
        let mut walker = Self::start(segment, wanted)?;
        let mut head = [0; SEGMENT_HEAD];
        // A segment gets its name only once its head is on stable storage, so a bad head is never an interrupted write.
        let read = match walker.file.read_exact(&mut head) {
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Err(String::from("the segment has no head")),
            Err(e) => return Err(io_error(&walker.path, e)),
            Ok(()) => frame::read_segment_head(&head),
        };
        let first = read.map_err(|why| walker.damaged(0, why))?;
        if first != segment.first {
            return Err(walker.damaged(0, format!("the segment says that it begins with fact {first}")));
        }
        Ok(walker)
    }

    /// Begins at a frame in the middle, whose number is not compared with the one before.
    pub(super) fn open_at(segment: &Segment, offset: u64) -> Result<Self, JournalError> {
        let mut walker = Self::start(segment, ALL)?;
        walker.file.seek(SeekFrom::Start(offset)).map_err(|e| io_error(&walker.path, e))?;
        (walker.offset, walker.next) = (offset, Seq(0));
        Ok(walker)
    }

    fn start(segment: &Segment, wanted: Seq) -> Result<Self, JournalError> {
        let path = segment.path.clone();
        let file = File::open(&path).map_err(|e| io_error(&path, e))?;
        let size = file.metadata().map_err(|e| io_error(&path, e))?.len();
        let file = BufReader::with_capacity(256 << 10, file);
        Ok(Self { file, path, size, offset: SEGMENT_HEAD as u64, next: segment.first, wanted })
    }

    /// The number of the next fact.
    pub(super) fn next(&self) -> Seq {
        self.next
    }

    /// The length of the segment when it was opened.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Where the next frame begins.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn step(&mut self) -> Result<Step, JournalError> {
        let offset = self.offset;
        let left = self.size - offset;
        let bad = |why: &str| Ok(Step::Bad { offset, why: why.to_owned() });
        if left == 0 {
            return Ok(Step::End);
        }
        if left < FRAME_HEAD as u64 {
            return bad("the frame is cut off in its head");
        }
        let mut bytes = [0; FRAME_HEAD];
        self.read(&mut bytes)?;
        let head = match Head::read(&bytes) {
            Ok(head) => head,
            Err(why) => return bad(why),
        };
        if head.length as u64 > left - FRAME_HEAD as u64 {
            return bad("the frame is cut off in its facts");
        }
        let mut payload = Vec::new();
        if head.next() > self.wanted {
            payload.resize(head.length, 0);
            self.read(&mut payload)?;
            if frame::checksum(&bytes[..20], &payload) != head.sum {
                return bad("the checksum of the frame is wrong");
            }
        } else {
            let length = i64::try_from(head.length).unwrap_or(i64::MAX);
            self.file.seek_relative(length).map_err(|e| io_error(&self.path, e))?;
        }
        if self.next != Seq(0) && head.first != self.next {
            return Err(self.damaged(offset, format!("fact {} should come next, but {} does", self.next, head.first)));
        }
        self.next = head.next();
        self.offset = offset + (FRAME_HEAD + head.length) as u64;
        Ok(Step::Frame(Frame { offset, head, payload }))
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<(), JournalError> {
        self.file.read_exact(bytes).map_err(|e| io_error(&self.path, e))
    }

    fn damaged(&self, offset: u64, why: String) -> JournalError {
        JournalError::Damaged { path: self.path.clone(), offset, why }
    }
}

/// One line of a payload.
fn decode(line: &[u8], expected: Seq) -> Result<Entry, String> {
    let entry: Entry = serde_json::from_slice(line).map_err(|e| e.to_string())?;
    if entry.seq == expected { Ok(entry) } else { Err(format!("it calls itself {}", entry.seq)) }
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

/// The entries of the journal in `dir` from a number to another, both included; the last one has to be on stable storage already.
pub(crate) fn read(dir: &Path, from: Seq, until: Seq) -> Result<Entries, JournalError> {
    let from = from.max(Seq(1));
    if until < from {
        return Ok(Box::new(std::iter::empty()));
    }
    let mut segments = VecDeque::from(list(dir)?);
    if let Some(first) = segments.front().filter(|first| first.first > from) {
        return Err(JournalError::Gap { expected: from, found: first.first, path: first.path.clone() });
    }
    while segments.get(1).is_some_and(|second| second.first <= from) {
        segments.pop_front();
    }
    Ok(Box::new(Reader { segments, walker: None, ready: VecDeque::new(), from, until, failed: false }))
}

/// Reads segment after segment.
struct Reader {
    segments: VecDeque<Segment>,
    walker: Option<Walker>,
    ready: VecDeque<Entry>,
    /// The next entry to give.
    from: Seq,
    until: Seq,
    failed: bool,
}

impl Reader {
    /// Fills `ready` with the entries of the next frame that has any; false at the end.
    fn fill(&mut self) -> Result<bool, JournalError> {
        loop {
            if self.from > self.until {
                return Ok(false);
            }
            let mut walker = match self.walker.take() {
                Some(walker) => walker,
                None => self.open_next()?,
            };
            match walker.step()? {
                Step::Frame(frame) if frame.head.next() <= self.from => self.walker = Some(walker),
                Step::Frame(frame) => {
                    let all = entries(&walker.path, &frame)?;
                    let wanted = |entry: &Entry| (self.from..=self.until).contains(&entry.seq);
                    self.ready = all.into_iter().filter(wanted).collect();
                    self.from = walker.next();
                    self.walker = Some(walker);
                    return Ok(true);
                }
                Step::End if self.segments.is_empty() => {
                    let why = format!("fact {} should come next, but the segment ends", self.from);
                    return Err(walker.damaged(walker.offset(), why));
                }
                Step::End => {}
                Step::Bad { offset, why } => return Err(walker.damaged(offset, why)),
            }
        }
    }

    fn open_next(&mut self) -> Result<Walker, JournalError> {
        let Some(segment) = self.segments.pop_front() else {
            return Err(JournalError::Missing { expected: self.from });
        };
        if segment.first > self.from {
            return Err(JournalError::Gap { expected: self.from, found: segment.first, path: segment.path });
        }
        Walker::open(&segment, self.from)
    }
}

impl Iterator for Reader {
    type Item = Result<Entry, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.failed {
            if let Some(entry) = self.ready.pop_front() {
                return Some(Ok(entry));
            }
            match self.fill() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(e) => {
                    self.failed = true;
                    return Some(Err(e));
                }
            }
        }
        None
    }
}
