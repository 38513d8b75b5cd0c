//! What the thread of the local journal and its handle share.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use jackfield_core::ids::Seq;
use tokio::sync::oneshot;

use super::contract::{AppendId, Draft, Group, Receipt};
use super::error::AppendError;
use super::lanes::{Lane, Lanes, Size};
use super::stats::JournalStats;
use crate::sync::lock;

/// A group that waits.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: AppendId,
    pub(super) drafts: Vec<Draft>,
    /// Its size.
    pub(super) bytes: usize,
    pub(super) reply: oneshot::Sender<Result<Receipt, AppendError>>,
}

pub(super) type Feed = SyncSender<Arc<Group>>;

/// What the appending thread and the others share.
pub(super) struct Shared {
    pub(super) dir: PathBuf,
    pub(super) last: AtomicU64,
    /// None once the journal is closed.
    pub(super) feeds: Mutex<Option<Vec<Feed>>>,
    pub(super) stats: Mutex<JournalStats>,
    queue: Mutex<Queue>,
    arrived: Condvar,
}

struct Queue {
    lanes: Lanes<Job>,
    /// Who waits for a new segment.
    rolls: Vec<SyncSender<io::Result<Seq>>>,
    is_closed: bool,
}

/// What the appending thread does next.
pub(super) enum Work {
    Append(Job),
    /// Begins a new segment, unless nothing is in the last one, and tells its first number.
    Roll(SyncSender<io::Result<Seq>>),
}

impl Shared {
    pub(super) fn new(dir: PathBuf, last: Seq, bytes: u64, capacity: Size) -> Self {
        Self {
            dir,
            last: AtomicU64::new(last.0),
            feeds: Mutex::new(Some(Vec::new())),
            stats: Mutex::new(JournalStats { bytes, ..JournalStats::default() }),
            queue: Mutex::new(Queue { lanes: Lanes::new(capacity), rolls: Vec::new(), is_closed: false }),
            arrived: Condvar::new(),
        }
    }

    /// Puts a job at the end of its lane.
    pub(super) fn submit(&self, lane: Lane, job: Job) -> Result<(), AppendError> {
        let mut queue = lock(&self.queue);
        if queue.is_closed {
            return Err(AppendError::Closed);
        }
        let bytes = job.bytes;
        queue.lanes.push(lane, job, bytes).map_err(|waiting| AppendError::Overloaded { waiting })?;
        self.arrived.notify_one();
        Ok(())
    }

    /// Has lanes pay for what applying their facts cost.
    pub(super) fn charge(&self, costs: impl IntoIterator<Item = (Lane, usize)>) {
        let mut queue = lock(&self.queue);
        for (lane, work) in costs {
            queue.lanes.charge(lane, work);
        }
    }

    /// Returns once all that is stored is in segments that nobody appends to, with the number of the first fact that is not. Blocks.
    pub(super) fn roll(&self) -> io::Result<Seq> {
        let closed = || io::Error::other("the journal is closed");
        let (reply, done) = sync_channel(1);
        {
            let mut queue = lock(&self.queue);
            if queue.is_closed {
                return Err(closed());
            }
            queue.rolls.push(reply);
        }
        self.arrived.notify_one();
        done.recv().unwrap_or_else(|_| Err(closed()))
    }

    /// What is to be done next, as soon as there is something; none once the queue is closed and empty.
    pub(super) fn next_work(&self) -> Option<Work> {
        let mut queue = lock(&self.queue);
        loop {
            if let Some(reply) = queue.rolls.pop() {
                return Some(Work::Roll(reply));
            }
            if let Some(job) = queue.lanes.pop(|_, _| true) {
                return Some(Work::Append(job));
            }
            if queue.is_closed {
                return None;
            }
            queue = self.arrived.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next job if it is there and not larger than this.
    pub(super) fn next_job_within(&self, facts: usize, bytes: usize) -> Option<Job> {
        lock(&self.queue).lanes.pop(|job, size| job.drafts.len() <= facts && size <= bytes)
    }

    /// Takes no more jobs.
    pub(super) fn close_queue(&self) {
        lock(&self.queue).is_closed = true;
        self.arrived.notify_all();
    }

    /// Tells everybody about entries that are on stable storage now.
    pub(super) fn publish(&self, last: Seq, group: &Arc<Group>) {
        let mut feeds = lock(&self.feeds);
        self.last.store(last.0, Ordering::Release);
        if let Some(feeds) = feeds.as_mut() {
            // A follower that has gone away is forgotten.
            feeds.retain(|feed| feed.send(Arc::clone(group)).is_ok());
        }
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut JournalStats)) {
        change(&mut lock(&self.stats));
    }
}
