//! Generations that are ready to serve, kept until a fact says whether they do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::generation::Generation;

/// Generations by connector and number.
#[derive(Debug, Default)]
pub struct Prepared(Mutex<BTreeMap<(String, u32), Arc<Generation>>>);

impl Prepared {
    /// Keeps a generation.
    pub fn insert(&self, connector: &str, generation: Arc<Generation>) {
        self.lock().insert((connector.to_owned(), generation.number), generation);
    }

    /// A generation, if it is kept.
    #[must_use]
    pub fn get(&self, connector: &str, number: u32) -> Option<Arc<Generation>> {
        self.lock().get(&(connector.to_owned(), number)).cloned()
    }

    /// Those of a connector.
    #[must_use]
    pub fn of(&self, connector: &str) -> Vec<Arc<Generation>> {
        let all = self.lock();
        all.iter().filter(|((name, _), _)| name == connector).map(|(_, generation)| Arc::clone(generation)).collect()
    }

    /// Lets a generation go.
    pub fn remove(&self, connector: &str, number: u32) {
        self.lock().remove(&(connector.to_owned(), number));
    }

    /// Lets those of a connector go that are not wanted.
    pub fn retain(&self, connector: &str, wanted: impl Fn(u32) -> bool) {
        self.lock().retain(|(name, number), _| name != connector || wanted(*number));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, u32), Arc<Generation>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
