//! The worker of this process: claims builds, runs them side by side, stops in order.
//!
//! It is rung when there may be work, also by other processes of the same journal, and
//! looks by itself now and then in case it was not heard. Signs of life, reaping and
//! pushing of stages are beside it, so that nothing that one waits for delays another.

mod beat;
mod chores;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, info, warn};
use uuid::Uuid;

use crate::build::Build;
use crate::halt::{Halt, HaltReason};
use crate::journal::{BuildJournal, Claim, JournalError, NewWorker, Wish};
use crate::process::kill_naming;
use crate::run_build::{End, run_build};
use crate::spans;
use crate::unwanted;
use crate::workshop::Workshop;

/// How often the queue is looked at although nobody rang: for leases that ran out, deadlines
/// and pauses that ended, and rings that got lost.
const LOOK: Duration = Duration::from_secs(5);
/// The same where there is no other process.
const LOOK_ALONE: Duration = Duration::from_secs(30);

/// Runs builds.
pub(crate) struct Worker {
    shop: Arc<Workshop>,
    name: String,
    running: Mutex<BTreeMap<String, Running>>,
    /// Takes no new build.
    draining: AtomicBool,
    /// Rung when there may be something to reap.
    leftovers: Notify,
}

/// A build that this worker has.
#[derive(Debug, Clone)]
struct Running {
    halt: Halt,
    fence: i64,
}

impl Worker {
    pub(crate) fn new(shop: Arc<Workshop>) -> Self {
        let name = format!("{}-{}", std::process::id(), Uuid::new_v4().simple());
        Self {
            shop,
            name,
            running: Mutex::default(),
            draining: AtomicBool::new(false),
            leftovers: Notify::new(),
        }
    }

