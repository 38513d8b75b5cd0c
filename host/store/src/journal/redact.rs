//! Taking the content of facts out of the journal, while their places remain.

use std::collections::BTreeMap;
use std::path::Path;

use jackfield_core::fact::{Entry, Fact};
use jackfield_core::ids::Seq;

use super::error::JournalError;
use super::frame;
use super::read::{ALL, Step, Walker, entries};
use super::segment::{Segment, io_error, list, rewritten_path};
use crate::disk::Disk;

/// Puts other facts in the places of these, keeping number, time and actor, and says how many were replaced. Each segment is replaced as
/// a whole, the newest first: a crash leaves the old one or the new one, and whoever goes on finds what the oldest facts say. Facts from
/// `end` on are left alone, since somebody may be appending to their segment.
pub(crate) fn replace(
    dir: &Path,
    disk: &dyn Disk,
    facts: &BTreeMap<Seq, Fact>,
    end: Seq,
) -> Result<usize, JournalError> {
    let mut segments = list(dir)?;
    segments.retain(|segment| segment.first < end);
    let mut replaced = 0;
    for (index, segment) in segments.iter().enumerate().rev() {
        let after = segments.get(index + 1).map_or(end, |next| next.first);
        if facts.range(segment.first..after).next().is_some() {
            replaced += rewrite(dir, segment, disk, facts)?;
        }
    }
    Ok(replaced)
}

fn rewrite(dir: &Path, segment: &Segment, disk: &dyn Disk, facts: &BTreeMap<Seq, Fact>) -> Result<usize, JournalError> {
    let rewritten = rewritten_path(dir);
    let failed = |e| io_error(&rewritten, e);
    let mut walker = Walker::open(segment, ALL)?;
    let mut file = disk.create(&rewritten).map_err(failed)?;
    file.append(&frame::segment_head(segment.first)).map_err(failed)?;
    let mut replaced = 0;
    loop {
        let frame = match walker.step()? {
            Step::Frame(frame) => frame,
            Step::End => break,
            Step::Bad { offset, why } => {
                return Err(JournalError::Damaged { path: segment.path.clone(), offset, why });
            }
        };
        let mut bytes = frame::begin(frame.payload.len());
        if facts.range(frame.head.first..frame.head.next()).next().is_none() {
            // Untouched facts keep their bytes, whatever a later version would write for them.
            bytes.extend_from_slice(&frame.payload);
        } else {
            let lines = frame.payload.split_inclusive(|b| *b == b'\n');
            for (entry, line) in entries(&segment.path, &frame)?.into_iter().zip(lines) {
                match facts.get(&entry.seq).filter(|fact| **fact != entry.fact) {
                    Some(fact) => {
                        replaced += 1;
                        bytes.extend_from_slice(&line_of(entry, fact).map_err(failed)?);
                    }
                    None => bytes.extend_from_slice(line),
                }
            }
        }
        frame::finish(&mut bytes, frame.head.first, frame.head.count);
        file.append(&bytes).map_err(failed)?;
    }
    file.sync().map_err(failed)?;
    drop(file);
    disk.rename(&rewritten, &segment.path).and_then(|()| disk.sync_dir(dir)).map_err(failed)?;
    Ok(replaced)
}

fn line_of(entry: Entry, fact: &Fact) -> std::io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&Entry { fact: fact.clone(), ..entry })?;
    line.push(b'\n');
    Ok(line)
}
