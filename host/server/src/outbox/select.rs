//! Which messages may start now: in order within a thread, whatever happens in the others.

use std::collections::HashSet;

use jackfield_core::ids::Millis;
use jackfield_core::rows::Outgoing;

use super::backoff;
use crate::jobs::worker::Selection;

/// How many rows of the outbox are looked at in one go. Only with more threads than this that all wait for a retry would one be missed,
/// and then only until some of them have gone out.
pub const LOOKED_AT: usize = 10_000;

/// Picks at most `places` messages of `rows`, which are in order of age. A message waits as long as an older one of its thread waits or
/// runs, even when that one is to be retried much later: a reply must not overtake the one before it. `busy` are threads of which a
/// message was started that may not be marked as running yet.
#[must_use]
pub fn select(rows: Vec<Outgoing>, busy: &HashSet<String>, now: Millis, places: usize) -> Selection<Outgoing> {
    let mut selection = Selection { due: Vec::new(), next: None };
    let mut threads = HashSet::new();
    for row in rows {
        if selection.due.len() >= places {
            break;
        }
        let first_of_thread = threads.insert(row.thread.clone());
        if !first_of_thread || row.running.is_some() || busy.contains(&row.thread) {
            continue;
        }
        match backoff::is_due(row.at, row.attempts, now) {
            true => selection.due.push(row),
            false => selection.next = Some(selection.next.map_or(row.at, |next| next.min(row.at))),
        }
    }
    selection
}

#[cfg(test)]
mod tests {
    use jackfield_core::ids::{MessageId, Seq};

    use super::*;

    fn row(seq: u64, thread: &str, at: u64) -> Outgoing {
        Outgoing {
            message: MessageId::new(Seq(seq), 0),
            thread: thread.to_owned(),
            running: None,
            at: Millis(at),
            attempts: 1,
            since: Millis(0),
        }
    }

    fn picked(rows: &[Outgoing], places: usize) -> (Vec<u64>, Option<u64>) {
        picked_beside(rows, &[], places)
    }

    fn picked_beside(rows: &[Outgoing], busy: &[&str], places: usize) -> (Vec<u64>, Option<u64>) {
        let busy = busy.iter().map(|thread| (*thread).to_owned()).collect();
        let selection = select(rows.to_vec(), &busy, Millis(100), places);
        (selection.due.iter().map(|row| row.message.seq().0).collect(), selection.next.map(|at| at.0))
    }

    #[test]
    fn only_the_oldest_message_of_a_thread_may_start() {
        assert_eq!(picked(&[row(1, "a", 0), row(2, "a", 0), row(3, "b", 0)], 8), (vec![1, 3], None));
    }

    #[test]
    fn a_message_does_not_overtake_one_that_waits_for_its_retry() {
        assert_eq!(picked(&[row(1, "a", 500), row(2, "a", 0), row(3, "b", 300)], 8), (vec![], Some(300)));
    }

    #[test]
    fn a_message_does_not_overtake_one_that_runs() {
        let mut running = row(1, "a", 0);
        running.running = Some(1);
        assert_eq!(picked(&[running, row(2, "a", 0), row(3, "b", 0)], 8), (vec![3], None));
        let rows = [row(1, "a", 0), row(2, "a", 0), row(3, "b", 0)];
        assert_eq!(picked_beside(&rows, &["a"], 8), (vec![3], None), "started, and not marked yet");
    }

    #[test]
    fn no_more_start_than_there_are_places() {
        let rows: Vec<_> = (1..=20).map(|n| row(n, &n.to_string(), 0)).collect();
        assert_eq!(picked(&rows, 2), (vec![1, 2], None));
        assert_eq!(picked(&rows, 0), (vec![], None));
    }
}
