//! Tries again, with growing pauses and some chance in them, so that many
//! clients that were cut at once do not come back at once.

use std::time::Duration;

use crate::error::ClientError;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A server may ask for patience, but not for more than this.
const LONGEST_ASKED: Duration = Duration::from_secs(20);

/// Counts the attempts at one thing.
#[derive(Debug)]
pub(crate) struct Attempts {
    left: u32,
    pause: Duration,
}

impl Attempts {
    pub(crate) fn new(attempts: u32) -> Self {
        Self {
            left: attempts.saturating_sub(1),
            pause: FIRST_PAUSE,
        }
    }

    /// Some progress was made: the patience is as at the start.
    pub(crate) fn progressed(&mut self, attempts: u32) {
        *self = Self::new(attempts);
    }

    /// Pauses if `error` may pass and attempts are left, else gives it back.
    pub(crate) async fn pause_or(&mut self, error: ClientError) -> Result<(), ClientError> {
        let ClientError::Retryable { after, message, .. } = &error else {
            return Err(error);
        };
        if self.left == 0 {
            return Err(error);
        }
        self.left -= 1;
        let jittered = self.pause.mul_f64(rand::random_range(0.5..1.5));
        let pause = after.map_or(jittered, |asked| asked.min(LONGEST_ASKED));
        tracing::debug!(%message, ?pause, left = self.left, "trying again");
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        tokio::time::sleep(pause).await;
        Ok(())
    }
}
