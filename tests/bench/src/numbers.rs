//! Percentiles, medians, and how figures are written.

use std::time::Duration;

/// Times in microseconds, in any order.
#[derive(Clone, Debug, Default)]
pub struct Times(Vec<f64>);

impl Times {
    /// One more.
    pub fn add(&mut self, time: Duration) {
        self.0.push(time.as_secs_f64() * 1e6);
    }

    /// All of another.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// How many.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "a count")]
    pub fn count(&self) -> f64 {
        self.0.len() as f64
    }

    /// The time that this percentage took no longer than, microseconds; 0 of none.
    #[must_use]
    pub fn percentile(&self, percent: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place in a list"
        )]
        let place = (last as f64 * percent / 100.0).round() as usize;
        sorted.get(place).copied().unwrap_or_default()
    }
}

/// The middle one; 0 of none.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// A time in microseconds, in a unit that suits it.
#[must_use]
pub fn micros(time: f64) -> String {
    match time {
        t if t < 1_000.0 => format!("{} µs", digits(t)),
        t if t < 1_000_000.0 => format!("{} ms", digits(t / 1_000.0)),
        t => format!("{} s", digits(t / 1_000_000.0)),
    }
}

/// How many a second.
#[must_use]
pub fn rate(per_second: f64) -> String {
    format!("{}/s", digits(per_second))
}

/// A ratio below one as a percentage, above as a multiple.
#[must_use]
pub fn ratio(of: f64, to: f64) -> String {
    match of / to {
        r if !r.is_finite() => String::from("–"),
        r if r < 1.0 => format!("{} %", digits(r * 100.0)),
        r => format!("{} ×", digits(r)),
    }
}

/// Three digits that count, thousands set apart.
#[must_use]
pub fn digits(value: f64) -> String {
    match value {
        v if v < 10.0 => format!("{v:.2}"),
        v if v < 100.0 => format!("{v:.1}"),
        v => thousands(&format!("{v:.0}")),
    }
}

fn thousands(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_times() {
        let mut times = Times::default();
        for n in (0..=100).rev() {
            times.add(Duration::from_micros(n));
        }
        assert!((times.percentile(50.0) - 50.0).abs() < 0.01);
        assert!((times.percentile(99.0) - 99.0).abs() < 0.01);
        assert!(Times::default().percentile(50.0) < 0.01);
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 0.01);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 0.01);
    }

    #[test]
    fn figures_are_written_with_three_digits() {
        assert_eq!(micros(57.34), "57.3 µs");
        assert_eq!(micros(12_340.0), "12.3 ms");
        assert_eq!(rate(12_345.6), "12,346/s");
        assert_eq!((ratio(1.0, 2.0), ratio(3.0, 2.0)), ("50.0 %".to_owned(), "1.50 ×".to_owned()));
    }
}
