//! Lines of the log that a stranger can cause by sending something: so many a second of each channel, and a count of the rest.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::jobs::bucket::Bucket;

/// How many a second: a few MB an hour at most, and enough to see what goes on.
const A_SECOND: f64 = 5.0;

/// The lines of one channel.
#[derive(Debug)]
pub struct Lines {
    since: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    bucket: Bucket,
    left_out: u64,
}

impl Default for Lines {
    fn default() -> Self {
        let bucket = Bucket::new(A_SECOND, std::time::Duration::ZERO);
        Self { since: Instant::now(), state: Mutex::new(State { bucket, left_out: 0 }) }
    }
}

impl Lines {
    /// Whether a line may be written now; if so, how many before it were left out.
    pub fn next(&self) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.bucket.available(self.since.elapsed()) == 0 {
            state.left_out = state.left_out.saturating_add(1);
            return None;
        }
        state.bucket.take();
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_lines_is_cut_and_the_next_line_says_how_many_were_left_out() {
        let lines = Lines::default();
        let written = (0..1_000).filter(|_| lines.next().is_some()).count();
        assert!((5..100).contains(&written), "{written}");
        let state = lines.state.lock().unwrap();
        assert!(state.left_out > 900, "{state:?}");
    }
}
