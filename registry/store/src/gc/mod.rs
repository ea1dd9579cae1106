//! Garbage collection, online: what nobody needs goes while everybody works.
//!
//! Rows first, bytes last, in steps that may each be the last one before a kill:
//!
//! ```text
//! upload that nobody goes on with ──► its row, its staged bytes
//! manifest that nothing reaches   ──► its row; its blobs get a lease      (only if told to)
//! right whose lease ended         ──► its row, unless a manifest needs it
//! blob without rights, + grace    ──► its row becomes a note ──► its bytes ──► the note
//! object without row or note, + grace ──► its bytes
//! ```
//!
//! A right ends under the same row lock under which it is given and relied on, see
//! [`crate::metadata`]: a manifest is stored with all of its blobs or not at all. Each step
//! takes a small batch and lets others in between; a walk from end to end keeps its place in
//! the database. Any number of servers may collect at once; they take turns to save work.

mod manifests;
mod objects;
mod orphans;
mod pace;
mod rights;
mod uploads;

use std::time::Duration;

use uuid::Uuid;

use self::pace::Pace;
use crate::content::join;
use crate::error::Result;
use crate::metadata::Progress;
use crate::store::Store;

/// Rows per transaction; others write between two.
const BATCH: u32 = 100;

/// What to collect.
#[derive(Clone, Debug)]
pub struct Collection {
    /// How long the bytes of a blob that nobody holds stay for those who still read them, and
    /// how long an object without a row may be on its way to one. Default: an hour.
    pub grace: Duration,
    /// From what age on untagged manifests go that nothing reaches. Default: they stay.
    pub untagged_age: Option<Duration>,
    /// How many things go in a second at most. Default: 200.
    pub per_second: u32,
    /// Only count.
    pub dry_run: bool,
}

impl Default for Collection {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(60 * 60),
            untagged_age: None,
            per_second: 200,
            dry_run: false,
        }
    }
}

/// What a collection removed, or would.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Uploads that nobody went on with.
    pub uploads: u64,
    /// Untagged manifests that nothing reached.
    pub manifests: u64,
    /// Rights of repositories to blobs that no manifest named.
    pub rights: u64,
    /// Blobs that no repository held.
    pub blobs: u64,
    /// Objects that no row spoke of.
    pub orphans: u64,
    /// The bytes of both.
    pub freed_bytes: u64,
}

/// One collection at work.
struct Run<'a> {
    store: &'a Store,
    what: &'a Collection,
    progress: Progress,
    /// Whose turn it is.
    holder: String,
    pace: Pace,
    done: Collected,
    tell: &'a (dyn Fn(&Collected) + Send + Sync),
}

impl Store {
    /// Collects, and tells now and then how far it got; nothing when another server is at it.
    ///
    /// Safe to run at any time and to stop anywhere.
    pub async fn collect(
        &self,
        what: &Collection,
        tell: &(dyn Fn(&Collected) + Send + Sync),
    ) -> Result<Option<Collected>> {
        let metadata = &self.inner.metadata;
        let holder = Uuid::new_v4().to_string();
        if !what.dry_run && !metadata.begin_collection(&holder).await? {
            return Ok(None);
        }
        let mut run = Run {
            store: self,
            what,
            progress: metadata.collection_progress().await?,
            holder,
            pace: Pace::new(what.per_second),
            done: Collected::default(),
            tell,
        };
        run.all().await?;
        if !what.dry_run {
            metadata.end_collection(&run.holder).await?;
        }
        Ok(Some(run.done))
    }

    /// How long ago a collection ended, on whatever server.
    pub async fn last_collection(&self) -> Result<Option<Duration>> {
        let progress = self.inner.metadata.collection_progress().await?;
        let idle = progress.idle.map(|idle| u64::try_from(idle).unwrap_or(0));
        Ok(idle.map(Duration::from_millis))
    }
}

impl Run<'_> {
    async fn all(&mut self) -> Result<()> {
        self.expire_uploads().await?;
        self.remove_unreachable_manifests().await?;
        self.end_rights().await?;
        self.remove_released_objects().await?;
        self.remove_orphans().await
    }

    /// After each batch: tells, saves the place, and waits as long as the rate demands.
    async fn rest(&mut self, removed: u64) -> Result<()> {
        (self.tell)(&self.done);
        if self.what.dry_run {
            return Ok(());
        }
        let metadata = &self.store.inner.metadata;
        metadata
            .save_collection(&self.holder, &self.progress)
            .await?;
        self.pace.rest(removed).await;
        Ok(())
    }
}

/// Runs what must not stop halfway, although whoever waits for it may: an object is removed
/// beside the async threads, and the claim on its digest has to outlast that.
async fn undisturbed<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    join(tokio::spawn(work)).await
}
