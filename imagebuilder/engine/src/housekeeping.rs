//! What an engine does beside its builds, now and then: delete what a rule no longer keeps.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::logs;
use crate::metrics;
use crate::stages;
use crate::transient;
use crate::workshop::Workshop;

/// Rules speak of days.
const BETWEEN_ROUNDS: Duration = Duration::from_secs(900);
/// The start has other things to do first.
const BEFORE_FIRST: Duration = Duration::from_secs(30);

/// Scrapers come four times a minute or less.
const BETWEEN_MEASURES: Duration = Duration::from_secs(10);

/// Keeps house and measures until `stop`.
pub(crate) async fn keep(shop: &Workshop, stop: &CancellationToken) {
    tokio::join!(rounds(shop, stop), measures(shop, stop));
}

async fn measures(shop: &Workshop, stop: &CancellationToken) {
    loop {
        if let Err(failure) = metrics::measure(shop).await {
            warn!("cannot measure: {failure}");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(BETWEEN_MEASURES) => {}
        }
    }
}

async fn rounds(shop: &Workshop, stop: &CancellationToken) {
    let mut pause = BEFORE_FIRST;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = round(shop) => {}
        }
        pause = BETWEEN_ROUNDS;
    }
}

async fn round(shop: &Workshop) {
    match logs::forget_old(shop).await {
        Ok(builds) if builds.is_empty() => {}
        Ok(builds) => info!(builds = builds.len(), "deleted the logs of old builds"),
        Err(failure) => warn!("cannot delete the logs of old builds: {failure}"),
    }
    match transient::sweep(shop).await {
        Ok(builds) if builds.is_empty() => {}
        Ok(builds) => info!(
            builds = builds.len(),
            "removed keys of builds that ended elsewhere"
        ),
        Err(failure) => warn!("cannot look for keys of builds that ended elsewhere: {failure}"),
    }
    match stages::evict(shop).await {
        Ok(report) if report.stages.is_empty() => {}
        Ok(report) => {
            info!(stages = ?report.stages, size_bytes = report.size_bytes, "evicted stages");
        }
        Err(failure) => warn!("cannot evict stages: {failure}"),
    }
}
