//! What a journal has done.

/// Upper bounds of [`JournalStats::sync_times`] in microseconds; one more place counts what was slower.
pub const SYNC_BOUNDS: [u64; 9] = [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000];

/// What a journal has done since it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalStats {
    /// Facts that were made durable.
    pub facts: u64,
    /// Groups that shared a sync.
    pub batches: u64,
    /// How many facts the last batch had.
    pub last_batch: usize,
    /// How many batches took how long to write and sync, see [`SYNC_BOUNDS`].
    pub sync_times: [u64; SYNC_BOUNDS.len() + 1],
    /// How long all syncs took together, in microseconds.
    pub sync_micros: u64,
    /// Batches that failed.
    pub failures: u64,
    /// Groups of channels that were refused, so that the last of the disk is left to what people ask for.
    pub reserved: u64,
    /// Why nothing can be appended any more.
    pub broken: Option<String>,
    /// The size on disk in bytes.
    pub bytes: u64,
}

impl JournalStats {
    pub(super) fn count_sync(&mut self, micros: u64) {
        let slot = SYNC_BOUNDS.iter().position(|bound| micros <= *bound).unwrap_or(SYNC_BOUNDS.len());
        self.sync_times[slot] += 1;
        self.sync_micros += micros;
    }
}
