//! Uploads that nobody goes on with, and staged bytes that no row speaks of.

use super::{BATCH, Run};
use crate::error::Result;
use crate::filesystem::Filesystem;
use crate::held::Held;
use crate::metadata;
use crate::staged::blocking;

impl Run<'_> {
    pub(super) async fn expire_uploads(&mut self) -> Result<()> {
        let lifetime = self.store.inner.config.upload_lifetime;
        let before = metadata::now().saturating_sub(metadata::milliseconds(lifetime));
        loop {
            let metadata = &self.store.inner.metadata;
            let stale = metadata.stale_uploads(before, BATCH).await?;
            if self.what.dry_run {
                self.done.uploads += stale.len() as u64;
                return Ok(());
            }
            let mut removed = 0;
            for (id, staged_key) in &stale {
                if Held::is_taken(self.store, id) || !metadata.expire_upload(id, before).await? {
                    continue;
                }
                self.store.remove_staged(staged_key).await;
                removed += 1;
            }
            self.done.uploads += removed;
            self.rest(removed).await?;
            if removed == 0 || stale.len() < BATCH as usize {
                return self.remove_staged_orphans().await;
            }
        }
    }

    /// Staged files without a row come from single requests that a crash cut off.
    async fn remove_staged_orphans(&mut self) -> Result<()> {
        let (store, lifetime) = (self.store, self.store.inner.config.upload_lifetime);
        let files = store.inner.files.clone();
        for id in blocking(move || files.staged(lifetime)).await? {
            if !Held::is_taken(store, &id)
                && !store.inner.metadata.upload_exists(&id).await?
                && !Held::is_taken(store, &id)
            {
                store.remove_staged(&Filesystem::staged_key(&id)).await;
            }
        }
        Ok(())
    }
}
