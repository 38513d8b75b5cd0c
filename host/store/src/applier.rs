//! Applies what is durable, in order, and commits it to sled.
//!
//! This is a thread of its own beside the one that appends: while a batch is applied, the next one is being synced.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use jackfield_core::fact::Entry;
use jackfield_core::ids::Seq;

use crate::journal::{AppendError, Follower};
use crate::store::Core;
use crate::views::{Stopped, apply_group};

/// Starts the thread. It ends when the journal is closed or a fact cannot be applied.
pub(crate) fn spawn(core: Arc<Core>, tree: sled::Db, entries: Follower) -> io::Result<JoinHandle<()>> {
    let name = String::from("views");
    thread::Builder::new().name(name).spawn(move || {
        let why = run(&core, &tree, entries);
        // Before anybody is told, so that whoever closes the store after that does not wait for this handle.
        drop(tree);
        core.desk.stop(why);
        core.effects.close();
    })
}

fn run(core: &Core, tree: &sled::Db, entries: Follower) -> AppendError {
    for group in entries {
        let applied = match &group {
            Ok(group) => apply(core, tree, group),
            Err(e) => Err(format!("the journal cannot be followed: {e}")),
        };
        if let Err(why) = applied {
            tracing::error!(reason = why, "the host stops taking facts");
            return AppendError::Poisoned(why);
        }
    }
    AppendError::Closed
}

fn apply(core: &Core, tree: &sled::Db, group: &[Entry]) -> Result<(), String> {
    let Some(first) = group.first() else { return Ok(()) };
    let started = Instant::now();
    let (applied, failed) = match apply_group(tree, group) {
        Ok(applied) => (applied, None),
        Err(Stopped { applied, seq, why, views }) => (applied, Some((seq, why, views))),
    };
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    if !applied.is_empty() {
        let last = Seq(first.seq.0 + applied.len() as u64 - 1);
        let (mut outcomes, mut effects) = (Vec::with_capacity(applied.len()), Vec::new());
        for one in applied {
            outcomes.push(one.outcome);
            effects.extend(one.effects);
        }
        core.applied(last, micros);
        // Before the appender is answered, so that who hears of a fact and then asks the consumer of its effects finds them there.
        core.effects.publish(last, effects);
        core.desk.settle(first.seq, outcomes);
    }
    let Some((seq, why, views)) = failed else { return Ok(()) };
    if views {
        core.distrust(&why);
    }
    Err(format!("fact {seq} is stored but could not be applied: {why}"))
}
