//! How fast things go: a rate over the whole run, so that a slow batch may be made up for,
//! within bounds.

use std::time::{Duration, Instant};

/// What may be made up for; more would be a burst.
const SLACK: Duration = Duration::from_secs(1);

/// Paces a run.
pub(super) struct Pace {
    per_second: u32,
    /// When the next thing may go.
    next: Instant,
}

impl Pace {
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            per_second: per_second.max(1),
            next: Instant::now(),
        }
    }

    /// Waits until `removed` more things would have been due.
    pub(super) async fn rest(&mut self, removed: u64) {
        let due = self.due(removed, Instant::now());
        tokio::time::sleep_until(due.into()).await;
    }

    fn due(&mut self, removed: u64, now: Instant) -> Instant {
        let removed = u32::try_from(removed).unwrap_or(u32::MAX);
        let earliest = now.checked_sub(SLACK).unwrap_or(now);
        self.next = self.next.max(earliest) + Duration::from_secs(1) / self.per_second * removed;
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_holds_over_a_run_and_bursts_are_bounded() {
        let start = Instant::now();
        let mut pace = Pace::new(100);
        pace.next = start;
        assert_eq!(pace.due(50, start) - start, Duration::from_millis(500));
        assert_eq!(pace.due(100, start) - start, Duration::from_millis(1500));
        // After a long pause only a second is made up for.
        let later = start + Duration::from_secs(100);
        let due = pace.due(50, later);
        assert_eq!(later - due, Duration::from_millis(500));
        assert_eq!(pace.due(0, start), due);
    }
}
