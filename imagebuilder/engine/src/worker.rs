//! The worker of this process: claims builds, runs them side by side, keeps their leases, stops in order.
//!
//! With nothing to do it sleeps until it is rung; there is no polling.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use uuid::Uuid;

use crate::build::Build;
use crate::halt::{Halt, HaltReason};
use crate::journal::{BuildJournal, Claim, JournalError};
use crate::process::kill_naming;
use crate::reaper;
use crate::run_build::{End, run_build};
use crate::stages;
use crate::workshop::Workshop;

const HEARTBEAT: Duration = Duration::from_secs(10);
/// After a failure of the journal: long enough not to spin, short enough not to be noticed.
const AFTER_TROUBLE: Duration = Duration::from_secs(15);
/// How often the reaper looks while builds run.
const BETWEEN_REAPS: Duration = Duration::from_secs(600);
/// A stage that the registry does not take is offered again after this long.
const BETWEEN_PUSHES: Duration = Duration::from_secs(30);
/// What one process offers before it leaves a stage to the next start.
const PUSH_TRIES: u32 = 20;

/// Runs builds.
pub(crate) struct Worker {
    shop: Arc<Workshop>,
    wake: Arc<Notify>,
    name: String,
    running: Mutex<BTreeMap<String, Halt>>,
}

impl Worker {
    pub(crate) fn new(shop: Arc<Workshop>, wake: Arc<Notify>) -> Self {
        let name = format!("{}-{}", std::process::id(), Uuid::new_v4().simple());
        Self {
            shop,
            wake,
            name,
            running: Mutex::default(),
        }
    }

    fn halts(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Halt>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells a running build to undo itself; false where this worker does not have it.
    pub(crate) fn cancel(&self, build: &str) -> bool {
        match self.halts().get(build) {
            Some(halt) => {
                halt.now(HaltReason::Cancelled);
                true
            }
            None => false,
        }
    }

    pub(crate) fn running(&self) -> usize {
        self.halts().len()
    }

    /// Works until `stop`; by then every machine is destroyed and every unfinished build is back in the queue.
    pub(crate) async fn run(self: &Arc<Self>, stop: CancellationToken) {
        self.take_over().await;
        let pushing = tokio::spawn(push_stages(Arc::clone(&self.shop), stop.clone()));
        // Beside the loop below, so that nothing that it waits for delays a stop.
        let telling = tokio::spawn(Arc::clone(self).tell_all(stop.clone()));
        let mut builds = JoinSet::new();
        while !stop.is_cancelled() || !builds.is_empty() {
            if !stop.is_cancelled() {
                self.claim_all(&mut builds, &stop).await;
            }
            tokio::select! {
                () = stop.cancelled(), if builds.is_empty() => {}
                Some(_) = builds.join_next(), if !builds.is_empty() => self.reap().await,
                () = self.wake.notified() => {}
                () = tokio::time::sleep(BETWEEN_REAPS), if !builds.is_empty() => self.reap().await,
            }
        }
        drop(tokio::join!(pushing, telling));
    }

    /// Tells every build that the server stops.
    async fn tell_all(self: Arc<Self>, stop: CancellationToken) {
        stop.cancelled().await;
        self.halts()
            .values()
            .for_each(|halt| halt.now(HaltReason::Stopping));
    }

    /// One data folder has one process: whoever held leases before is dead.
    async fn take_over(&self) {
        let left = kill_naming(&self.shop.config.builds());
        if left > 0 {
            info!(
                processes = left,
                "ended what a server before this one left running"
            );
        }
        match self.shop.journal.take_over().await {
            Ok(builds) if builds.is_empty() => {}
            Ok(builds) => info!(
                builds = builds.len(),
                "took over the builds of a server that ended"
            ),
            Err(error) => warn!("cannot take over builds: {error}"),
        }
        if let Err(error) = self.shop.journal.drop_cancelled().await {
            warn!("cannot end cancelled builds: {error}");
        }
        self.reap().await;
    }

    async fn reap(&self) {
        let busy: Vec<String> = self.halts().keys().cloned().collect();
        match reaper::reap(&self.shop, &busy).await {
            Ok(report) if report.is_empty() => {}
            Ok(report) => {
                let (removed, left) = (report.removed.len(), report.left.len());
                self.shop.metrics.reaped(removed, left);
                info!(removed = ?report.removed, left = ?report.left, "reaper");
            }
            Err(failure) => warn!("the reaper could not finish: {failure}"),
        }
    }

    async fn claim_all(self: &Arc<Self>, builds: &mut JoinSet<()>, stop: &CancellationToken) {
        while builds.len() < self.shop.config.slots {
            match self.shop.journal.claim(&self.name).await {
                Ok(Some(claim)) => {
                    let halt = Halt::default();
                    self.halts().insert(claim.build.clone(), halt.clone());
                    // Known to others now: a stop that came in between did not find it.
                    if stop.is_cancelled() {
                        halt.now(HaltReason::Stopping);
                    }
                    let worker = Arc::clone(self);
                    builds.spawn(async move { worker.work(claim, halt).await });
                }
                Ok(None) => return,
                Err(error) => {
                    warn!("cannot claim a build: {error}");
                    self.ring_later();
                    return;
                }
            }
        }
    }

    fn ring_later(&self) {
        let wake = Arc::clone(&self.wake);
        tokio::spawn(async move {
            tokio::time::sleep(AFTER_TROUBLE).await;
            wake.notify_one();
        });
    }

    async fn work(self: Arc<Self>, claim: Claim, halt: Halt) {
        let journal = self.shop.journal.of(&claim);
        let beating = tokio::spawn(heartbeat(journal.clone(), halt.clone()));
        match self.load(&claim).await {
            Ok(build) => {
                let end = run_build(&build, &halt).await;
                if end == End::Lost {
                    warn!(
                        build.id = claim.build,
                        "this worker no longer has the build"
                    );
                }
            }
            Err(error) => self.broken(&journal, &error).await,
        }
        beating.abort();
        self.halts().remove(&claim.build);
        self.wake.notify_one();
    }

    async fn load(&self, claim: &Claim) -> Result<Build, JournalError> {
        let row = self.shop.journal.build(&claim.build).await?;
        let row = row.ok_or_else(|| JournalError::Corrupt {
            what: "the queue",
            message: format!("build {} has no row", claim.build),
        })?;
        Build::load(Arc::clone(&self.shop), &row, claim).await
    }

    /// A build whose rows this program cannot read will not get better.
    async fn broken(&self, journal: &BuildJournal, error: &JournalError) {
        let message = crate::failure::chain(error);
        warn!(build.id = journal.build, "cannot load the build: {message}");
        if let Err(error) = journal
            .finish("failed", Some("JournalFailed"), Some(&message))
            .await
        {
            warn!(build.id = journal.build, "cannot end the build: {error}");
        }
    }
}

async fn heartbeat(journal: BuildJournal, halt: Halt) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        match journal.heartbeat().await {
            Ok(false) => {}
            Ok(true) => halt.now(HaltReason::Cancelled),
            Err(JournalError::LeaseLost { .. }) => return halt.now(HaltReason::LeaseLost),
            Err(error) => warn!(build.id = journal.build, "missed a heartbeat: {error}"),
        }
    }
}

/// Brings captured stages to the registry, one after the other, beside the builds.
async fn push_stages(shop: Arc<Workshop>, stop: CancellationToken) {
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
