//! Group commit: one thread takes whatever waits, stores it as one frame with one sync, and answers all of it.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use jackfield_core::fact::Entry;
use jackfield_core::ids::Seq;
use tokio::sync::{mpsc, oneshot};

use super::local::Shared;
use super::writer::Writer;
use super::{AppendError, Draft, Receipt};

/// A group that waits.
pub(super) struct Job {
    pub(super) group: Vec<Draft>,
    /// Its size.
    pub(super) bytes: usize,
    pub(super) reply: oneshot::Sender<Result<Receipt, AppendError>>,
}

/// How much shares a sync.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) facts: usize,
    pub(super) bytes: usize,
    /// How long a group waits for more, once groups come together.
    pub(super) gather: Duration,
}

/// Serves the queue until it is closed and empty.
#[allow(
    clippy::disallowed_methods,
    reason = "a thread of its own, which has nothing else to do while it waits for company"
)]
pub(super) fn run(mut writer: Writer, mut queue: mpsc::Receiver<Job>, limits: Limits, shared: &Shared) {
    let mut left = None;
    // Whoever comes alone does not wait for others.
    let mut company = false;
    while let Some(first) = left.take().or_else(|| queue.blocking_recv()) {
        if company && !limits.gather.is_zero() {
            thread::sleep(limits.gather);
        }
        let (mut facts, mut bytes) = (first.group.len(), first.bytes);
        let mut jobs = vec![first];
        while facts < limits.facts && bytes < limits.bytes {
            let Ok(job) = queue.try_recv() else { break };
            if facts + job.group.len() > limits.facts || bytes + job.bytes > limits.bytes {
                left = Some(job);
                break;
            }
            (facts, bytes) = (facts + job.group.len(), bytes + job.bytes);
            jobs.push(job);
        }
        company = jobs.len() > 1;
        commit(&mut writer, jobs, shared);
        shared.release(bytes);
    }
}

fn commit(writer: &mut Writer, jobs: Vec<Job>, shared: &Shared) {
    let (mut drafts, mut replies) = (Vec::new(), Vec::with_capacity(jobs.len()));
    for job in jobs {
        replies.push((job.group.len(), job.reply));
        drafts.extend(job.group);
    }
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
        Ok(entries) => publish(Arc::new(entries), replies, shared),
        Err(e) => {
            tracing::error!(error = %e, groups = replies.len(), "facts could not be appended");
            for (_, reply) in replies {
                let _ = reply.send(Err(e.clone()));
            }
        }
    }
}

type Replies = Vec<(usize, oneshot::Sender<Result<Receipt, AppendError>>)>;

fn publish(entries: Arc<Vec<Entry>>, replies: Replies, shared: &Shared) {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
        return;
    };
    let (mut next, at) = (first.seq, first.at);
    shared.publish(last.seq, &entries);
    for (count, reply) in replies {
        // Who no longer waits has gone away; the facts are stored all the same.
        let _ = reply.send(Ok(Receipt { first: next, count, at }));
        next = Seq(next.0 + count as u64);
    }
}
