//! What can be set about a store.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jackfield_core::ids::Millis;

use crate::disk::{Disk, RealDisk};
use crate::rules::Rules;

/// What can be set about a store. The default suits a small machine.
#[derive(Clone, Debug)]
pub struct Options {
    /// A segment of the journal is closed when it has this many bytes. Default 64 MiB.
    pub segment_bytes: u64,
    /// How many bytes at the end of the journal have their checksums compared at open; of what is older only the structure is looked
    /// at then. A rebuild, an export and a check always compare everything. Default 1 GiB, about a second.
    pub check_bytes: u64,
    /// How many groups may wait to be written. One channel, the host by itself, and people each get a quarter at most, and then
    /// [`AppendError::Overloaded`](crate::AppendError::Overloaded). Default 4096.
    pub queue: usize,
    /// How many bytes of facts may wait, shared likewise. Default 64 MiB.
    pub queue_bytes: usize,
    /// How many facts share one write and one sync at most. Default 512.
    pub group_facts: usize,
    /// How many bytes share one write and one sync, about. Default 4 MiB.
    pub group_bytes: usize,
    /// How long a group waits for more before it is written, once groups of facts come together rather than one by one. Default 1.5 ms.
    ///
    /// A sync on a fast disk is over before the next webhook is ready, so that each would get a sync and a commit of its own; waiting
    /// a moment halved the CPU time of a webhook.
    pub batch_delay: Duration,
    /// sled's cache in bytes; sled uses about 1.7 times as much memory. Default 64 MiB.
    pub cache_bytes: u64,
    /// How often sled writes its buffers back, in milliseconds. Nothing that is acknowledged depends on it. Default 500.
    pub flush_every_ms: u64,
    /// How long opening sled may take before the views are given up and built again. Default 20 s.
    pub open_timeout: Duration,
    /// How many facts a rebuild commits at once. Default 4096.
    pub rebuild_batch: usize,
    /// How long after the opening the views are compared with the journal for the first time. Default one hour.
    pub compare_after: Duration,
    /// How long after a comparison the next one begins. Default a week; a guess.
    pub compare_every: Duration,
    /// The share of one processor that a comparison takes. Default 0.05, some twenty minutes for a million facts.
    pub compare_share: f64,
    /// Files are refused while less than this is free on their disk, so that the journal goes on, and of what is left each channel may
    /// use a small part. Default 256 MiB, some hours of webhooks; a guess; on a disk of less than 2 GiB an eighth of it.
    pub reserve_bytes: u64,
    /// Where the journal writes.
    pub disk: Arc<dyn Disk>,
    /// What turns facts into rows.
    pub rules: Rules,
    /// The time that new facts get, unless it goes back.
    pub clock: fn() -> Millis,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            check_bytes: 1 << 30,
            queue: 4096,
            queue_bytes: 64 << 20,
            group_facts: 512,
            group_bytes: 4 << 20,
            batch_delay: Duration::from_micros(1_500),
            cache_bytes: 64 << 20,
            flush_every_ms: 500,
            open_timeout: Duration::from_secs(20),
            rebuild_batch: 4096,
            compare_after: Duration::from_secs(3_600),
            compare_every: Duration::from_secs(7 * 24 * 3_600),
            compare_share: 0.05,
            reserve_bytes: 256 << 20,
            disk: Arc::new(RealDisk),
            rules: Rules::default(),
            clock: system_time,
        }
    }
}

fn system_time() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
