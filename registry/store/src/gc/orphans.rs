//! Objects that no row speaks of: what a crash left between a rename and a commit.

use super::{Run, undisturbed};
use crate::error::Result;
use crate::filesystem::Filesystem;
use crate::listing::Listed;
use crate::staged::blocking;
use crate::store::Store;

/// Objects that are listed at once.
const PAGE: usize = 1000;

impl Run<'_> {
    pub(super) async fn remove_orphans(&mut self) -> Result<()> {
        if self.what.dry_run {
            self.progress.object_cursor.clear();
        }
        loop {
            let inner = &self.store.inner;
            let (files, after) = (inner.files.clone(), self.progress.object_cursor.clone());
            let listed = blocking(move || files.objects(&after, PAGE)).await?;
            let keys: Vec<String> = listed.iter().map(|object| object.key.clone()).collect();
            let known = inner.metadata.known_objects(&keys).await?;
            let mut removed = 0;
            for object in &listed {
                if object.age() < self.what.grace || known.contains(&object.key) {
                    continue;
                }
                let removing = remove(self.store.clone(), object.clone(), self.what.dry_run);
                if undisturbed(removing).await? {
                    removed += 1;
                    self.done.freed_bytes += object.size_bytes;
                }
            }
            self.done.orphans += removed;
            let at_end = listed.len() < PAGE;
            // The next walk begins at the beginning.
            self.progress.object_cursor = match listed.into_iter().last() {
                Some(last) if !at_end => last.key,
                _ => String::new(),
            };
            self.rest(removed).await?;
            if at_end {
                return Ok(());
            }
        }
    }
}

/// Removes an object, or says that it would; false when it has a row by now.
async fn remove(store: Store, object: Listed, dry_run: bool) -> Result<bool> {
    let inner = &store.inner;
    let Some(digest) = Filesystem::digest_of(&object.key) else {
        // Nothing that we put there.
        return Ok(false);
    };
    let _claim = inner.metadata.claim(&digest).await?;
    if inner.metadata.is_in_use(&object.key).await? {
        return Ok(false);
    }
    if !dry_run {
        tracing::info!(key = object.key, "removing an object that no row speaks of");
        let files = inner.files.clone();
        blocking(move || files.remove(&object.key)).await?;
    }
    Ok(true)
}
