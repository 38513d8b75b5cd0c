//! A token bucket: so many a second on average, and no more than a second's worth at once.

use std::time::Duration;

/// A token bucket. Times are durations since any fixed moment.
#[derive(Clone, Debug)]
pub struct Bucket {
    per_second: f64,
    most: f64,
    tokens: f64,
    filled_at: Duration,
}

impl Bucket {
    /// A full one. `per_second` above zero; the bucket holds a second's worth, but at least one.
    #[must_use]
    pub fn new(per_second: f64, now: Duration) -> Self {
        let most = per_second.max(1.0);
        Self { per_second, most, tokens: most, filled_at: now }
    }

    /// How many can be taken now.
    pub fn available(&mut self, now: Duration) -> usize {
        let passed = now.saturating_sub(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_second).min(self.most);
        self.filled_at = self.filled_at.max(now);
        // Finite, not negative, and no larger than a rate that somebody wrote down.
        self.tokens.floor() as usize
    }

    /// Takes one that [`Self::available`] told of.
    pub fn take(&mut self) {
        self.tokens = (self.tokens - 1.0).max(0.0);
    }

    /// How long until one can be taken.
    #[must_use]
    pub fn wait(&self) -> Duration {
        let missing = (1.0 - self.tokens).max(0.0);
        // A hair more, so that rounding does not make it come a moment too early.
        Duration::try_from_secs_f64(missing / self.per_second)
            .unwrap_or(Duration::MAX)
            .saturating_add(Duration::from_micros(50))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holds_as_many_as_the_rate_after_the_first_burst() {
        let mut bucket = Bucket::new(10.0, Duration::ZERO);
        let mut taken = 0;
        for ms in 0..3_000 {
            for _ in 0..bucket.available(Duration::from_millis(ms)) {
                bucket.take();
                taken += 1;
            }
        }
        // The burst of 10, and 10 a second for three seconds, but for the last moment.
        assert!((39..=40).contains(&taken), "{taken}");
    }

    #[test]
    fn a_rate_below_one_still_gives_one_at_a_time() {
        let mut bucket = Bucket::new(0.5, Duration::ZERO);
        assert_eq!(bucket.available(Duration::ZERO), 1);
        bucket.take();
        assert_eq!(bucket.available(Duration::from_millis(1_900)), 0);
        let wait = bucket.wait();
        assert!(wait > Duration::from_millis(90) && wait < Duration::from_millis(110), "{wait:?}");
        assert_eq!(bucket.available(Duration::from_millis(1_900) + wait), 1);
    }

    #[test]
    fn a_clock_that_stands_still_gives_nothing() {
        let mut bucket = Bucket::new(1.0, Duration::from_secs(5));
        bucket.take();
        assert_eq!(bucket.available(Duration::from_secs(5)), 0);
        assert_eq!(bucket.available(Duration::from_secs(4)), 0);
    }
}