    fn halts(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its name on the list of workers.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Tells a running build to undo itself; false where this worker does not have it.
    pub(crate) fn cancel(&self, build: &str) -> bool {
        match self.halts().get(build) {
            Some(running) => {
                running.halt.now(HaltReason::Cancelled);
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
        let ended = CancellationToken::new();
        let mut beside = JoinSet::new();
        beside.spawn(chores::push_stages(Arc::clone(&self.shop), stop.clone()));
        beside.spawn(Arc::clone(self).tell_all(stop.clone()));
        beside.spawn(Arc::clone(self).reap_now_and_then(ended.clone()));
        // To the very end: a build that undoes itself needs its lease.
        beside.spawn(Arc::clone(self).beat(ended.clone()));
        let look = if self.shop.journal.is_shared() {
            LOOK
        } else {
            LOOK_ALONE
        };
        let mut builds = JoinSet::new();
        while !stop.is_cancelled() || !builds.is_empty() {
            self.look(&mut builds, &stop).await;
            tokio::select! {
                // While builds end after a stop, it would resolve again and again.
                () = stop.cancelled(), if !stop.is_cancelled() || builds.is_empty() => {}
                Some(_) = builds.join_next(), if !builds.is_empty() => self.leftovers.notify_one(),
                () = self.shop.journal.work() => {}
                () = tokio::time::sleep(look) => {}
            }
        }
        ended.cancel();
        while beside.join_next().await.is_some() {}
        if let Err(error) = self.shop.journal.leave(&self.name).await {
            warn!("cannot leave the list of workers: {error}");
        }
    }

    /// Tells every build that the server stops.
    async fn tell_all(self: Arc<Self>, stop: CancellationToken) {
        stop.cancelled().await;
        self.halts()
            .values()
            .for_each(|running| running.halt.now(HaltReason::Stopping));
    }

    /// One data folder has one process: whoever held leases for it before is dead.
    async fn take_over(&self) {
        let left = kill_naming(&self.shop.config.builds());
        if left > 0 {
            info!(
                processes = left,
                "ended what a server before this one left running"
            );
        }
        let journal = &self.shop.journal;
        match journal.take_over().await {
            Ok(builds) if builds.is_empty() => {}
            Ok(builds) => info!(
                builds = builds.len(),
                "took over the builds of a server that ended"
            ),
            Err(error) => warn!("cannot take over builds: {error}"),
        }
        let new = NewWorker {
            name: &self.name,
            provider: self.shop.provider.name(),
            slots: self.shop.config.slots,
        };
        if let Err(error) = journal.register(&new).await {
            warn!("cannot enter the list of workers: {error}");
        }
        self.leftovers.notify_one();
    }

    /// Does what the journal wants now: ends builds that nobody wants, hears what is wanted
    /// of those that run, claims new ones.
    async fn look(self: &Arc<Self>, builds: &mut JoinSet<()>, stop: &CancellationToken) {
        let journal = &self.shop.journal;
        if let Err(error) = unwanted::end(&self.shop).await {
            warn!("cannot end builds that nobody wants: {error}");
        }
        if !builds.is_empty() {
            match journal.wishes(&self.name).await {
                Ok(wishes) => wishes.iter().for_each(|wish| self.hear(wish)),
                Err(error) => warn!("cannot hear what is wanted of builds: {error}"),
            }
        }
        if !stop.is_cancelled() {
            self.claim_all(builds, stop).await;
        }
    }

    fn hear(&self, wish: &Wish) {
        let Some(Running { halt, .. }) = self.halts().get(&wish.build).cloned() else {
            return;
        };
        if wish.cancel_requested {
            halt.now(HaltReason::Cancelled);
        } else if wish.late {
            halt.now(HaltReason::Late);
        } else if wish.paused {
            halt.at_boundary(Some(HaltReason::Paused));
        } else if halt.boundary() == Some(HaltReason::Paused) {
            halt.at_boundary(None);
        }
    }

    async fn claim_all(self: &Arc<Self>, builds: &mut JoinSet<()>, stop: &CancellationToken) {
        let shop = &self.shop;
        while builds.len() < shop.config.slots && !self.draining.load(Ordering::Relaxed) {
            let limits = &shop.config.limits;
            let claim = shop.journal.claim(&self.name, shop.provider.name(), limits);
            match claim.await {
                Ok(Some(claim)) => self.begin(claim, builds, stop),
                Ok(None) => return,
                Err(error) => return warn!("cannot claim a build: {error}"),
            }
        }
    }

    fn begin(self: &Arc<Self>, claim: Claim, builds: &mut JoinSet<()>, stop: &CancellationToken) {
        let halt = Halt::default();
        let running = Running {
            halt: halt.clone(),
            fence: claim.fence,
        };
        // A run that lost its lease and has not noticed must not go on beside the new one.
        if let Some(before) = self.halts().insert(claim.build.clone(), running) {
            before.halt.now(HaltReason::LeaseLost);
        }
        // Known to others now: a stop that came in between did not find it.
        if stop.is_cancelled() {
            halt.now(HaltReason::Stopping);
        }
        let worker = Arc::clone(self);
        builds.spawn(async move { worker.work(claim, halt).await });
    }

    async fn work(self: Arc<Self>, claim: Claim, halt: Halt) {
        let journal = self.shop.journal.of(&claim);
        match self.load(&claim).await {
            Ok(build) => {
                // So that every line of the log about it names its trace.
                let span = match build.trace.id() {
                    Some(id) => tracing::info_span!("build", trace.id = id),
                    None => tracing::Span::none(),
                };
                let end = run_build(&build, &halt).instrument(span).await;
                if end == End::Lost {
                    warn!(
                        build.id = claim.build,
                        "this worker no longer has the build"
                    );
                }
            }
            Err(error) => self.broken(&journal, &error).await,
        }
        let mut halts = self.halts();
        if halts
            .get(&claim.build)
            .is_some_and(|one| one.fence == claim.fence)
        {
            halts.remove(&claim.build);
        }
    }

    async fn load(&self, claim: &Claim) -> Result<Build, JournalError> {
        let row = self.shop.journal.build(&claim.build).await?;
        let row = row.ok_or_else(|| JournalError::Corrupt {
            what: "the queue",
            message: format!("build {} has no row", claim.build),
        })?;
        Build::load(Arc::clone(&self.shop), &row, claim).await
    }

    /// A build whose rows this program cannot read will not get better. One whose rows it
    /// cannot reach is given back.
    async fn broken(&self, journal: &BuildJournal, error: &JournalError) {
        let message = crate::failure::chain(error);
        warn!(build.id = journal.build, "cannot load the build: {message}");
        let ended = match error {
            JournalError::Corrupt { .. } => {
                let reason = Some("JournalFailed");
                let ended = journal.finish("failed", reason, Some(&message)).await;
                spans::build_ended(&self.shop, &journal.build).await;
                ended
            }
            _ => journal.release().await,
        };
        if let Err(error) = ended {
            warn!(build.id = journal.build, "cannot end the build: {error}");
        }
    }
}
