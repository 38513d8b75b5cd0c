//! Turns at something of which little can go on at once. The keys that wait get theirs one after the other, so that whoever asks a hundred
//! times delays nobody who asks once by more than a turn. Nothing stays free while anybody waits.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jackfield_core::ids::KeyId;
use tokio::sync::oneshot;

/// So many turns at once.
#[derive(Debug)]
pub(super) struct Turns(Mutex<State>);

#[derive(Debug)]
struct State {
    free: usize,
    /// Who waits, in the order in which each key asked. None is for what needs no key.
    waiting: BTreeMap<Option<KeyId>, VecDeque<oneshot::Sender<Turn>>>,
    /// The key that got a turn last.
    last: Option<KeyId>,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn(Option<Arc<Turns>>);

impl Turns {
    pub(super) fn new(at_once: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { free: at_once, waiting: BTreeMap::new(), last: None })))
    }

    /// A turn, when it comes. Dropping the future gives up waiting.
    pub(super) async fn take(self: &Arc<Self>, key: Option<KeyId>) -> Turn {
        let comes = {
            let mut state = self.lock();
            if state.free > 0 {
                state.free -= 1;
                state.last = key;
                return Turn(Some(Arc::clone(self)));
            }
            let (turn, comes) = oneshot::channel();
            state.waiting.entry(key).or_default().push_back(turn);
            comes
        };
        // Who gives turns away drops none that is waited for.
        comes.await.unwrap_or(Turn(None))
    }

    fn pass_on(self: Arc<Self>) {
        let mut turns = self;
        loop {
            let Some(next) = turns.lock().next() else { return };
            // Whoever does not wait any more gives it back.
            let Err(mut back) = next.send(Turn(Some(turns))) else { return };
            let Some(again) = back.0.take() else { return };
            turns = again;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Who gets the turn that ends; it is free if nobody waits.
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        let behind = self.waiting.range((Bound::Excluded(self.last), Bound::Unbounded)).next();
        let Some(key) = behind.or_else(|| self.waiting.iter().next()).map(|(key, _)| *key) else {
            self.free += 1;
            return None;
        };
        self.last = key;
        let of_key = self.waiting.get_mut(&key)?;
        let next = of_key.pop_front();
        if of_key.is_empty() {
            self.waiting.remove(&key);
        }
        next
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.pass_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use jackfield_core::ids::Seq;

    fn key(n: u64) -> Option<KeyId> {
        Some(KeyId::new(Seq(n), 0))
    }

    #[tokio::test]
    async fn who_asks_once_waits_for_one_turn_of_who_asks_a_hundred_times() {
        let turns = Turns::new(1);
        let held = turns.take(key(1)).await;
        let mut flood: Vec<_> = (0..100).map(|_| Box::pin(turns.take(key(1)))).collect();
        flood.iter_mut().for_each(|one| assert!(one.now_or_never().is_none()));
        let mut once = Box::pin(turns.take(key(2)));
        assert!((&mut once).now_or_never().is_none());
        drop(held);
        let got = (&mut once).now_or_never().expect("the turn is the other key's");
        drop(got);
        assert!((&mut flood[0]).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_turn_that_nobody_waits_for_any_more_goes_to_the_next() {
        let turns = Turns::new(1);
        let held = turns.take(None).await;
        let mut gone: Vec<_> = (0..1_000).map(|n| Box::pin(turns.take(key(n % 3)))).collect();
        gone.iter_mut().for_each(|one| assert!(one.now_or_never().is_none()));
        let mut stays = Box::pin(turns.take(key(9)));
        assert!((&mut stays).now_or_never().is_none());
        drop(gone);
        drop(held);
        drop(stays.now_or_never().expect("its turn"));
        assert!(turns.take(None).now_or_never().is_some(), "it is free again");
        assert!(turns.lock().waiting.is_empty());
    }
}
