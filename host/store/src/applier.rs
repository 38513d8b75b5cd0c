//! Applies what is durable, in order, and commits it to sled.
//!
//! This is a thread of its own beside the one that appends: while a batch is applied, the next one is being synced.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use jackfield_core::fact::Entry;
use jackfield_core::ids::Seq;

use crate::core::Core;
use crate::journal::{AppendError, Follower};
use crate::projection::{Failure, Stopped};
use crate::sync::lock;
use crate::views::OnDefect;

/// Starts the thread. It ends when the journal is closed or the storage of the views fails; no fact ends it.
pub(crate) fn spawn(core: Arc<Core>, entries: Follower) -> io::Result<JoinHandle<()>> {
    let name = String::from("views");
    thread::Builder::new().name(name).spawn(move || {
        let why = run(&core, entries);
        core.desk.stop(why);
        core.effects.close();
    })
}

fn run(core: &Core, entries: Follower) -> AppendError {
    for group in entries {
        let applied = match &group {
            Ok(group) => apply(core, group),
            Err(e) => Err(format!("the journal cannot be followed: {e}")),
        };
        if let Err(why) = applied {
            tracing::error!(reason = why, "the host stops taking facts");
            return AppendError::Poisoned(why);
        }
    }
    AppendError::Closed
}

fn apply(core: &Core, group: &[Entry]) -> Result<(), String> {
    let mut left = group;
    while let Some(first) = left.first() {
        let (done, stopped) = apply_some(core, first.seq, left)?;
        left = left.get(done..).unwrap_or_default();
        match stopped {
            None => {}
            Some((seq, Failure::Storage(why))) => {
                core.mark_untrusted(&why);
                return Err(format!("fact {seq} is stored but could not be applied: {why}"));
            }
            Some((seq, Failure::Defect(why))) => {
                // Rows of another edition may be at fault. The tables of this edition tell, as soon as they are built.
                tracing::warn!(seq = seq.0, reason = why, "facts wait until the views are built again");
                core.rebuild.wait();
                if core.rebuild.is_stopping() {
                    return Err(format!("fact {seq} is stored, and is applied once the views are built"));
                }
            }
        }
    }
    Ok(())
}

/// Applies entries as far as possible; how many that were, and what was in the way.
fn apply_some(core: &Core, first: Seq, group: &[Entry]) -> Result<(usize, Option<(Seq, Failure)>), String> {
    let _feed = lock(&core.feed);
    let tables = core.tables().ok_or("the store is closed")?;
    let mut on_defect = OnDefect::Skip;
    if !tables.is_current() {
        core.mark_mixed().map_err(|e| format!("state.json cannot be written: {e}"))?;
        if core.rebuild.is_running() {
            on_defect = OnDefect::Tell;
        }
    }
    let started = Instant::now();
    let (applied, stopped) = match tables.apply_or(group, on_defect) {
        Ok(applied) => (applied, None),
        Err(Stopped { applied, seq, failure }) => (applied, Some((seq, failure))),
    };
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let done = applied.len();
    if done > 0 {
        let last = Seq(first.0 + done as u64 - 1);
        let (mut outcomes, mut effects) = (Vec::with_capacity(done), Vec::new());
        for one in applied {
            outcomes.push(one.outcome);
            effects.extend(one.effects);
        }
        core.applied(last, micros);
        // Before the appender is answered, so that who hears of a fact and then asks the consumer of its effects finds them there.
        core.effects.publish(last, effects);
        core.desk.settle(first, outcomes);
    }
    Ok((done, stopped))
}
