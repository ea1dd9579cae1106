//! Garbage collection in a server: one run at a time, by schedule or because somebody asked.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use registry_store::{Collected, Collection, Store, StoreError};
use tokio::task::JoinHandle;

use crate::metrics::CollectionMetrics;

/// What is known of the last collection, or of the one that is running.
#[derive(Clone, Debug, Default)]
pub(crate) struct Status {
    /// How many this server began.
    pub(crate) run: u64,
    pub(crate) is_running: bool,
    pub(crate) dry_run: bool,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
    /// What it removed until now.
    pub(crate) removed: Collected,
    /// Another server on the database was at it.
    pub(crate) elsewhere: bool,
    /// Whether it failed; the log has the cause.
    pub(crate) failed: bool,
}

/// The one place where collections begin.
#[derive(Debug)]
pub(crate) struct Collector {
    status: Mutex<Status>,
    task: Mutex<Option<JoinHandle<()>>>,
    pub(crate) metrics: CollectionMetrics,
}

impl Collector {
    pub(crate) fn new(metrics: CollectionMetrics) -> Self {
        Self {
            status: Mutex::default(),
            task: Mutex::default(),
            metrics,
        }
    }

    pub(crate) fn status(&self) -> Status {
        lock(&self.status).clone()
    }

    /// Says that a collection begins; false when one is running.
    pub(crate) fn begin(&self, dry_run: bool) -> bool {
        let mut status = lock(&self.status);
        if status.is_running {
            return false;
        }
        *status = Status {
            run: status.run + 1,
            is_running: true,
            dry_run,
            started_at: Some(Timestamp::now()),
            ..Status::default()
        };
        true
    }

    /// Collects what [`begin`](Self::begin) announced.
    pub(crate) async fn run(&self, store: &Store, what: &Collection) {
        let _ending = Ending(self);
        let tell = |done: &Collected| {
            let mut status = lock(&self.status);
            if !what.dry_run {
                self.metrics.add(&status.removed, done);
            }
            status.removed = *done;
        };
        let result = store.collect(what, &tell).await;
        if let Ok(Some(done)) = &result {
            tell(done);
        }
        self.end(&result, what.dry_run);
    }

    /// Keeps the task of a collection that a request began, to end it with the server.
    pub(crate) fn keep(&self, task: JoinHandle<()>) {
        *lock(&self.task) = Some(task);
    }

    /// Ends a collection that a request began. It goes on where it was, another time.
    pub(crate) async fn stop(&self) {
        let task = lock(&self.task).take();
        if let Some(task) = task {
            task.abort();
            drop(task.await);
        }
    }

    fn end(&self, result: &Result<Option<Collected>, StoreError>, dry_run: bool) {
        let mut status = lock(&self.status);
        match result {
            Ok(Some(done)) if *done == Collected::default() => {}
            Ok(Some(done)) => tracing::info!(
                dry_run,
                uploads = done.uploads,
                manifests = done.manifests,
                rights = done.rights,
                blobs = done.blobs,
                orphans = done.orphans,
                freed_bytes = done.freed_bytes,
                "collected what nobody needs"
            ),
            Ok(None) => status.elsewhere = true,
            Err(error) => {
                status.failed = true;
                let error = error as &dyn std::error::Error;
                tracing::warn!(error, "collecting failed; the next run goes on from there");
            }
        }
        self.metrics.ended(result.is_ok());
    }
}

/// However a run ends, also when it is dropped, the next may begin.
struct Ending<'a>(&'a Collector);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let mut status = lock(&self.0.status);
        status.is_running = false;
        status.ended_at = Some(Timestamp::now());
    }
}

/// How long until a collection is due, when one ended that long ago.
pub(crate) fn due_in(interval: Duration, ago: Option<Duration>) -> Duration {
    ago.map_or(Duration::ZERO, |ago| interval.saturating_sub(ago))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
