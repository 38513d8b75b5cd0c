//! So many a second, and a few at once.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A token bucket. Full at first.
#[derive(Debug)]
pub(crate) struct Bucket {
    per_second: f64,
    most: f64,
    // Tokens, and when they were counted.
    level: Mutex<(f64, Instant)>,
}

impl Bucket {
    /// `per_second` tokens come back each second, until there are `most`. Without any per second nothing is ever given.
    pub(crate) fn new(per_second: u32, most: u32) -> Self {
        let most = f64::from(most);
        Self { per_second: f64::from(per_second), most, level: Mutex::new((most, Instant::now())) }
    }

    /// One token, or how long to wait for it.
    pub(crate) fn take(&self) -> Result<(), Duration> {
        self.take_at(Instant::now())
    }

    fn take_at(&self, now: Instant) -> Result<(), Duration> {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let (tokens, counted) = *level;
        let come_back = now.saturating_duration_since(counted).as_secs_f64() * self.per_second;
        let tokens = (tokens + come_back).min(self.most);
        let given = tokens >= 1.0;
        *level = (if given { tokens - 1.0 } else { tokens }, now.max(counted));
        match given {
            true => Ok(()),
            false => Err(Duration::try_from_secs_f64((1.0 - tokens) / self.per_second).unwrap_or(Duration::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_up_comes_back_with_time() {
        let bucket = Bucket::new(10, 2);
        let start = Instant::now();
        assert_eq!([bucket.take_at(start).is_ok(), bucket.take_at(start).is_ok()], [true, true]);
        let wait = bucket.take_at(start).unwrap_err();
        assert!((Duration::from_millis(90)..=Duration::from_millis(100)).contains(&wait), "{wait:?}");
        assert!(bucket.take_at(start + Duration::from_millis(101)).is_ok());
        assert!(bucket.take_at(start + Duration::from_millis(102)).is_err());
    }

    #[test]
    fn no_more_comes_back_than_there_was() {
        let bucket = Bucket::new(1_000, 3);
        let later = Instant::now() + Duration::from_secs(60);
        let given = (0..10).filter(|_| bucket.take_at(later).is_ok()).count();
        assert_eq!(given, 3);
    }

    #[test]
    fn a_rate_of_nothing_gives_nothing_for_ever() {
        assert_eq!(Bucket::new(0, 0).take(), Err(Duration::MAX));
    }
}
