//! The journal in a local folder, the embedded one and the default.
//!
//! The folder holds segments, each named by the number of its first fact (`00000000000000000001.journal`) and about 64 MiB long;
//! [`frame`](super::frame) describes their bytes. One thread appends: it takes everything that waits, writes it as one frame with one
//! call, and syncs it with one `fdatasync`. A segment is made beside the folder, as `journal.new`, synced, moved into it, and used once
//! the folder is synced.
//!
//! So the frames up to any place were on stable storage before the next byte was written. That is what tells an interrupted write from
//! damage: bytes at the very end that are no whole frame belong to a write that nobody was told of, and are cut off; bytes that are
//! followed by a good frame or by a segment were acknowledged, and the journal refuses to open and names the place.
//!
//! It also makes a copy of the segments taken at any moment, without stopping, a backup: list the folder, copy what was listed, in
//! order. The copy's last frame may be cut in the middle, which is an interrupted write.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use jackfield_core::fact::Entry;
use jackfield_core::ids::Seq;
use tokio::sync::{mpsc, oneshot};

use super::files::{Journaled, io_error};
use super::frame::MAX_PAYLOAD;
use super::queue::{Job, Limits, run};
use super::read::read;
use super::writer::Writer;
use super::{AppendError, Draft, Entries, Follower, Journal, JournalError, JournalStats, Pending, Receipt};
use crate::options::Options;
use crate::sync::lock;

/// How many batches a follower may lag behind before appenders wait for it.
const LAG: usize = 4;

/// The journal in a local folder. Dropping it is [`Journal::close`].
pub struct LocalJournal {
    queue: Mutex<Option<mpsc::Sender<Job>>>,
    queue_length: usize,
    queue_bytes: usize,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

type Feed = SyncSender<Arc<Vec<Entry>>>;

/// What the appending thread and the others share.
pub(super) struct Shared {
    dir: PathBuf,
    last: AtomicU64,
    /// None once the journal is closed.
    feeds: Mutex<Option<Vec<Feed>>>,
    stats: Mutex<JournalStats>,
    waiting_bytes: AtomicUsize,
}

impl LocalJournal {
    /// Looks through the folder, which may be missing, and opens it.
    ///
    /// # Errors
    /// What [`Journaled::survey`] and [`LocalJournal::open_surveyed`] refuse.
    pub fn open(dir: &Path, options: &Options) -> Result<Self, JournalError> {
        let found = Journaled::survey(dir, options.check_bytes, &mut |_, _| {})?;
        Self::open_surveyed(dir, &found, options)
    }

    /// Opens a folder that was looked through, cuts off what is torn, and starts the thread that appends. One process at a time; the
    /// caller sees to that.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn open_surveyed(dir: &Path, found: &Journaled, options: &Options) -> Result<Self, JournalError> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| io_error(dir, e))?;
        if let Some(torn) = &found.torn {
            tracing::warn!(
                segment = %torn.path.display(), offset = torn.offset, bytes = torn.bytes, reason = torn.why,
                "an interrupted write at the end of the journal is cut off; nobody was told that it was stored"
            );
        }
        let writer = Writer::open(dir, found, Arc::clone(&options.disk), options.segment_bytes, options.clock);
        let writer = writer.map_err(|e| io_error(dir, e))?;
        let shared = Arc::new(Shared {
            dir: dir.to_owned(),
            last: AtomicU64::new(found.last.0),
            feeds: Mutex::new(Some(Vec::new())),
            stats: Mutex::new(JournalStats { bytes: found.bytes(), ..JournalStats::default() }),
            waiting_bytes: AtomicUsize::new(0),
        });
        let (queue, jobs) = mpsc::channel(options.queue.max(1));
        let limits =
            Limits { facts: options.group_facts.max(1), bytes: options.group_bytes.max(1), gather: options.gather };
        let thread = spawn(writer, jobs, limits, Arc::clone(&shared)).map_err(|e| io_error(dir, e))?;
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            queue_length: options.queue.max(1),
            queue_bytes: options.queue_bytes,
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    fn submit(&self, group: Vec<Draft>) -> Result<oneshot::Receiver<Result<Receipt, AppendError>>, AppendError> {
        if group.is_empty() {
            return Err(AppendError::Unwritable(String::from("the group is empty")));
        }
        let bytes = group.iter().map(Draft::size).sum();
        if bytes > MAX_PAYLOAD {
            return Err(AppendError::TooLarge { bytes, limit: MAX_PAYLOAD });
        }
        let queue = lock(&self.queue);
        let queue = queue.as_ref().ok_or(AppendError::Closed)?;
        let overloaded = || AppendError::Overloaded { waiting: self.queue_length - queue.capacity() };
        // A group that is larger than the whole allowance may still go alone.
        let waiting = self.shared.waiting_bytes.load(Ordering::Relaxed);
        if waiting > 0 && waiting + bytes > self.queue_bytes {
            return Err(overloaded());
        }
        let (reply, answer) = oneshot::channel();
        self.shared.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        match queue.try_send(Job { group, bytes, reply }) {
            Ok(()) => Ok(answer),
            Err(refused) => {
                self.shared.release(bytes);
                match refused {
                    mpsc::error::TrySendError::Full(_) => Err(overloaded()),
                    mpsc::error::TrySendError::Closed(_) => Err(AppendError::Closed),
                }
            }
        }
    }
}

fn spawn(writer: Writer, jobs: mpsc::Receiver<Job>, limits: Limits, shared: Arc<Shared>) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(String::from("journal")).spawn(move || {
        run(writer, jobs, limits, &shared);
        *lock(&shared.feeds) = None;
    })
}

