//! Why a build is interrupted, and the signals that say so: one at once, one at the next
//! boundary of a step.

use std::sync::{Arc, OnceLock};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HaltReason {
    /// Somebody asked to cancel the build: everything is undone.
    Cancelled,
    /// Its deadline passed: everything is undone.
    Late,
    /// The server stops: the machine goes, the build stays queued.
    Stopping,
    /// The worker is drained: the machine goes, another worker takes the build.
    HandedOver,
    /// Somebody paused the build: the machine goes, the build waits.
    Paused,
    /// Another worker has the build: nothing is written any more.
    LeaseLost,
}

/// The signals for one build. Of those at once the first counts; those at a boundary can be
/// taken back before they are heard.
#[derive(Debug, Clone)]
pub(crate) struct Halt {
    token: CancellationToken,
    reason: Arc<OnceLock<HaltReason>>,
    boundary: watch::Sender<Option<HaltReason>>,
}

impl Default for Halt {
    fn default() -> Self {
        Self {
            token: CancellationToken::new(),
            reason: Arc::default(),
            boundary: watch::Sender::new(None),
        }
    }
}

impl Halt {
    pub(crate) fn now(&self, reason: HaltReason) {
        // The first reason stays.
        self.reason.get_or_init(|| reason);
        self.token.cancel();
    }

    /// Asks for a halt before the next step, or takes that back.
    pub(crate) fn at_boundary(&self, reason: Option<HaltReason>) {
        self.boundary.send_if_modified(|is| {
            let differs = *is != reason;
            *is = reason;
            differs
        });
    }

    pub(crate) fn reason(&self) -> Option<HaltReason> {
        self.reason.get().copied()
    }

    /// Between two steps: whether to go no further.
    pub(crate) fn boundary(&self) -> Option<HaltReason> {
        self.reason().or(*self.boundary.borrow())
    }

    /// Resolves once somebody halts the build at once.
    pub(crate) async fn wait(&self) -> HaltReason {
        self.token.cancelled().await;
        self.reason().unwrap_or(HaltReason::Stopping)
    }

    /// Resolves once somebody halts the build in either way.
    pub(crate) async fn wait_at_boundary(&self) -> HaltReason {
        let mut asked = self.boundary.subscribe();
        let asked = async {
            let heard = asked.wait_for(Option::is_some).await.ok();
            let reason = heard.and_then(|reason| *reason);
            // Never empty while `self` is there to send.
            reason.unwrap_or(HaltReason::Stopping)
        };
        tokio::select! {
            reason = self.wait() => reason,
            reason = asked => reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_counts_and_a_boundary_can_be_taken_back() {
        let halt = Halt::default();
        halt.at_boundary(Some(HaltReason::Paused));
        assert_eq!(halt.boundary(), Some(HaltReason::Paused));
        assert_eq!(halt.wait_at_boundary().await, HaltReason::Paused);
        halt.at_boundary(None);
        assert_eq!(halt.boundary(), None);
        halt.now(HaltReason::Cancelled);
        halt.now(HaltReason::Stopping);
        assert_eq!(halt.wait().await, HaltReason::Cancelled);
        assert_eq!(halt.boundary(), Some(HaltReason::Cancelled));
    }
}
