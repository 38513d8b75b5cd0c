//! Group commit: one thread takes whatever waits, stores it as one frame with one sync, and answers all of it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use jackfield_core::ids::Seq;
use tokio::sync::oneshot;

use super::contract::{AppendId, Group, Receipt};
use super::error::AppendError;
use super::shared::{Job, Shared, Work};
use super::writer::Writer;
use crate::sync::lock;

/// How many appends are remembered, so that one that comes again is recognised. An appender repeats within seconds.
const REMEMBERED: usize = 4096;

/// How much shares a sync.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) facts: usize,
    pub(super) bytes: usize,
    /// How long a group waits for more, once groups come together.
    pub(super) batch_delay: Duration,
}

/// Serves the queue until it is closed and empty.
#[allow(
    clippy::disallowed_methods,
    reason = "a thread of its own, which has nothing else to do while it waits for more to share a sync"
)]
pub(super) fn run(mut writer: Writer, limits: Limits, shared: &Shared) {
    let mut recent = Recent::default();
    // A group that comes alone does not wait for others.
    let mut batching = false;
    while let Some(work) = shared.next_work() {
        let first = match work {
            Work::Append(job) => job,
            Work::Roll(reply) => {
                let _ = reply.send(writer.finish_segment());
                continue;
            }
        };
        if batching && !limits.batch_delay.is_zero() {
            thread::sleep(limits.batch_delay);
        }
        let (mut facts, mut bytes) = (first.drafts.len(), first.bytes);
        let mut jobs = vec![first];
        while facts < limits.facts && bytes < limits.bytes {
            let Some(job) = shared.next_job_within(limits.facts - facts, limits.bytes - bytes) else { break };
            (facts, bytes) = (facts + job.drafts.len(), bytes + job.bytes);
            jobs.push(job);
        }
        batching = jobs.len() > 1;
        commit(&mut writer, jobs, &mut recent, shared);
    }
}

/// The appends that were stored last.
#[derive(Default)]
struct Recent {
    receipts: HashMap<AppendId, Receipt>,
    order: VecDeque<AppendId>,
}

impl Recent {
    fn remember(&mut self, id: AppendId, receipt: Receipt) {
        if self.receipts.insert(id, receipt).is_none() {
            self.order.push_back(id);
        }
        while self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.receipts.remove(&oldest);
            }
        }
    }
}

type Reply = oneshot::Sender<Result<Receipt, AppendError>>;

fn commit(writer: &mut Writer, jobs: Vec<Job>, recent: &mut Recent, shared: &Shared) {
    let mut drafts = Vec::new();
    let mut replies: Vec<(AppendId, usize, Reply)> = Vec::with_capacity(jobs.len());
    let mut repeats: Vec<(AppendId, Reply)> = Vec::new();
    for job in jobs {
        if let Some(receipt) = recent.receipts.get(&job.id) {
            let _ = job.reply.send(Ok(*receipt));
        } else if replies.iter().any(|(id, ..)| *id == job.id) {
            repeats.push((job.id, job.reply));
        } else {
            replies.push((job.id, job.drafts.len(), job.reply));
            drafts.extend(job.drafts);
        }
    }
    if !drafts.is_empty() {
        let started = Instant::now();
        let end_before = writer.end();
        let stored = writer.append(drafts);
        let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        shared.count(|stats| {
            match &stored {
                Ok(entries) => {
                    stats.facts += entries.len() as u64;
                    stats.batches += 1;
                    stats.last_batch = entries.len();
                    stats.count_sync(micros);
                    // After a new segment was begun the difference is negative: the new segment is all that came.
                    stats.bytes += writer.end().checked_sub(end_before).unwrap_or(writer.end());
                }
                Err(_) => stats.failures += 1,
            }
            stats.broken = writer.broken().cloned();
        });
        match stored {
            Ok(entries) => {
                let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return };
                let (mut next, at, last) = (first.seq, first.at, last.seq);
                let appends = replies.iter().map(|(id, count, _)| (*id, *count)).collect();
                shared.publish(last, &Arc::new(Group { entries, appends }));
                for (id, count, reply) in replies {
                    let receipt = Receipt { first: next, last: Seq((next.0 + count as u64).saturating_sub(1)), at };
                    recent.remember(id, receipt);
                    // Who no longer waits has gone away; the facts are stored all the same.
                    let _ = reply.send(Ok(receipt));
                    next = receipt.last.next();
                }
            }
            Err(e) => {
                tracing::error!(error = %e, groups = replies.len(), "facts could not be appended");
                for reply in
                    replies.into_iter().map(|(.., reply)| reply).chain(repeats.drain(..).map(|(_, reply)| reply))
                {
                    let _ = reply.send(Err(e.clone()));
                }
            }
        }
    }
    for (id, reply) in repeats {
        if let Some(receipt) = recent.receipts.get(&id) {
            let _ = reply.send(Ok(*receipt));
        }
    }
}

/// Ends the followers.
pub(super) fn end_feeds(shared: &Shared) {
    *lock(&shared.feeds) = None;
}
