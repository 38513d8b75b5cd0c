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

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use jackfield_core::fact::{Actor, Fact};
use jackfield_core::ids::Seq;
use tokio::sync::oneshot;

use super::contract::{AppendId, Draft, Entries, Follower, Group, Journal, Pending, Receipt};
use super::error::{AppendError, JournalError};
use super::files::Journaled;
use super::frame::MAX_PAYLOAD;
use super::group_commit::{Limits, end_feeds, run};
use super::lanes::{Lane, Size};
use super::read::read;
use super::redact::replace;
use super::room::Room;
use super::segment::io_error;
use super::shared::{Job, Shared};
use super::stats::JournalStats;
use super::writer::Writer;
use crate::disk::Disk;
use crate::options::Options;
use crate::sync::lock;

/// How many batches a follower may lag behind before appenders wait for it.
const LAG: usize = 4;

/// The journal in a local folder. Dropping it is [`Journal::close`].
pub struct LocalJournal {
    disk: Arc<dyn Disk>,
    room: Room,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl LocalJournal {
    /// Looks through the folder, which may be missing, and opens it.
    ///
    /// # Errors
    /// What [`Journaled::scan`] and [`LocalJournal::open_scanned`] refuse.
    pub fn open(dir: &Path, options: &Options) -> Result<Self, JournalError> {
        let found = Journaled::scan(dir, options.check_bytes, &mut |_, _| {})?;
        Self::open_scanned(dir, &found, options)
    }

    /// Opens a folder that was looked through, cuts off what is torn, and starts the thread that appends. One process at a time; the
    /// caller sees to that.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn open_scanned(dir: &Path, found: &Journaled, options: &Options) -> Result<Self, JournalError> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| io_error(dir, e))?;
        if let Some(torn) = &found.torn {
            tracing::warn!(
                segment = %torn.path.display(), offset = torn.offset, bytes = torn.bytes, reason = torn.why,
                "an interrupted write at the end of the journal is cut off; nobody was told that it was stored"
            );
        }
        let writer = Writer::open(dir, found, Arc::clone(&options.disk), options.segment_bytes, options.clock);
        let writer = writer.map_err(|e| io_error(dir, e))?;
        let capacity = Size { items: options.queue.max(1), bytes: options.queue_bytes };
        let shared = Arc::new(Shared::new(dir.to_owned(), found.last, found.bytes(), capacity));
        let limits =
            Limits { facts: options.group_facts, bytes: options.group_bytes, batch_delay: options.batch_delay };
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new().name(String::from("journal")).spawn(move || {
            run(writer, limits, &theirs);
            end_feeds(&theirs);
        });
        let thread = thread.map_err(|e| io_error(dir, e))?;
        let room = Room::new(options.reserve_bytes);
        Ok(Self { disk: Arc::clone(&options.disk), room, shared, thread: Mutex::new(Some(thread)) })
    }

    fn submit(
        &self,
        id: AppendId,
        drafts: Vec<Draft>,
    ) -> Result<oneshot::Receiver<Result<Receipt, AppendError>>, AppendError> {
        let Some(first) = drafts.first() else {
            return Err(AppendError::Unwritable(String::from("the group is empty")));
        };
        let lane = Lane::of(first.actor());
        let bytes = drafts.iter().map(Draft::size).sum();
        if bytes > MAX_PAYLOAD {
            return Err(AppendError::TooLarge { bytes, limit: MAX_PAYLOAD });
        }
        let room = self.room.take(&*self.disk, &self.shared.dir, &lane, &drafts);
        room.inspect_err(|_| self.shared.count(|stats| stats.reserved += 1))?;
        let (reply, answer) = oneshot::channel();
        self.shared.submit(lane, Job { id, drafts, bytes, reply })?;
        Ok(answer)
    }
}

impl Journal for LocalJournal {
    fn append_as(&self, id: AppendId, group: Vec<Draft>) -> Pending<'_, Result<Receipt, AppendError>> {
        let answer = self.submit(id, group);
        Box::pin(async move {
            let lost = || Err(AppendError::Unknown(String::from("the thread of the journal has ended")));
            answer?.await.unwrap_or_else(|_| lost())
        })
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
        let stored = read(&self.shared.dir, from, last)?
            .map(|entry| entry.map(|entry| Arc::new(Group { entries: vec![entry], appends: Vec::new() })));
        let live = live.into_iter().filter_map(move |batch| since(batch, from)).map(Ok);
        Ok(Box::new(stored.chain(live)))
    }

    fn replace(&self, facts: &BTreeMap<Seq, Fact>) -> Result<usize, JournalError> {
        // Nobody appends to the segments before the one that is begun now.
        let end = self.shared.roll().map_err(|e| io_error(&self.shared.dir, e))?;
        replace(&self.shared.dir, &*self.disk, facts, end)
    }

    fn charge(&self, costs: &[(&Actor, u64)]) {
        let work = |work: u64| usize::try_from(work).unwrap_or(usize::MAX);
        self.shared.charge(costs.iter().map(|(actor, cost)| (Lane::of(actor), work(*cost))));
    }

    fn stats(&self) -> JournalStats {
        lock(&self.shared.stats).clone()
    }

    fn close(&self) {
        self.shared.close_queue();
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

/// What of a group is to be followed from a number on.
fn since(group: Arc<Group>, from: Seq) -> Option<Arc<Group>> {
    match (group.entries.first(), group.entries.last()) {
        (Some(first), _) if first.seq >= from => Some(group),
        (_, Some(last)) if last.seq >= from => {
            let entries = group.entries.iter().filter(|entry| entry.seq >= from).cloned().collect();
            Some(Arc::new(Group { entries, appends: Vec::new() }))
        }
        _ => None,
    }
}
