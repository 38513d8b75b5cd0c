//! Writing entries that were numbered before.

use std::path::Path;
use std::sync::Arc;

use jackfield_core::fact::Entry;

use super::error::{AppendError, JournalError};
use super::files::Journaled;
use super::segment::io_error;
use super::writer::Writer;
use crate::options::Options;

/// Fills an empty folder with entries.
pub(crate) struct Importer(Writer);

impl Importer {
    pub(crate) fn open(dir: &Path, options: &Options) -> Result<Self, JournalError> {
        let (empty, disk) = (Journaled::default(), Arc::clone(&options.disk));
        let writer = Writer::open(dir, &empty, disk, options.segment_bytes, options.clock);
        writer.map(Self).map_err(|e| io_error(dir, e))
    }

    /// Stores entries, of which the first is the next one; returns when they are on stable storage.
    pub(crate) fn append(&mut self, entries: &[Entry]) -> Result<(), AppendError> {
        self.0.import(entries)
    }
}
