//! Why a build is interrupted, and the signal that says so.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HaltReason {
    /// Somebody asked to cancel the build: everything is undone.
    Cancelled,
    /// The server stops: the machine goes, the build stays queued.
    Stopping,
    /// Another worker has the build: nothing is written any more.
    LeaseLost,
}

/// One signal for one build; the first reason counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Halt {
    token: CancellationToken,
    reason: Arc<OnceLock<HaltReason>>,
}

impl Halt {
    pub(crate) fn now(&self, reason: HaltReason) {
        // The first reason stays.
        self.reason.get_or_init(|| reason);
        self.token.cancel();
    }

    pub(crate) fn reason(&self) -> Option<HaltReason> {
        self.reason.get().copied()
    }

    /// Resolves once somebody halts the build.
    pub(crate) async fn wait(&self) -> HaltReason {
        self.token.cancelled().await;
        self.reason().unwrap_or(HaltReason::Stopping)
    }
}
