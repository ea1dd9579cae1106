//! Objects that no row speaks of: what a crash left between a rename and a commit.

use futures::TryStreamExt as _;

use super::{Run, undisturbed};
use crate::content::Found;
use crate::error::Result;
use crate::store::Store;

/// Objects that are looked up at once.
const PAGE: usize = 1000;

impl Run<'_> {
    pub(super) async fn remove_orphans(&mut self) -> Result<()> {
        if self.what.dry_run {
            self.progress.object_cursor.clear();
        }
        let objects = self.store.inner.content.list(&self.progress.object_cursor);
        let mut pages = objects.try_chunks(PAGE);
        while let Some(page) = pages.try_next().await.map_err(|error| error.1)? {
            let removed = self.remove_orphans_of(&page).await?;
            self.done.orphans += removed;
            if let Some(last) = page.into_iter().last() {
                self.progress.object_cursor = last.key;
            }
            self.rest(removed).await?;
        }
        // The next walk begins at the beginning.
        self.progress.object_cursor.clear();
        self.rest(0).await
    }

    async fn remove_orphans_of(&mut self, page: &[Found]) -> Result<u64> {
        let keys: Vec<String> = page.iter().map(|object| object.key.clone()).collect();
        let known = self.store.inner.metadata.known_objects(&keys).await?;
        let mut removed = 0;
        for object in page {
            if object.age() < self.what.grace || known.contains(&object.key) {
                continue;
            }
            let removing = remove(self.store.clone(), object.clone(), self.what.dry_run);
            if undisturbed(removing).await? {
                removed += 1;
                self.done.freed_bytes += object.size_bytes;
            }
        }
        Ok(removed)
    }
}

/// Removes an object, or says that it would; false when it has a row by now.
async fn remove(store: Store, object: Found, dry_run: bool) -> Result<bool> {
    let inner = &store.inner;
    let digest = inner.content.digest_of(&object.key);
    let _claim = match &digest {
        Some(digest) => Some(inner.metadata.claim(digest).await?),
        // Its upload comes first: it goes in the transaction that names the object.
        None if inner.upload_is_over(&object.key).await? => None,
        None => return Ok(false),
    };
    if inner.metadata.is_in_use(&object.key).await? {
        return Ok(false);
    }
    if !dry_run {
        tracing::info!(key = object.key, "removing an object that no row speaks of");
        inner.content.remove(&object.key).await?;
    }
    Ok(true)
}

impl crate::store::Inner {
    /// Whether an object lies in the place of an upload that is no longer open. What nobody
    /// uploaded is none of ours.
    async fn upload_is_over(&self, key: &str) -> Result<bool> {
        match self.content.upload_of(key) {
            Some(id) => Ok(!self.metadata.upload_exists(&id).await?),
            None => Ok(false),
        }
    }
}
