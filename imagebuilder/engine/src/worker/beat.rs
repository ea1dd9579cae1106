//! Signs of life: leases are kept, and a worker that cannot keep them stops by itself.
//!
//! A worker that the journal has not heard of for the length of a lease must take it that
//! others have its builds: it ends them a little earlier, so that two never work at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Worker;
use crate::halt::HaltReason;
use crate::journal::{JournalError, LEASE};

/// How often it says that it is alive: two may get lost.
const HEARTBEAT: Duration = Duration::from_secs(8);
/// What it takes to let go of everything.
const MARGIN: Duration = Duration::from_secs(4);

impl Worker {
    pub(super) async fn beat(self: Arc<Self>, ended: CancellationToken) {
        let mut heard = Instant::now();
        loop {
            let began = Instant::now();
            match tokio::time::timeout(HEARTBEAT, self.beat_once()).await {
                Ok(Ok(())) => heard = began,
                Ok(Err(error)) => warn!("missed a sign of life: {error}"),
                Err(_) => warn!("missed a sign of life: the journal does not answer"),
            }
            if heard.elapsed() + MARGIN >= LEASE {
                self.halts()
                    .values()
                    .for_each(|running| running.halt.now(HaltReason::LeaseLost));
            }
            tokio::select! {
                () = ended.cancelled() => return,
                () = tokio::time::sleep(HEARTBEAT) => {}
            }
        }
    }

    async fn beat_once(&self) -> Result<(), JournalError> {
        // Before the leases are read: what is claimed in between is not missing then.
        let mine: Vec<_> = self
            .halts()
            .iter()
            .map(|(build, running)| (build.clone(), running.clone()))
            .collect();
        let held = self.shop.journal.beat(&self.name).await?;
        for (build, running) in mine {
            let has = held
                .iter()
                .any(|(id, fence)| *id == build && *fence == running.fence);
            if !has
                && self
                    .halts()
                    .get(&build)
                    .is_some_and(|is| is.fence == running.fence)
            {
                running.halt.now(HaltReason::LeaseLost);
            }
        }
        self.hear_drain().await
    }

    /// Hears whether this worker is to take no more.
    pub(crate) async fn hear_drain(&self) -> Result<(), JournalError> {
        let how = self.shop.journal.seen(&self.name).await?;
        let before = self.draining.swap(how.draining, Ordering::Relaxed);
        if before != how.draining {
            info!(draining = how.draining, "this worker was told");
            self.shop.journal.ring();
        }
        let wanted = (how.draining && how.hand_over).then_some(HaltReason::HandedOver);
        for running in self.halts().values() {
            // A pause is not taken back by a drain that ended.
            if wanted.is_some() || running.halt.boundary() == Some(HaltReason::HandedOver) {
                running.halt.at_boundary(wanted);
            }
        }
        Ok(())
    }
}
