//! What follows when a timer fires.

use super::rows::TIMERS;
use crate::access::rows::{IDEMPOTENCY, IDEMPOTENCY_BY_TIME};
use crate::apply::{Applier, refuse};
use crate::conversation::rows::{EARLY, EARLY_BY_AGE, EarlyUpdate};
use crate::effect::Effect;
use crate::fact::{Outcome, Timer};
use crate::ids::Millis;
use crate::tables::{Present, Result};

/// How often rows that nothing needs any more are taken away.
const RETENTION_EVERY: u64 = 60 * 60 * 1000;
/// Files that nothing refers to are looked for when this begins anew, in UTC.
const DAY: u64 = 24 * 60 * 60 * 1000;
/// How many rows of a kind are taken away by one fact.
const SWEPT: usize = 1_000;
/// How long the answer to a command is remembered. Clients repeat within minutes.
const IDEMPOTENCY_KEPT: u64 = 7 * 24 * 60 * 60 * 1000;
/// How long an update waits for its message. One of a message that was sent from elsewhere would wait for ever.
const EARLY_KEPT: u64 = 30 * 24 * 60 * 60 * 1000;

impl Timer {
    /// Its name, in keys.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Retention => "retention",
        }
    }

    /// The timer of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        (name == Self::Retention.name()).then_some(Self::Retention)
    }
}

impl Applier<'_> {
    /// Sets a timer.
    pub(crate) fn set_timer(&mut self, timer: Timer, at: Millis) -> Result<()> {
        self.affect(Effect::Timer);
        TIMERS.put(&mut self.tables, (at, timer.name()), &Present)
    }

    pub(crate) fn fire_timer(&mut self, timer: Timer, due: Millis) -> Result<Outcome> {
        if !TIMERS.contains(&self.tables, (due, timer.name()))? {
            return Ok(refuse("conflict", "no such timer is set"));
        }
        if due > self.at {
            return Ok(refuse("conflict", "the timer is not due yet"));
        }
        TIMERS.delete(&mut self.tables, (due, timer.name()));
        match timer {
            Timer::Retention => self.retain(due)?,
        }
        Ok(Outcome::Done)
    }

    /// Takes away what is too old; comes again at once while there is more.
    fn retain(&mut self, due: Millis) -> Result<()> {
        let more = self.forget_idempotency()? | self.forget_early()?;
        let pause = if more { 0 } else { RETENTION_EVERY };
        let next = Millis(self.at.0.saturating_add(pause.max(1)));
        if due.0 / DAY != next.0 / DAY {
            // Once a day, and after days without a host.
            self.affect(Effect::UnusedFiles);
        }
        self.set_timer(Timer::Retention, next)
    }

    fn forget_idempotency(&mut self) -> Result<bool> {
        let until = Millis(self.at.0.saturating_sub(IDEMPOTENCY_KEPT));
        let range = IDEMPOTENCY_BY_TIME.before((), Some((until,)));
        let old: Vec<_> = IDEMPOTENCY_BY_TIME.scan(&self.tables, range, false).take(SWEPT).collect::<Result<_>>()?;
        for ((at, actor, key), Present) in &old {
            IDEMPOTENCY_BY_TIME.delete(&mut self.tables, (*at, &actor.0, &key.0));
            IDEMPOTENCY.delete(&mut self.tables, (&actor.0, &key.0));
        }
        Ok(old.len() == SWEPT)
    }

    /// Updates of messages that never came.
    fn forget_early(&mut self) -> Result<bool> {
        let until = Millis(self.at.0.saturating_sub(EARLY_KEPT));
        let oldest = EARLY_BY_AGE.scan(&self.tables, EARLY_BY_AGE.all(), false).take(SWEPT);
        let old = oldest.take_while(|row| row.as_ref().map_or(true, |(_, early)| early.at < until));
        let old: Vec<_> = old.collect::<Result<_>>()?;
        for ((seq, index), EarlyUpdate { channel, id, .. }) in &old {
            EARLY.delete(&mut self.tables, (channel, id, *seq, *index));
            EARLY_BY_AGE.delete(&mut self.tables, (*seq, *index));
        }
        Ok(old.len() == SWEPT)
    }
}
