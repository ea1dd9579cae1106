//! Changes of builds, told to whoever watches them in another process of the same journal.
//!
//! A notification takes a lock that all of PostgreSQL shares until its transaction is
//! durable, so changes are collected for a moment and told in one statement. What is told
//! while the connection is lost is made up for: all builds that may have changed are
//! announced when it is there again. With SQLite there is nobody to tell.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use database::{Heard, Listener, Pool, statements, values};
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::warn;

statements! {
    // SQLite has one process: its text is never run.
    TELL: "tell other processes of changes" =
        "select " notify["'packyard_builds', j.value"] " from " list["$1"];
    RING: "tell other processes of work" = "select " notify["'packyard_queue', ''"];
    RECENT: "list the builds that may have changed" =
        "select id from builds where state in ('queued', 'running') or ended_at >= $1";
}

const BUILDS: &str = "packyard_builds";
const QUEUE: &str = "packyard_queue";
/// How long changes are collected. A person does not see it.
const COLLECT: Duration = Duration::from_millis(50);
/// After a failure of the database: it is asked again.
const AFTER_TROUBLE: Duration = Duration::from_secs(2);
/// How far back builds that ended are announced after a gap.
const GAP: Duration = Duration::from_secs(600);

/// Tells other processes, and hears them.
#[derive(Debug)]
pub(super) struct Announcer {
    news: Option<Arc<News>>,
    stop: CancellationToken,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// What is not told yet.
#[derive(Debug, Default)]
struct News {
    builds: Mutex<BTreeSet<String>>,
    ring: std::sync::atomic::AtomicBool,
    some: Notify,
}

impl Announcer {
    /// Starts telling and listening where the database is shared.
    pub(super) fn start(
        pool: &Pool,
        changed: &broadcast::Sender<String>,
        work: &Arc<Notify>,
    ) -> Self {
        let stop = CancellationToken::new();
        if !pool.is_shared() {
            return Self {
                news: None,
                stop,
                tasks: Mutex::default(),
            };
        }
        let news = Arc::new(News::default());
        let ears = Ears {
            pool: pool.clone(),
            changed: changed.clone(),
            work: Arc::clone(work),
        };
        let tasks = vec![
            tokio::spawn(tell(pool.clone(), Arc::clone(&news), stop.clone())),
            tokio::spawn(ears.listen(stop.clone())),
        ];
        Self {
            news: Some(news),
            stop,
            tasks: Mutex::new(tasks),
        }
    }

    pub(super) fn changed(&self, build: &str) {
        if let Some(news) = &self.news {
            lock(&news.builds).insert(build.to_owned());
            news.some.notify_one();
        }
    }

    pub(super) fn ring(&self) {
        if let Some(news) = &self.news {
            news.ring.store(true, std::sync::atomic::Ordering::Relaxed);
            news.some.notify_one();
        }
    }

    /// Tells what is left, and ends.
    pub(super) async fn stop(&self) {
        self.stop.cancel();
        let tasks = std::mem::take(&mut *lock(&self.tasks));
        for task in tasks {
            drop(task.await);
        }
    }
}

impl Drop for Announcer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn tell(pool: Pool, news: Arc<News>, stop: CancellationToken) {
    loop {
        let last = tokio::select! {
            () = stop.cancelled() => true,
            () = news.some.notified() => false,
        };
        if !last {
            tokio::time::sleep(COLLECT).await;
        }
        let builds = std::mem::take(&mut *lock(&news.builds));
        let ring = news.ring.swap(false, std::sync::atomic::Ordering::Relaxed);
        if let Err(error) = tell_once(&pool, &builds, ring).await {
            warn!("cannot tell other workers of changes: {error}");
            // They look by themselves now and then; watchers must not miss the end of a build.
            lock(&news.builds).extend(builds);
            if !last {
                tokio::time::sleep(AFTER_TROUBLE).await;
                news.some.notify_one();
            }
        }
        if last {
            return;
        }
    }
}

async fn tell_once(pool: &Pool, builds: &BTreeSet<String>, ring: bool) -> database::Result<()> {
    if !builds.is_empty() {
        let list = serde_json::to_string(builds).unwrap_or_else(|_| "[]".to_owned());
        pool.execute(&TELL, values![&list]).await?;
    }
    if ring {
        pool.execute(&RING, values![]).await?;
    }
    Ok(())
}

/// Hears other processes.
struct Ears {
    pool: Pool,
    changed: broadcast::Sender<String>,
    work: Arc<Notify>,
}

impl Ears {
    async fn listen(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.hear() => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(AFTER_TROUBLE) => {}
            }
        }
    }

    /// Hears until the connection is lost for good.
    async fn hear(&self) {
        let mut listener: Listener = match self.pool.listen(&[BUILDS, QUEUE]).await {
            Ok(Some(listener)) => listener,
            Ok(None) => return std::future::pending().await,
            Err(error) => return warn!("cannot hear other workers: {error}"),
        };
        // Before this moment it heard nothing.
        self.catch_up().await;
        loop {
            match listener.next().await {
                Ok(Heard::Said { channel, text }) if channel == BUILDS => {
                    drop(self.changed.send(text));
                }
                Ok(Heard::Said { .. }) => self.work.notify_one(),
                Ok(Heard::Gap) => self.catch_up().await,
                Err(error) => return warn!("cannot hear other workers: {error}"),
            }
        }
    }

    async fn catch_up(&self) {
        self.work.notify_one();
        let since = super::stamp(jiff::Timestamp::now() - GAP);
        match self.pool.all::<(String,)>(&RECENT, values![&since]).await {
            Ok(builds) => builds.into_iter().for_each(|(build,)| {
                drop(self.changed.send(build));
            }),
            Err(error) => warn!("cannot look for builds that changed: {error}"),
        }
    }
}
