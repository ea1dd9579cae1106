//! How long answers took: a histogram, so that the slowest hundredth is known and not guessed.

use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;

/// The longest time that is told apart; more counts as this.
const LONGEST_NANOS: u64 = 60_000_000_000;

/// Times of many requests.
pub(crate) struct Latency(Histogram<u64>);

impl Latency {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(Histogram::new_with_max(LONGEST_NANOS, 3)?))
    }

    pub(crate) fn record(&mut self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(LONGEST_NANOS);
        self.0.saturating_record(nanos);
    }

    /// How many times were recorded.
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// Milliseconds that this share of the requests took at most.
    pub(crate) fn millis(&self, share: f64) -> f64 {
        self.0.value_at_quantile(share) as f64 / 1e6
    }

    pub(crate) fn longest_millis(&self) -> f64 {
        self.0.max() as f64 / 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_the_requests_are_told_apart() {
        let mut latency = Latency::new().unwrap();
        for millis in 1..=100 {
            latency.record(Duration::from_millis(millis));
        }
        latency.record(Duration::from_secs(3600));
        assert_eq!(latency.count(), 101);
        for (share, millis) in [(0.5, 51.0), (0.9, 91.0), (0.99, 100.0)] {
            let found = latency.millis(share);
            assert!((found - millis).abs() < 0.2, "{share}: {found}");
        }
        assert!(latency.longest_millis() >= 60_000.0);
    }
}
