//! Applies what is durable, in order, and commits it to sled.
//!
//! This is a thread of its own beside the one that appends: while a batch is applied, the next one is being synced.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jackfield_core::fact::{Entry, Outcome};
use jackfield_core::ids::Seq;

use crate::core::Core;
use crate::journal::{AppendError, Follower, Group, Journal, JournalError};
use crate::projection::{Failure, Stopped};
use crate::sync::lock;
use crate::views::OnDefect;

/// How long the journal is left alone after it could not be read for a moment, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// Starts the thread. It ends when the journal is closed, or when it or the storage of the views fails for good; no fact ends it.
pub(crate) fn spawn(core: Arc<Core>, journal: Arc<dyn Journal>, entries: Follower) -> io::Result<JoinHandle<()>> {
    let name = String::from("views");
    thread::Builder::new().name(name).spawn(move || {
        let why = run(&core, &*journal, entries);
        core.waiters.stop(why);
        core.effects.close();
    })
}

fn run(core: &Core, journal: &dyn Journal, mut entries: Follower) -> AppendError {
    loop {
        let why = match follow(core, journal, entries) {
            None => return AppendError::Closed,
            Some(End::Lost(why)) => why,
            Some(End::Failed(why)) => {
                tracing::error!(reason = why, "the host stops taking facts");
                return AppendError::Poisoned(why);
            }
        };
        tracing::warn!(reason = why, "the journal cannot be followed at the moment");
        // What comes now was not heard with its id, so whoever waits for it cannot be answered.
        core.waiters.lose(&why);
        entries = match resume(core, journal) {
            Ok(entries) => entries,
            Err(JournalError::Closed) => return AppendError::Closed,
            Err(e) => return AppendError::Poisoned(format!("the journal cannot be followed: {e}")),
        };
    }
}

/// Why following ended before the journal did.
enum End {
    /// It may go on in a moment.
    Lost(String),
    Failed(String),
}

fn follow(core: &Core, journal: &dyn Journal, entries: Follower) -> Option<End> {
    for group in entries {
        match group {
            Ok(group) => {
                if let Err(why) = apply(core, journal, &group) {
                    return Some(End::Failed(why));
                }
            }
            Err(e) if e.is_transient() => return Some(End::Lost(e.to_string())),
            Err(e) => return Some(End::Failed(format!("the journal cannot be followed: {e}"))),
        }
    }
    None
}

#[allow(clippy::disallowed_methods, reason = "a thread of its own, which has nothing to do until the journal is back")]
fn resume(core: &Core, journal: &dyn Journal) -> Result<Follower, JournalError> {
    let mut pause = RETRY.0;
    loop {
        thread::sleep(pause);
        pause = (pause * 2).min(RETRY.1);
        match journal.follow(core.watch.borrow().next()) {
            Err(e) if e.is_transient() && !core.rebuild.is_stopping() => {}
            other => return other,
        }
    }
}

fn apply(core: &Core, journal: &dyn Journal, group: &Group) -> Result<(), String> {
    let mut outcomes = Vec::with_capacity(group.entries.len());
    let applied = apply_all(core, journal, &group.entries, &mut outcomes);
    core.waiters.settle(&group.appends, outcomes, *core.watch.borrow());
    applied
}

fn apply_all(core: &Core, journal: &dyn Journal, entries: &[Entry], outcomes: &mut Vec<Outcome>) -> Result<(), String> {
    let mut left = entries;
    while !left.is_empty() {
        let (done, stopped) = apply_some(core, journal, left, outcomes)?;
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
fn apply_some(
    core: &Core,
    journal: &dyn Journal,
    group: &[Entry],
    outcomes: &mut Vec<Outcome>,
) -> Result<(usize, Option<(Seq, Failure)>), String> {
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
    if let Some(last) = done.checked_sub(1).and_then(|index| group.get(index)).map(|entry| entry.seq) {
        let costs: Vec<_> = group.iter().zip(&applied).map(|(entry, one)| (&entry.actor, one.cost.work())).collect();
        journal.charge(&costs);
        let mut effects = Vec::new();
        for one in applied {
            outcomes.push(one.outcome);
            effects.extend(one.effects);
        }
        core.applied(last, micros);
        // Before the appender is answered, so that whoever hears of a fact finds its effects published.
        core.effects.publish(last, effects);
    }
    Ok((done, stopped))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jackfield_core::fact::{Actor, Fact};

    use super::*;
    use crate::journal::local::LocalJournal;
    use crate::journal::{AppendId, Draft, Entries, JournalStats, Pending, Receipt};
    use crate::options::Options;
    use crate::recovery::{Outdated, Recovered, lock_folder, recover};
    use crate::store::start_on;

    /// A log that cannot be followed for more than two groups at a time.
    struct Flaky(LocalJournal);

    impl Journal for Flaky {
        fn append_as(&self, id: AppendId, group: Vec<Draft>) -> Pending<'_, Result<Receipt, AppendError>> {
            self.0.append_as(id, group)
        }

        fn last(&self) -> Seq {
            self.0.last()
        }

        fn read(&self, from: Seq) -> Result<Entries, JournalError> {
            self.0.read(from)
        }

        fn follow(&self, from: Seq) -> Result<Follower, JournalError> {
            let lost = std::iter::once_with(|| Err(JournalError::Transient(String::from("the log is away"))));
            Ok(Box::new(self.0.follow(from)?.take(2).chain(lost)))
        }

        fn replace(&self, facts: &BTreeMap<Seq, Fact>) -> Result<usize, JournalError> {
            self.0.replace(facts)
        }

        fn stats(&self) -> JournalStats {
            self.0.stats()
        }

        fn close(&self) {
            self.0.close();
        }
    }

    #[tokio::test]
    async fn a_log_that_is_away_for_a_moment_is_followed_again_and_nothing_is_applied_twice() {
        let dir = tempfile::tempdir().unwrap();
        let options = Options::default();
        let recovered = recover(lock_folder(dir.path()).unwrap(), &options, Outdated::Serve, &mut |_| {}).unwrap();
        let Recovered { lock, journal, state, tables, .. } = recovered;
        let core = Arc::new(Core::new(tables, lock, state, None));
        let store = start_on(core, Arc::new(Flaky(journal)), None, &options).unwrap();
        let mut committed = 0;
        for n in 1..=8_u64 {
            let fact = Fact::ChannelResumed { channel: "shop".parse().unwrap() };
            match store.append(Actor::Host, fact).await {
                Ok(fact) => {
                    assert_eq!(fact.seq, Seq(n));
                    committed += 1;
                }
                Err(error) => assert!(error.is_unknown(), "{error}"),
            }
            store.watch().wait_for(|applied| *applied == Seq(n)).await.unwrap();
        }
        assert!(committed >= 2);
        assert_eq!((store.read().seq(), store.stopped()), (Seq(8), None));
    }
}
