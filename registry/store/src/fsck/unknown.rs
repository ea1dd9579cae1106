//! Objects that no row names: what a crash left, or somebody put there.

use std::time::Duration;

use futures::TryStreamExt as _;

use crate::content::Found;
use crate::error::Result;
use crate::store::Store;

/// Objects named in an answer; the count goes on.
const NAMED: usize = 100;
/// Looked up with one query.
const BATCH: usize = 500;
/// However short uploads live, a push needs some time between its object and its row.
const MINUTE: Duration = Duration::from_secs(60);

/// Objects without rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unknown {
    /// How many.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The keys of the first of them.
    pub keys: Vec<String>,
}

impl Store {
    /// Counts objects that no row names; garbage collection removes those that are ours. What
    /// may still be on its way to a row, because it is young or belongs to an open upload, is
    /// left out.
    pub async fn unknown_objects(&self) -> Result<Unknown> {
        let mut unknown = Unknown::default();
        let settled = self.inner.config.upload_lifetime.max(MINUTE);
        let mut batches = self.inner.content.list("").try_chunks(BATCH);
        while let Some(batch) = batches.try_next().await.map_err(|error| error.1)? {
            let old: Vec<Found> = batch
                .into_iter()
                .filter(|found| found.age() > settled)
                .collect();
            let keys: Vec<String> = old.iter().map(|found| found.key.clone()).collect();
            let known = self.inner.metadata.known_objects(&keys).await?;
            for found in old.iter().filter(|found| !known.contains(&found.key)) {
                if self.belongs_to_upload(&found.key).await? {
                    continue;
                }
                unknown.objects += 1;
                unknown.bytes += found.size_bytes;
                if unknown.keys.len() < NAMED {
                    unknown.keys.push(found.key.clone());
                }
            }
        }
        Ok(unknown)
    }

    async fn belongs_to_upload(&self, key: &str) -> Result<bool> {
        match self.inner.content.upload_of(key) {
            Some(id) => self.inner.metadata.upload_exists(&id).await,
            None => Ok(false),
        }
    }
}