impl Journal for LocalJournal {
    fn append(&self, group: Vec<Draft>) -> Pending<'_, Result<Receipt, AppendError>> {
        let answer = self.submit(group);
        Box::pin(async move { answer?.await.unwrap_or(Err(AppendError::Closed)) })
    }

    fn last(&self) -> Seq {
        Seq(self.shared.last.load(Ordering::Acquire))
    }

    fn read(&self, from: Seq) -> Result<Entries, JournalError> {
        read(&self.shared.dir, from, self.last())
    }

    fn follow(&self, from: Seq) -> Result<Follower, JournalError> {
        let (feed, live) = sync_channel(LAG);
        let last = {
            // Under this lock nothing is published, so every entry is either behind `last` or comes through the feed.
            let mut feeds = lock(&self.shared.feeds);
            feeds.as_mut().ok_or(JournalError::Closed)?.push(feed);
            self.last()
        };
        let stored = read(&self.shared.dir, from, last)?.map(|entry| entry.map(|entry| Arc::new(vec![entry])));
        let live = live.into_iter().filter_map(move |batch| since(batch, from)).map(Ok);
        Ok(Box::new(stored.chain(live)))
    }

    fn stats(&self) -> JournalStats {
        lock(&self.shared.stats).clone()
    }

    fn close(&self) {
        drop(lock(&self.queue).take());
        let thread = lock(&self.thread).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the journal has panicked");
        }
    }
}

impl Drop for LocalJournal {
    fn drop(&mut self) {
        self.close();
    }
}

/// What of a batch is to be followed from a number on.
fn since(batch: Arc<Vec<Entry>>, from: Seq) -> Option<Arc<Vec<Entry>>> {
    match (batch.first(), batch.last()) {
        (Some(first), _) if first.seq >= from => Some(batch),
        (_, Some(last)) if last.seq >= from => {
            Some(Arc::new(batch.iter().filter(|entry| entry.seq >= from).cloned().collect()))
        }
        _ => None,
    }
}

impl Shared {
    /// Tells everybody about entries that are on stable storage now.
    pub(super) fn publish(&self, last: Seq, entries: &Arc<Vec<Entry>>) {
        let mut feeds = lock(&self.feeds);
        self.last.store(last.0, Ordering::Release);
        if let Some(feeds) = feeds.as_mut() {
            // A follower that has gone away is forgotten.
            feeds.retain(|feed| feed.send(Arc::clone(entries)).is_ok());
        }
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut JournalStats)) {
        change(&mut lock(&self.stats));
    }

    /// Groups of this size no longer wait.
    pub(super) fn release(&self, bytes: usize) {
        self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}
