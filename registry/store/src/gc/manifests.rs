//! Untagged manifests that nothing reaches, from a certain age on.

use std::collections::BTreeMap;

use registry_pack::RepositoryName;

use super::Run;
use crate::error::Result;
use crate::metadata::retry;

/// Rows that one query passes; few of them are candidates.
const WINDOW: u32 = 1000;

impl Run<'_> {
    pub(super) async fn remove_unreachable_manifests(&mut self) -> Result<()> {
        let Some(age) = self.what.untagged_age else {
            return Ok(());
        };
        if self.what.dry_run {
            self.progress.manifest_cursor = 0;
        }
        loop {
            let from = self.progress.manifest_cursor;
            let metadata = &self.store.inner.metadata;
            let passed = metadata.manifests_after(from, WINDOW, age).await?;
            let mut candidates: BTreeMap<(i64, String), Vec<i64>> = BTreeMap::new();
            for manifest in passed.iter().filter(|manifest| manifest.is_candidate) {
                let repository = (manifest.repository_id, manifest.repository.clone());
                candidates.entry(repository).or_default().push(manifest.id);
            }
            let mut removed = 0;
            for ((repository_id, name), ids) in candidates {
                removed += self.remove_from(repository_id, &name, &ids).await?;
            }
            self.done.manifests += removed;
            let at_end = passed.len() < WINDOW as usize;
            let last = passed.last().map_or(0, |manifest| manifest.id);
            // The next walk begins at the beginning.
            self.progress.manifest_cursor = if at_end { 0 } else { last };
            self.rest(removed).await?;
            if at_end {
                return Ok(());
            }
        }
    }

    async fn remove_from(&self, repository_id: i64, name: &str, ids: &[i64]) -> Result<u64> {
        let inner = &self.store.inner;
        let Ok(repository) = name.parse::<RepositoryName>() else {
            return Ok(0);
        };
        let _writing = inner.cache.writing(&repository);
        let mut removed = 0;
        for batch in ids.chunks(super::BATCH as usize) {
            let delete = || {
                inner.metadata.delete_unreachable(
                    repository_id,
                    batch,
                    self.what.untagged_age.unwrap_or_default(),
                    self.what.grace,
                    self.what.dry_run,
                )
            };
            removed += retry(delete).await?;
        }
        Ok(removed)
    }
}
