//! How long to wait after a failed attempt, and when to give up.

use jackfield_core::ids::Millis;
use jackfield_core::limits;
use jackfield_core::rows::Outgoing;

/// The longest wait as a multiple of the first: 5 minutes to 1 second.
const MOST: u64 = 300;

/// Attempts after which a message that the channel does not want now is given up.
pub const ATTEMPTS: u32 = 12;

/// Milliseconds after which it is given up in any case: a day. What comes later answers nothing any more.
const TOO_OLD: u64 = 24 * 60 * 60 * 1_000;

/// The wait after attempt number `attempt` (from 1), in milliseconds: between nothing and `base` doubled with each attempt, so that
/// messages which failed together do not come back together. `random` is from 0 to 1.
#[must_use]
pub fn wait(attempt: u32, base: u64, random: f64) -> u64 {
    let doubled = base.saturating_mul(1 << attempt.saturating_sub(1).min(20));
    let most = doubled.min(base.saturating_mul(MOST));
    // At most 5 hours in milliseconds, which a float holds exactly.
    (most as f64 * random.clamp(0.0, 1.0)) as u64
}

/// Why a message is given up instead of being tried again at `at`; none if it is not. `counted` says whether the number of attempts
/// matters: a channel that has too much to do says nothing about this message.
#[must_use]
pub fn given_up(outgoing: &Outgoing, attempt: u32, at: Millis, counted: bool) -> Option<String> {
    if counted && attempt >= ATTEMPTS {
        return Some(format!("Given up after {attempt} attempts."));
    }
    let age = at.0.saturating_sub(outgoing.since.0);
    (age > TOO_OLD).then(|| {
        format!("Given up after {attempt} attempts: the next one would be more than 24 hours after the first.")
    })
}

/// The longest that anything waits for its next attempt, whatever a provider asks for, milliseconds.
pub const LONGEST: u64 = limits::PAUSE_MS;

/// The shortest wait that a provider can ask for, milliseconds. A provider that says 0 would be asked without end.
pub const SHORTEST: u64 = 1_000;

/// The wait that a connector asked for, within bounds.
#[must_use]
pub fn asked_for(after_ms: u64) -> u64 {
    after_ms.clamp(SHORTEST, LONGEST)
}

/// Whether what is to be tried at `at` may be tried now. What was never tried waits for nothing: its time is the journal's, which may be
/// ahead of the clock. A time that is further away than anything waits comes from a clock that was wrong.
#[must_use]
pub fn is_due(at: Millis, attempts: u32, now: Millis) -> bool {
    attempts == 0 || at <= now || at.0 > now.0.saturating_add(LONGEST)
}

/// Whether a message that was never sent has waited too long to be sent at all.
#[must_use]
pub fn is_too_old(outgoing: &Outgoing, now: Millis) -> bool {
    now.0.saturating_sub(outgoing.since.0) > TOO_OLD
}

/// A random number from 0 to 1.
#[must_use]
pub fn random() -> f64 {
    // Without randomness of the system the longest wait is the safe one.
    getrandom::u32().map_or(1.0, |n| f64::from(n) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use jackfield_core::ids::{MessageId, Seq};

    use super::*;

    #[test]
    fn the_longest_wait_doubles_up_to_five_minutes() {
        let longest: Vec<u64> = (1..=11).map(|attempt| wait(attempt, 1_000, 1.0)).collect();
        assert_eq!(longest[..4], [1_000, 2_000, 4_000, 8_000]);
        assert_eq!(longest[8..], [256_000, 300_000, 300_000]);
        assert_eq!(wait(u32::MAX, 1_000, 1.0), 300_000);
    }

    #[test]
    fn the_wait_is_spread_over_its_whole_length() {
        assert_eq!(wait(4, 1_000, 0.0), 0);
        assert_eq!(wait(4, 1_000, 0.5), 4_000);
        let all: Vec<f64> = (0..100).map(|_| random()).collect();
        assert!(all.iter().all(|r| (0.0..=1.0).contains(r)));
        assert!(all.iter().any(|r| *r < 0.5) && all.iter().any(|r| *r > 0.5));
    }

    #[test]
    fn what_a_provider_asks_for_is_bounded_on_both_sides() {
        assert_eq!([0, 999, 7_000, u64::MAX].map(asked_for), [1_000, 1_000, 7_000, 3_600_000]);
    }

    #[test]
    fn a_clock_that_was_ahead_holds_nothing_back() {
        let (now, seven_hours) = (Millis(1_000_000), 7 * 60 * 60 * 1_000);
        assert!(is_due(Millis(now.0 + 5_000), 0, now), "never tried, so its time is the journal's");
        assert!(is_due(Millis(now.0 + seven_hours), 3, now), "no wait is that long");
        assert!(!is_due(Millis(now.0 + 5_000), 1, now));
        assert!(is_due(now, 1, now));
    }

    #[test]
    fn a_message_is_given_up_after_twelve_attempts_or_a_day() {
        let since = Millis(1_000);
        let outgoing = Outgoing {
            message: MessageId::new(Seq(1), 0),
            identity: None,
            thread: String::new(),
            running: None,
            at: since,
            attempts: 0,
            since,
            mark: None,
        };
        assert_eq!(given_up(&outgoing, 11, Millis(2_000), true), None);
        assert!(given_up(&outgoing, 12, Millis(2_000), true).is_some());
        assert_eq!(given_up(&outgoing, 12, Millis(2_000), false), None);
        assert!(given_up(&outgoing, 1, Millis(1_001 + TOO_OLD), false).is_some());
    }
}
