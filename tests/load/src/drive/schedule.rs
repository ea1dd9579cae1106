//! When requests are due: so many a second, whatever became of those before.

use std::time::Duration;

/// A rate that is kept for a time, after a time in which it is kept and not measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    pub(crate) per_second: u32,
    pub(crate) warm_up: Duration,
    pub(crate) time: Duration,
}

impl Schedule {
    /// How many requests there are, those of the warm-up among them.
    pub(crate) fn requests(&self) -> u64 {
        self.until(self.warm_up + self.time)
    }

    /// How many of them belong to the warm-up.
    pub(crate) fn unmeasured(&self) -> u64 {
        self.until(self.warm_up)
    }

    /// When a request is due, counted from the beginning.
    pub(crate) fn due(&self, number: u64) -> Duration {
        Duration::from_nanos(number.saturating_mul(1_000_000_000) / u64::from(self.per_second))
    }

    /// How many requests are due before a moment.
    fn until(&self, moment: Duration) -> u64 {
        let requests = moment.as_nanos() * u128::from(self.per_second);
        u64::try_from(requests.div_ceil(1_000_000_000)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_due_at_even_distances() {
        let schedule = Schedule {
            per_second: 200,
            warm_up: Duration::from_secs(3),
            time: Duration::from_secs(30),
        };
        assert_eq!(schedule.requests(), 6600);
        assert_eq!(schedule.unmeasured(), 600);
        assert_eq!(schedule.due(0), Duration::ZERO);
        assert_eq!(schedule.due(1), Duration::from_millis(5));
        assert_eq!(schedule.due(600), schedule.warm_up);
    }

    #[test]
    fn an_odd_rate_gains_and_loses_nothing() {
        let schedule = Schedule {
            per_second: 7,
            warm_up: Duration::ZERO,
            time: Duration::from_secs(3),
        };
        assert_eq!(schedule.requests(), 21);
        assert!(schedule.due(20) < schedule.time);
        assert_eq!(schedule.due(21), schedule.time);
    }
}
