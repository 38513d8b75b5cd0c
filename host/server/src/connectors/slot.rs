//! A connector by the operator's name for it: the generation that serves, and the one that would serve again.
//!
//! Which generation serves is one pointer, and only the reactor moves it. A call that has begun ends on the generation it began on, the
//! next one begins on the new one.
//!
//! A fault of a generation is judged against the one that stands by. What that one can handle is a *strike*; from the third on an alarm
//! asks for a rollback, again with each further strike until the generation is gone.

use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use tokio::sync::{Mutex, mpsc};

use super::generation::Generation;

/// So many strikes, with fewer than [`FORGIVEN_AFTER`] good calls after each, and a generation is rolled back.
const STRIKES: u32 = 3;

/// So many good calls in a row make strikes forgotten.
const FORGIVEN_AFTER: u32 = 1_000;

/// A generation has failed too often.
#[derive(Clone, Debug)]
pub struct Alarm {
    /// The connector's name.
    pub connector: String,
    /// The number of the generation.
    pub generation: u32,
    /// What happened last.
    pub why: String,
}

/// How the calls of the generation that serves end.
#[derive(Debug, Default)]
struct Tally {
    generation: u32,
    strikes: u32,
    /// Good calls in a row since the last strike.
    good: u32,
}

impl Tally {
    /// That of a generation. A call may end after another generation came to serve: its strikes are not that one's.
    fn of(&mut self, generation: u32) -> &mut Self {
        if self.generation != generation {
            *self = Self { generation, ..Self::default() };
        }
        self
    }

    fn add_success(&mut self) {
        self.good = self.good.saturating_add(1);
        if self.good >= FORGIVEN_AFTER {
            (self.strikes, self.good) = (0, 0);
        }
    }

    fn add_strike(&mut self) -> u32 {
        self.good = 0;
        self.strikes = self.strikes.saturating_add(1);
        self.strikes
    }
}

/// A connector by the operator's name for it.
#[derive(Debug)]
pub struct Slot {
    /// The name.
    pub name: String,
    active: ArcSwapOption<Generation>,
    standby: ArcSwapOption<Generation>,
    tally: StdMutex<Tally>,
    alarms: mpsc::UnboundedSender<Alarm>,
    /// Why the generation that is to serve is not loaded.
    problem: StdMutex<Option<String>>,
    /// Held by whoever brings a generation, from its first step to its last: one at a time.
    pub(super) install: Arc<Mutex<()>>,
    /// Held by whoever reads which generation serves and appends a fact about that. Never while anything is loaded, compiled or called.
    pub(super) pointer: Mutex<()>,
}

impl Slot {
    /// A connector of which nothing serves yet.
    #[must_use]
    pub fn new(name: &str, alarms: mpsc::UnboundedSender<Alarm>) -> Self {
        Self {
            name: name.to_owned(),
            active: ArcSwapOption::empty(),
            standby: ArcSwapOption::empty(),
            tally: StdMutex::default(),
            alarms,
            problem: StdMutex::default(),
            install: Arc::default(),
            pointer: Mutex::new(()),
        }
    }

    /// The generation that serves; none if nothing does, or if it is not loaded.
    #[must_use]
    pub fn active(&self) -> Option<Arc<Generation>> {
        self.active.load_full()
    }

    /// The generation that would serve again.
    #[must_use]
    pub fn standby(&self) -> Option<Arc<Generation>> {
        self.standby.load_full()
    }

    /// Those that are loaded, the one that serves first.
    pub fn loaded(&self) -> impl Iterator<Item = Arc<Generation>> {
        self.active().into_iter().chain(self.standby())
    }

    /// Another generation than this one that can answer a call.
    pub(crate) fn other_than(&self, number: u32) -> Option<Arc<Generation>> {
        self.loaded().find(|generation| generation.number != number)
    }

    /// Why the generation that is to serve is not loaded; none if it is, or if none is to serve.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_problem(&self, problem: Option<String>) {
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }

    /// From here on these serve. For the reactor.
    pub(crate) fn publish(&self, active: Option<Arc<Generation>>, standby: Option<Arc<Generation>>) {
        let number = |generation: &Option<Arc<Generation>>| generation.as_ref().map(|generation| generation.number);
        let same = number(&self.active()) == number(&active);
        // The other one first: in between, a call finds the same generation twice rather than none to fall back on.
        self.standby.store(standby);
        self.active.store(active);
        if !same {
            *self.tally() = Tally::default();
        }
    }

    /// A call of this generation ended well.
    pub(crate) fn record_success(&self, number: u32) {
        if self.serves(number) {
            self.tally().of(number).add_success();
        }
    }

    /// A call of this generation came to nothing, and another generation could handle it.
    pub(crate) fn record_fault(&self, number: u32, why: &str) {
        if !self.serves(number) || self.standby.load().is_none() {
            return;
        }
        let strikes = self.tally().of(number).add_strike();
        tracing::warn!(connector = self.name, generation = number, strikes, "the generation failed: {why}");
        if strikes >= STRIKES {
            let alarm = Alarm { connector: self.name.clone(), generation: number, why: why.to_owned() };
            // Nobody listens while the host stops; the next start begins to count again.
            let _ = self.alarms.send(alarm);
        }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serves(&self, number: u32) -> bool {
        self.active.load().as_ref().is_some_and(|active| active.number == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strikes_are_forgiven_after_good_calls_and_are_no_other_generations() {
        let mut tally = Tally::default();
        assert_eq!([tally.of(1).add_strike(), tally.of(1).add_strike()], [1, 2]);
        (0..FORGIVEN_AFTER - 1).for_each(|_| tally.of(1).add_success());
        assert_eq!(tally.of(1).add_strike(), 3, "one good call short");
        (0..FORGIVEN_AFTER).for_each(|_| tally.of(1).add_success());
        assert_eq!(tally.of(1).add_strike(), 1);
        assert_eq!(tally.of(2).add_strike(), 1);
    }

    #[test]
    fn a_connector_without_a_loaded_generation_says_why_until_it_has_one() {
        let (alarms, _) = mpsc::unbounded_channel();
        let slot = Slot::new("shop", alarms);
        slot.set_problem(Some(String::from("damaged")));
        assert_eq!(slot.problem().as_deref(), Some("damaged"));
        slot.set_problem(None);
        assert_eq!(slot.problem(), None);
    }
}
