//! Where appenders wait for what their facts came to.
//!
//! An appender registers the id of its append before it hands the facts in, and the applier, which hears the ids with the entries, sends
//! the outcomes there. So it does not matter which of the two is first, and nothing is kept for anybody who has gone away.

use std::collections::HashMap;
use std::sync::Mutex;

use jackfield_core::fact::Outcome;
use jackfield_core::ids::Seq;
use tokio::sync::oneshot;

use crate::journal::{AppendError, AppendId};
use crate::sync::lock;

/// The appenders that wait.
#[derive(Default)]
pub(crate) struct CommitWaiters {
    inner: Mutex<Inner>,
}

type Answer = Result<Vec<Outcome>, AppendError>;

#[derive(Default)]
struct Inner {
    waiting: HashMap<AppendId, Waiting>,
    /// The last fact that was settled.
    through: Seq,
    /// Why nothing more will be applied.
    stopped: Option<AppendError>,
}

struct Waiting {
    answer: oneshot::Sender<Answer>,
    /// The last fact of the append, once that is known.
    last: Option<Seq>,
}

/// An appender that waits until this is dropped.
pub(crate) struct Waiter<'a> {
    waiters: &'a CommitWaiters,
    id: AppendId,
    outcomes: oneshot::Receiver<Answer>,
}

impl CommitWaiters {
    /// Registers an append that is going to be handed in.
    pub(crate) fn register(&self, id: AppendId) -> Result<Waiter<'_>, AppendError> {
        let mut inner = lock(&self.inner);
        if let Some(why) = &inner.stopped {
            return Err(why.clone());
        }
        let (answer, outcomes) = oneshot::channel();
        inner.waiting.insert(id, Waiting { answer, last: None });
        Ok(Waiter { waiters: self, id, outcomes })
    }

    /// Answers appends, of each of which the number of its facts is given, as far as there are outcomes, which go up to fact `through`.
    /// The views have them. Appends up to there that are not among these were not heard with their ids, and their answers are lost.
    pub(crate) fn settle(&self, appends: &[(AppendId, usize)], outcomes: Vec<Outcome>, through: Seq) {
        let (mut left, mut inner) = (outcomes.into_iter(), lock(&self.inner));
        inner.through = through;
        for (id, count) in appends {
            if left.len() < *count {
                return;
            }
            let outcomes = left.by_ref().take(*count).collect();
            if let Some(waiting) = inner.waiting.remove(id) {
                let _ = waiting.answer.send(Ok(outcomes));
            }
        }
        if appends.is_empty() {
            let missed = |waiting: &mut Waiting| waiting.last.is_some_and(|last| last <= through);
            for (_, waiting) in inner.waiting.extract_if(|_, waiting| missed(waiting)) {
                let _ = waiting.answer.send(Err(missed_answer()));
            }
        }
    }

    /// Nothing more will be applied: whoever waits may find its facts stored all the same, and whoever comes hears why.
    pub(crate) fn stop(&self, why: AppendError) {
        self.lose(&why.to_string());
        lock(&self.inner).stopped.get_or_insert(why);
    }

    /// The answers of all who wait are lost.
    pub(crate) fn lose(&self, why: &str) {
        for (_, waiting) in std::mem::take(&mut lock(&self.inner).waiting) {
            let _ = waiting.answer.send(Err(AppendError::Unknown(why.to_owned())));
        }
    }

    /// Why nothing more is applied, if so.
    pub(crate) fn stopped(&self) -> Option<AppendError> {
        lock(&self.inner).stopped.clone()
    }
}

impl Waiter<'_> {
    /// What the facts of the append, which end with `last`, came to, as soon as the views have them.
    pub(crate) async fn outcomes(mut self, last: Seq) -> Answer {
        {
            let mut inner = lock(&self.waiters.inner);
            let through = inner.through;
            if let Some(waiting) = inner.waiting.get_mut(&self.id) {
                if last <= through {
                    return Err(missed_answer());
                }
                waiting.last = Some(last);
            }
        }
        let lost = || Err(AppendError::Unknown(String::from("the store is closed")));
        (&mut self.outcomes).await.unwrap_or_else(|_| lost())
    }
}

fn missed_answer() -> AppendError {
    AppendError::Unknown(String::from("the journal was away for a moment, and the answer was lost"))
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        lock(&self.waiters.inner).waiting.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_outcome_may_come_before_the_question_and_after_it() {
        let waiters = CommitWaiters::default();
        let (one, other) = (AppendId::new(), AppendId::new());
        let (first, second) = (waiters.register(one).unwrap(), waiters.register(other).unwrap());
        waiters.settle(&[(one, 2), (AppendId::new(), 1)], vec![Outcome::Done; 3], Seq(3));
        assert_eq!(first.outcomes(Seq(2)).await, Ok(vec![Outcome::Done; 2]));
        let settle = async {
            tokio::task::yield_now().await;
            waiters.settle(&[(other, 1)], vec![Outcome::Done], Seq(4));
        };
        let (outcomes, ()) = tokio::join!(second.outcomes(Seq(4)), settle);
        assert_eq!(outcomes, Ok(vec![Outcome::Done]));
    }

    #[tokio::test]
    async fn an_append_whose_facts_are_not_all_applied_is_not_answered() {
        let waiters = CommitWaiters::default();
        let id = AppendId::new();
        let waiter = waiters.register(id).unwrap();
        waiters.settle(&[(AppendId::new(), 1), (id, 2)], vec![Outcome::Done; 2], Seq(2));
        waiters.stop(AppendError::Poisoned(String::from("why")));
        assert!(waiter.outcomes(Seq(3)).await.is_err_and(|error| error.is_unknown()));
    }

    #[tokio::test]
    async fn an_append_that_was_applied_without_its_id_hears_that_its_outcome_is_unknown() {
        let waiters = CommitWaiters::default();
        let (early, late) = (AppendId::new(), AppendId::new());
        let (first, second) = (waiters.register(early).unwrap(), waiters.register(late).unwrap());
        let settle = async {
            tokio::task::yield_now().await;
            waiters.settle(&[], vec![Outcome::Done; 2], Seq(2));
        };
        let (outcomes, ()) = tokio::join!(first.outcomes(Seq(1)), settle);
        assert!(outcomes.is_err_and(|error| error.is_unknown()));
        assert!(second.outcomes(Seq(2)).await.is_err_and(|error| error.is_unknown()));
    }

    #[tokio::test]
    async fn nothing_is_kept_for_who_has_gone_away() {
        let waiters = CommitWaiters::default();
        drop(waiters.register(AppendId::new()).unwrap());
        assert!(lock(&waiters.inner).waiting.is_empty());
    }

    #[tokio::test]
    async fn whoever_comes_after_the_views_have_stopped_hears_so() {
        let waiters = CommitWaiters::default();
        let why = AppendError::Poisoned(String::from("why"));
        waiters.stop(why.clone());
        assert_eq!(waiters.register(AppendId::new()).map(|_| ()), Err(why.clone()));
        assert_eq!(waiters.stopped(), Some(why));
    }
}
