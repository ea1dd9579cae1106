//! The bytes of blobs that no repository has held for the grace period.

use registry_pack::Digest;

use super::{BATCH, Run, undisturbed};
use crate::error::{Result, cause};
use crate::metadata::{Doomed, Released, retry};
use crate::store::Store;

impl Run<'_> {
    pub(super) async fn remove_released_objects(&mut self) -> Result<()> {
        let metadata = &self.store.inner.metadata;
        let grace = self.what.grace;
        if self.what.dry_run {
            let (blobs, bytes) = metadata.count_released(grace).await?;
            self.done.blobs = blobs;
            self.done.freed_bytes += bytes;
            return Ok(());
        }
        // What a killed run noted comes first.
        self.sweep().await?;
        let mut last: Option<Released> = None;
        loop {
            let metadata = &self.store.inner.metadata;
            let released = metadata.released_blobs(grace, last.as_ref(), BATCH).await?;
            let doomed = retry(|| metadata.doom(&released, grace)).await?;
            if doomed > 0 {
                self.sweep().await?;
            }
            if released.len() < BATCH as usize {
                return Ok(());
            }
            last = released.into_iter().last();
        }
    }

    /// Removes the bytes of all that is noted.
    async fn sweep(&mut self) -> Result<()> {
        let mut last = String::new();
        loop {
            let metadata = &self.store.inner.metadata;
            let doomed = metadata.doomed(&last, BATCH).await?;
            let Some(end) = doomed.last() else {
                return Ok(());
            };
            last = end.object_key.clone();
            let mut struck = Vec::with_capacity(doomed.len());
            let (mut blobs, mut bytes) = (0, 0);
            for object in doomed {
                let removing = remove(self.store.clone(), object.clone());
                match undisturbed(removing).await {
                    Ok(removed) => {
                        if removed {
                            blobs += 1;
                            bytes += object.size_bytes.unsigned_abs();
                        }
                        struck.push(object.object_key);
                    }
                    Err(error) => {
                        let error = cause(&error);
                        tracing::warn!(
                            error,
                            key = object.object_key,
                            "an object is left to the next collection"
                        );
                    }
                }
            }
            metadata.strike(&struck).await?;
            self.done.blobs += blobs;
            self.done.freed_bytes += bytes;
            self.rest(blobs).await?;
        }
    }
}

/// Removes an object, unless it is in use again. Nobody brings its digest meanwhile.
async fn remove(store: Store, object: Doomed) -> Result<bool> {
    let digest: Digest = crate::metadata::parse_digest(&object.digest)?;
    let metadata = &store.inner.metadata;
    let _claim = metadata.claim(&digest).await?;
    if metadata.is_in_use(&object.object_key).await? {
        return Ok(false);
    }
    store.inner.content.remove(&object.object_key).await?;
    Ok(true)
}
