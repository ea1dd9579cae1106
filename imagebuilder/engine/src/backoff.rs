//! How long to wait before a step is tried again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// No pause is longer.
const LONGEST: Duration = Duration::from_secs(30);

/// For how long failures that time may cure are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// The first pause; doubled each time.
    pub first: Duration,
    /// A step is given up after this long.
    pub total: Duration,
    /// A build gets at most this many machines.
    pub machines: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            total: Duration::from_secs(300),
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
    /// The next pause, or `None` where the time is up. `chance` in 0..1 spreads workers that failed together.
    pub(crate) fn next(&mut self, policy: RetryPolicy, chance: f64) -> Option<Duration> {
        let full = policy
            .first
            .saturating_mul(1 << self.tries.min(16))
            .min(LONGEST);
        let pause = full.mul_f64(0.5 + chance / 2.0);
        self.tries += 1;
        self.spent += pause;
        (self.spent <= policy.total).then_some(pause)
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
            total: Duration::from_secs(10),
            machines: 1,
        };
        let mut backoff = Backoff::default();
        let pauses: Vec<Duration> = std::iter::from_fn(|| backoff.next(policy, 0.5)).collect();
        assert!(pauses.windows(2).all(|two| two[0] < two[1]), "{pauses:?}");
        assert!(
            pauses.iter().sum::<Duration>() <= policy.total && pauses.len() > 2,
            "{pauses:?}"
        );
    }
}
