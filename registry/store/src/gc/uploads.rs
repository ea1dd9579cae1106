//! Uploads that nobody goes on with, and staged bytes that no row speaks of.

use super::{BATCH, Run};
use crate::content::Held;
use crate::error::Result;
use crate::metadata;
use crate::uploads::place;

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
                if self.store.expire_upload(id, staged_key, before).await? {
                    removed += 1;
                }
            }
            self.done.uploads += removed;
            self.rest(removed).await?;
            if removed == 0 || stale.len() < BATCH as usize {
                return self.remove_leftovers().await;
            }
        }
    }

    /// Staged bytes without a row come from single requests that a crash cut off.
    async fn remove_leftovers(&mut self) -> Result<()> {
        let (store, lifetime) = (self.store, self.store.inner.config.upload_lifetime);
        let content = &store.inner.content;
        for id in content.leftovers(lifetime).await? {
            if !Held::is_taken(store, &id)
                && !store.inner.metadata.upload_exists(&id).await?
                && !Held::is_taken(store, &id)
            {
                store.discard_staged(&place(content.staged_key(&id))).await;
            }
        }
        Ok(())
    }
}
