//! How long to wait before a step is tried again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// For how long failures that time may cure are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// The first pause; doubled each time.
    pub first: Duration,
    /// No pause is longer.
    pub longest: Duration,
    /// A passing fault of a step is given up after pauses of this length together.
    pub total: Duration,
    /// The same where something has run out that others will give back.
    pub wait: Duration,
    /// A build gets at most this many machines.
    pub machines: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(60),
            total: Duration::from_secs(300),
            // Another build takes an hour at most, and gives back what it held.
            wait: Duration::from_secs(2 * 3600),
            // A kernel under software emulation panics now and then while it boots.
            machines: 4,
        }
    }
}

/// The pauses of one step.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    tries: u32,
    spent: Duration,
}

impl Backoff {
    /// The next pause, or `None` where the time is up. `after` is the earliest sensible
    /// moment by whoever refused; `chance` in 0..1 spreads workers that failed together.
    pub(crate) fn next(
        &mut self,
        policy: RetryPolicy,
        total: Duration,
        after: Duration,
        chance: f64,
    ) -> Option<Duration> {
        let full = policy
            .first
            .saturating_mul(1 << self.tries.min(16))
            .max(after)
            .min(policy.longest);
        let pause = full.mul_f64(0.5 + chance / 2.0);
        self.tries += 1;
        self.spent += pause;
        (self.spent <= total).then_some(pause)
    }
}

/// A number in 0..1 that differs between workers; no secret.
pub(crate) fn chance() -> f64 {
    let bytes = uuid::Uuid::new_v4().into_bytes();
    f64::from(u16::from_be_bytes([bytes[0], bytes[1]])) / 65536.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let policy = RetryPolicy {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(4),
            total: Duration::from_secs(10),
            ..RetryPolicy::default()
        };
        let mut backoff = Backoff::default();
        let mut next = |after| backoff.next(policy, policy.total, after, 0.5);
        let pauses: Vec<Duration> = std::iter::from_fn(|| next(Duration::ZERO)).collect();
        assert!(pauses.windows(2).all(|two| two[0] <= two[1]), "{pauses:?}");
        assert!(
            pauses.iter().sum::<Duration>() <= policy.total && pauses.len() > 2,
            "{pauses:?}"
        );
    }
    #[test]
    fn who_refused_says_when_to_come_back_within_bounds() {
        let policy = RetryPolicy {
            longest: Duration::from_secs(20),
            ..RetryPolicy::default()
        };
        let mut backoff = Backoff::default();
        let mut next = |after| backoff.next(policy, policy.wait, after, 1.0);
        assert_eq!(next(Duration::from_secs(5)), Some(Duration::from_secs(5)));
        assert_eq!(next(Duration::from_secs(900)), Some(policy.longest));
    }
}
