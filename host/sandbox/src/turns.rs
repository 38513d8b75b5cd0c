//! Turns at something of which little can go on at once: long calls of guests here, reading views in the server. The keys that wait get
//! theirs one after the other, so that whoever asks a hundred times delays nobody who asks once by more than a turn. Nothing stays free
//! while anybody waits.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// So many turns at once.
#[derive(Debug)]
pub struct Turns<K: Ord + Clone>(Mutex<State<K>>);

#[derive(Debug)]
struct State<K: Ord + Clone> {
    free: usize,
    /// Who waits, in the order in which each key asked.
    waiting: BTreeMap<K, VecDeque<oneshot::Sender<Turn<K>>>>,
    /// The key that got a turn last.
    last: Option<K>,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub struct Turn<K: Ord + Clone>(Option<Arc<Turns<K>>>);

impl<K: Ord + Clone> Turns<K> {
    /// So many turns at once, at least one.
    #[must_use]
    pub fn new(at_once: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { free: at_once.max(1), waiting: BTreeMap::new(), last: None })))
    }

    /// A turn, when it comes. Dropping the future gives up waiting.
    pub async fn take(self: &Arc<Self>, key: K) -> Turn<K> {
        let comes = {
            let mut state = self.lock();
            if state.free > 0 {
                state.free -= 1;
                state.last = Some(key);
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

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Ord + Clone> State<K> {
    /// Who gets the turn that ends; it is free if nobody waits.
    fn next(&mut self) -> Option<oneshot::Sender<Turn<K>>> {
        let behind = self.last.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let behind = self.waiting.range((behind, Bound::Unbounded)).next();
        let Some(key) = behind.or_else(|| self.waiting.iter().next()).map(|(key, _)| key.clone()) else {
            self.free += 1;
            return None;
        };
        self.last = Some(key.clone());
        let of_key = self.waiting.get_mut(&key)?;
        let next = of_key.pop_front();
        if of_key.is_empty() {
            self.waiting.remove(&key);
        }
        next
    }
}

impl<K: Ord + Clone> Drop for Turn<K> {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.pass_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// What a future has come to, if it has.
    fn now<F: Future>(future: Pin<&mut F>) -> Option<F::Output> {
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    #[test]
    fn who_asks_once_waits_for_one_turn_of_who_asks_a_hundred_times() {
        let turns = Turns::new(1);
        let held = now(pin!(turns.take(1)));
        let mut flood: Vec<_> = (0..100).map(|_| Box::pin(turns.take(1))).collect();
        flood.iter_mut().for_each(|one| assert!(now(one.as_mut()).is_none()));
        let mut once = Box::pin(turns.take(2));
        assert!(held.is_some() && now(once.as_mut()).is_none());
        drop(held);
        let got = now(once.as_mut());
        assert!(got.is_some(), "the turn is the other key's");
        drop(got);
        assert!(now(flood[0].as_mut()).is_some());
    }

    #[test]
    fn a_turn_that_nobody_waits_for_any_more_goes_to_the_next() {
        let turns = Turns::new(1);
        let held = now(pin!(turns.take(0)));
        let mut gone: Vec<_> = (0..1_000).map(|n| Box::pin(turns.take(n % 3))).collect();
        gone.iter_mut().for_each(|one| assert!(now(one.as_mut()).is_none()));
        let mut stays = Box::pin(turns.take(9));
        assert!(held.is_some() && now(stays.as_mut()).is_none());
        drop(gone);
        drop(held);
        assert!(now(stays.as_mut()).is_some(), "its turn");
        assert!(now(pin!(turns.take(0))).is_some(), "it is free again");
        assert!(turns.lock().waiting.is_empty());
    }
}
