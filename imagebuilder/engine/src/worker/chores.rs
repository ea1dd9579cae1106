//! What a worker does beside its builds: removes what was left behind, pushes stages.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Worker;
use crate::reaper;
use crate::stages;
use crate::workshop::Workshop;

/// How often the reaper looks although nothing ended.
const BETWEEN_REAPS: Duration = Duration::from_secs(600);
/// Many builds that end together need one look.
const AFTER_AN_END: Duration = Duration::from_millis(200);
/// A stage that the registry does not take is offered again after this long.
const BETWEEN_PUSHES: Duration = Duration::from_secs(30);
/// What one process offers before it leaves a stage to the next start.
const PUSH_TRIES: u32 = 20;

impl Worker {
    pub(super) async fn reap_now_and_then(self: Arc<Self>, ended: CancellationToken) {
        loop {
            tokio::select! {
                () = ended.cancelled() => return self.reap().await,
                () = self.leftovers.notified() => tokio::time::sleep(AFTER_AN_END).await,
                () = tokio::time::sleep(BETWEEN_REAPS) => {}
            }
            self.reap().await;
        }
    }

    async fn reap(&self) {
        match reaper::reap(&self.shop).await {
            Ok(report) if report.is_empty() => {}
            Ok(report) => {
                let (removed, left) = (report.removed.len(), report.left.len());
                self.shop.metrics.reaped(removed, left);
                info!(removed = ?report.removed, left = ?report.left, "reaper");
            }
            Err(failure) => warn!("the reaper could not finish: {failure}"),
        }
    }
}

/// Brings captured stages to the registry, one after the other, beside the builds.
pub(super) async fn push_stages(shop: Arc<Workshop>, stop: CancellationToken) {
    let mut tries = 0;
    loop {
        let pushed = tokio::select! {
            () = stop.cancelled() => return,
            pushed = stages::push_next(&shop) => pushed,
        };
        let wait = match pushed {
            Ok(true) => {
                tries = 0;
                continue;
            }
            Ok(false) => None,
            Err(failure) => {
                tries += 1;
                warn!("cannot push a stage to the registry: {failure}; it stays on this host");
                (tries < PUSH_TRIES).then_some(BETWEEN_PUSHES)
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = shop.stage_captured.notified() => {}
            () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => {}
        }
    }
}
