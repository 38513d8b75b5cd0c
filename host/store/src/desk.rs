//! Where appenders wait for what their facts came to.
//!
//! The journal tells an appender its numbers, the applier applies numbers in order, and either may be first. So the applier leaves what
//! it has applied here as long as somebody is on the way who may ask for it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use jackfield_core::fact::Outcome;
use jackfield_core::ids::Seq;
use tokio::sync::oneshot;

use crate::journal::{AppendError, Receipt};
use crate::sync::lock;

/// The desk.
#[derive(Default)]
pub(crate) struct Desk {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    applied: Seq,
    /// How many appenders came when this was the last applied number. They ask for later ones only.
    floors: BTreeMap<Seq, usize>,
    /// Outcomes that somebody may ask for.
    kept: BTreeMap<Seq, Outcome>,
    /// Who waits, by the last number of the group.
    waiting: BTreeMap<Seq, Waiter>,
    /// Why nothing more will be applied.
    stopped: Option<AppendError>,
}

struct Waiter {
    first: Seq,
    answer: oneshot::Sender<Result<Vec<Outcome>, AppendError>>,
}

/// The right to ask, taken before the facts are handed to the journal.
pub(crate) struct Ticket<'a> {
    desk: &'a Desk,
    floor: Seq,
}

impl Desk {
    pub(crate) fn new(applied: Seq) -> Self {
        Self { inner: Mutex::new(Inner { applied, ..Inner::default() }) }
    }

    /// Takes a ticket.
    pub(crate) fn ticket(&self) -> Result<Ticket<'_>, AppendError> {
        let mut inner = lock(&self.inner);
        if let Some(why) = &inner.stopped {
            return Err(why.clone());
        }
        let floor = inner.applied;
        *inner.floors.entry(floor).or_default() += 1;
        Ok(Ticket { desk: self, floor })
    }

    /// Says what facts came to, once the views have them. `first` is the number of the first outcome.
    pub(crate) fn settle(&self, first: Seq, outcomes: Vec<Outcome>) {
        let mut inner = lock(&self.inner);
        let inner = &mut *inner;
        let mut seq = first;
        for outcome in outcomes {
            inner.kept.insert(seq, outcome);
            inner.applied = seq;
            seq = seq.next();
        }
        let later = inner.waiting.split_off(&inner.applied.next());
        for (last, waiter) in std::mem::replace(&mut inner.waiting, later) {
            let outcomes = take(&mut inner.kept, waiter.first, last);
            let _ = waiter.answer.send(Ok(outcomes));
        }
        inner.prune();
    }

    /// Nothing more will be applied; whoever waits or comes hears why.
    pub(crate) fn stop(&self, why: AppendError) {
        let mut inner = lock(&self.inner);
        for (_, waiter) in std::mem::take(&mut inner.waiting) {
            let _ = waiter.answer.send(Err(why.clone()));
        }
        inner.stopped.get_or_insert(why);
    }

    /// Why nothing more is applied, if so.
    pub(crate) fn stopped(&self) -> Option<AppendError> {
        lock(&self.inner).stopped.clone()
    }
}

impl Ticket<'_> {
    /// What the facts of a receipt came to, as soon as the views have them.
    pub(crate) async fn outcomes(self, receipt: Receipt) -> Result<Vec<Outcome>, AppendError> {
        let answer = {
            let mut inner = lock(&self.desk.inner);
            let inner = &mut *inner;
            if inner.applied >= receipt.last() {
                return Ok(take(&mut inner.kept, receipt.first, receipt.last()));
            }
            if let Some(why) = &inner.stopped {
                return Err(why.clone());
            }
            let (answer, outcomes) = oneshot::channel();
            inner.waiting.insert(receipt.last(), Waiter { first: receipt.first, answer });
            outcomes
        };
        answer.await.unwrap_or(Err(AppendError::Closed))
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut inner = lock(&self.desk.inner);
        if let Some(count) = inner.floors.get_mut(&self.floor) {
            *count -= 1;
            if *count == 0 {
                inner.floors.remove(&self.floor);
                inner.prune();
            }
        }
    }
}

impl Inner {
    /// Forgets what nobody can ask for any more.
    fn prune(&mut self) {
        match self.floors.keys().next() {
            None => self.kept.clear(),
            Some(floor) => {
                while self.kept.first_key_value().is_some_and(|(seq, _)| seq <= floor) {
                    self.kept.pop_first();
                }
            }
        }
    }
}

fn take(kept: &mut BTreeMap<Seq, Outcome>, first: Seq, last: Seq) -> Vec<Outcome> {
    (first.0..=last.0).filter_map(|seq| kept.remove(&Seq(seq))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(first: u64, count: usize) -> Receipt {
        Receipt { first: Seq(first), count, at: jackfield_core::ids::Millis(0) }
    }

    #[tokio::test]
    async fn an_outcome_that_comes_before_the_question_is_kept() {
        let desk = Desk::new(Seq(4));
        let ticket = desk.ticket().unwrap();
        desk.settle(Seq(5), vec![Outcome::Done; 3]);
        assert_eq!(ticket.outcomes(receipt(6, 2)).await, Ok(vec![Outcome::Done; 2]));
    }

    #[tokio::test]
    async fn a_question_that_comes_before_the_outcome_waits() {
        let desk = Desk::new(Seq(0));
        let ticket = desk.ticket().unwrap();
        let settle = async {
            tokio::task::yield_now().await;
            desk.settle(Seq(1), vec![Outcome::Done]);
            desk.settle(Seq(2), vec![Outcome::Done; 2]);
        };
        let (outcomes, ()) = tokio::join!(ticket.outcomes(receipt(1, 3)), settle);
        assert_eq!(outcomes, Ok(vec![Outcome::Done; 3]));
    }

    #[tokio::test]
    async fn nothing_is_kept_when_nobody_is_on_the_way() {
        let desk = Desk::new(Seq(0));
        desk.settle(Seq(1), vec![Outcome::Done]);
        assert!(lock(&desk.inner).kept.is_empty());
        let ticket = desk.ticket().unwrap();
        desk.settle(Seq(2), vec![Outcome::Done]);
        assert_eq!(lock(&desk.inner).kept.len(), 1);
        drop(ticket);
        assert!(lock(&desk.inner).kept.is_empty());
    }

    #[tokio::test]
    async fn whoever_waits_hears_that_the_views_have_stopped() {
        let desk = Desk::new(Seq(0));
        let ticket = desk.ticket().unwrap();
        let why = AppendError::Poisoned(String::from("why"));
        let stop = async {
            tokio::task::yield_now().await;
            desk.stop(why.clone());
        };
        let (outcomes, ()) = tokio::join!(ticket.outcomes(receipt(1, 1)), stop);
        assert_eq!(outcomes, Err(why.clone()));
        assert_eq!(desk.ticket().map(|_| ()), Err(why));
    }
}
