//! From the journal to tables: all of it, or what they lack.

use jackfield_core::fact::Entry;
use jackfield_core::ids::Seq;

use crate::journal::{Entries, Journal, JournalError};
use crate::options::Options;
use crate::projection::{Projection, Stopped};
use crate::views::{LoadError, OnDefect, SledOptions, Tables, load};

pub(crate) fn sled_options(options: &Options) -> SledOptions {
    SledOptions {
        cache_bytes: options.cache_bytes,
        flush_every_ms: options.flush_every_ms,
        timeout: options.open_timeout,
    }
}

/// Catching up did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CatchUpError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Applies what tables lack up to a number, in batches that are there as a whole or not at all, and tells how many facts are done.
pub(crate) fn catch_up(
    journal: &dyn Journal,
    tables: &Tables,
    until: Seq,
    batch: usize,
    on_defect: OnDefect,
    mut tell: impl FnMut(u64),
) -> Result<(), CatchUpError> {
    let mut done = 0;
    for group in groups(journal.read(tables.applied().next())?, until, batch) {
        let group = group?;
        tables.apply_or(&group, on_defect)?;
        done += group.len() as u64;
        tell(done);
    }
    Ok(())
}

/// Applies the journal up to a number to empty tables, and tells how many facts are done. The tables are worthless before this returns.
/// It ends early, with an error, once `tell` says that nobody wants them any more.
pub(crate) fn build(
    journal: &dyn Journal,
    tables: &mut Tables,
    until: Seq,
    batch: usize,
    tell: impl FnMut(u64) -> bool,
) -> Result<(), LoadError> {
    load(tables.tree(), tables.rules(), groups(journal.read(Seq(1))?, until, batch), tell)?;
    tables.refresh().map_err(|e| LoadError::Storage(e.to_string()))
}

/// Entries up to a number in groups of `size`.
fn groups(mut entries: Entries, until: Seq, size: usize) -> impl Iterator<Item = Result<Vec<Entry>, JournalError>> {
    let mut entries = std::iter::from_fn(move || entries.next())
        .take_while(move |entry| entry.as_ref().map_or(true, |entry| entry.seq <= until));
    std::iter::from_fn(move || {
        let group: Result<Vec<_>, _> = entries.by_ref().take(size.max(1)).collect();
        group.map(|group| (!group.is_empty()).then_some(group)).transpose()
    })
}
