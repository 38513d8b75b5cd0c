//! Attempts at the same time, each under a key of its own, as many as there are places.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::hash::Hash;

use tokio::task::{self, JoinSet};

/// Attempts that run. Dropping it ends them.
#[derive(Debug)]
pub struct Lane<K, T> {
    running: JoinSet<T>,
    keys: HashMap<task::Id, K>,
    places: usize,
}

/// An attempt that ended.
#[derive(Debug)]
pub struct Ended<K, T> {
    /// Its key.
    pub key: K,
    /// What came of it; none if it panicked, which is logged.
    pub result: Option<T>,
}

impl<K: Clone + Eq + Hash, T: Send + 'static> Lane<K, T> {
    /// A lane in which `places` attempts may run at once.
    #[must_use]
    pub fn new(places: usize) -> Self {
        Self { running: JoinSet::new(), keys: HashMap::new(), places }
    }

    /// How many may start now.
    #[must_use]
    pub fn free(&self) -> usize {
        self.places.saturating_sub(self.keys.len())
    }

    /// The keys of the attempts that run.
    #[must_use]
    pub fn busy(&self) -> HashSet<K> {
        self.keys.values().cloned().collect()
    }

    /// How many of the attempts that run have such a key.
    pub fn count(&self, which: impl Fn(&K) -> bool) -> usize {
        self.keys.values().filter(|key| which(key)).count()
    }

    /// Whether none runs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Starts an attempt.
    pub fn start(&mut self, key: K, attempt: impl Future<Output = T> + Send + 'static) {
        let task = self.running.spawn(attempt);
        self.keys.insert(task.id(), key);
    }

    /// The next attempt that ends; none while none runs. Dropping the future loses nothing.
    pub async fn ended(&mut self) -> Option<Ended<K, T>> {
        loop {
            let (id, result) = match self.running.join_next_with_id().await? {
                Ok((id, result)) => (id, Some(result)),
                Err(error) => {
                    tracing::error!("an attempt has broken off: {error}");
                    (error.id(), None)
                }
            };
            // Every task has a key.
            if let Some(key) = self.keys.remove(&id) {
                return Some(Ended { key, result });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_is_busy_until_its_attempt_has_ended_even_by_a_panic() {
        let mut lane = Lane::new(2);
        lane.start("a", async { 1 });
        lane.start("b", async { panic!("on purpose") });
        assert_eq!((lane.free(), lane.busy()), (0, HashSet::from(["a", "b"])));
        let mut ended = [lane.ended().await.unwrap(), lane.ended().await.unwrap()];
        ended.sort_by_key(|ended| ended.key);
        assert_eq!(ended.map(|ended| (ended.key, ended.result)), [("a", Some(1)), ("b", None)]);
        assert!(lane.is_empty() && lane.free() == 2);
        assert!(lane.ended().await.is_none());
    }
}
