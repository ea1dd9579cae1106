//! What is cleared away in the background: forgotten uploads, and the bytes of released blobs.
//!
//! Rows go first, bytes last, both under the lock of the digest, so that an
//! upload of the same content that ends meanwhile keeps its bytes. It does not
//! look for blobs that no manifest names: that is garbage collection.

use std::time::Duration;

use registry_pack::Digest;

use crate::error::Result;
use crate::metadata;
use crate::staged::blocking;
use crate::store::Store;

/// Rows per query; the writer is free for others between two.
const BATCH: u32 = 100;

/// What a run cleared away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Maintained {
    /// Uploads that nobody went on with.
    pub uploads: u64,
    /// Blobs that no repository held any more.
    pub blobs: u64,
    /// Their bytes.
    pub freed_bytes: u64,
}

impl Store {
    /// Clears away what is older than its lifetime. Safe to run at any time and to stop anywhere.
    ///
    /// `grace` is how long the bytes of a released blob stay for those who still read them.
    pub async fn maintain(&self, grace: Duration) -> Result<Maintained> {
        let mut done = Maintained::default();
        self.expire_uploads(&mut done).await?;
        self.remove_orphans().await?;
        self.remove_released(grace, &mut done).await?;
        Ok(done)
    }

    async fn expire_uploads(&self, done: &mut Maintained) -> Result<()> {
        let before = ago(self.inner.config.upload_lifetime);
        loop {
            let stale = self.inner.metadata.stale_uploads(before, BATCH).await?;
            let mut removed = 0;
            for (id, staged_key) in &stale {
                if self.is_busy(id) || !self.inner.metadata.expire_upload(id, before).await? {
                    continue;
                }
                self.remove_staged(staged_key).await;
                removed += 1;
            }
            done.uploads += removed;
            if removed == 0 || stale.len() < BATCH as usize {
                return Ok(());
            }
        }
    }

    /// Staged files without a row come from single requests that a crash cut off. Young ones
    /// may be a request's to another server.
    async fn remove_orphans(&self) -> Result<()> {
        let files = self.inner.files.clone();
        let lifetime = self.inner.config.upload_lifetime;
        for id in blocking(move || files.staged(lifetime)).await? {
            if !self.is_busy(&id)
                && !self.inner.metadata.upload_exists(&id).await?
                && !self.is_busy(&id)
            {
                self.remove_staged(&crate::filesystem::Filesystem::staged_key(&id))
                    .await;
            }
        }
        Ok(())
    }

    async fn remove_released(&self, grace: Duration, done: &mut Maintained) -> Result<()> {
        let before = ago(grace);
        loop {
            let released = self.inner.metadata.released(before, BATCH).await?;
            let mut removed = 0;
            for blob in &released {
                let Ok(digest) = blob.digest.parse::<Digest>() else {
                    continue;
                };
                let mut claim = self.inner.metadata.claim(&digest).await?;
                let mut transaction = claim.begin().await?;
                if !metadata::forget_blob(&mut transaction, blob.id, before).await? {
                    continue;
                }
                transaction.commit().await?;
                let (files, key) = (self.inner.files.clone(), blob.object_key.clone());
                blocking(move || files.remove(&key)).await?;
                removed += 1;
                done.freed_bytes += u64::try_from(blob.size_bytes).unwrap_or(0);
            }
            done.blobs += removed;
            if removed == 0 || released.len() < BATCH as usize {
                return Ok(());
            }
        }
    }

    fn is_busy(&self, id: &str) -> bool {
        let busy = self
            .inner
            .busy
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        busy.contains(id)
    }
}

fn ago(duration: Duration) -> i64 {
    metadata::now().saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}
