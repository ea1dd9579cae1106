//! A bound on how many bytes are read in a second, so that pulls beside a check do not suffer.

use std::time::Duration;

use tokio::time::Instant;

/// How often somebody who watches hears of it.
const REPORT: Duration = Duration::from_secs(1);

/// Counts bytes and waits where they came too fast.
#[derive(Debug)]
pub struct Pace {
    bytes_per_second: Option<u64>,
    started: Instant,
    bytes: u64,
    reported: Instant,
}

impl Pace {
    /// So many bytes in a second; without a number as fast as it goes.
    pub fn new(bytes_per_second: Option<u64>) -> Self {
        let now = Instant::now();
        Self {
            bytes_per_second: bytes_per_second.filter(|rate| *rate > 0),
            started: now,
            bytes: 0,
            reported: now,
        }
    }

    /// Notes that bytes were read, and waits until there may be more.
    pub async fn read(&mut self, bytes: usize) {
        let Some(rate) = self.bytes_per_second else {
            return;
        };
        self.bytes = self.bytes.saturating_add(bytes as u64);
        #[expect(clippy::cast_precision_loss, reason = "a time need not be exact")]
        let due = Duration::from_secs_f64(self.bytes as f64 / rate as f64);
        tokio::time::sleep_until(self.started + due).await;
    }

    /// Whether it is time to tell how far it is.
    pub(crate) fn is_due(&mut self) -> bool {
        let due = self.reported.elapsed() >= REPORT;
        if due {
            self.reported = Instant::now();
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_rate_holds_over_many_reads() {
        let before = Instant::now();
        let mut pace = Pace::new(Some(10_000));
        for _ in 0..10 {
            pace.read(500).await;
        }
        let took = before.elapsed();
        assert!(took >= Duration::from_millis(500), "{took:?}");
        let before = Instant::now();
        Pace::new(None).read(usize::MAX).await;
        assert!(before.elapsed() < Duration::from_millis(100));
    }
}
