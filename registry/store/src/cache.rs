//! What was read of a repository lately, and whether it still holds.
//!
//! A write to a repository makes everything that was remembered of it stale at
//! once: each entry carries the repository's generation from before its read,
//! and counts only while the generation is the same. So no answer is older than
//! the last acknowledged write, whatever the order in which reads and writes
//! overlap. It works for one process on the database; absence is never remembered.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::future::Cache as Moka;
use registry_pack::{Digest, RepositoryName};

use crate::blobs::Blob;
use crate::manifests::Manifest;

/// Repositories share generations; more than one in a slot costs only a reread.
const SLOTS: usize = 1024;
/// Blobs remembered; an entry takes some 300 bytes.
const BLOBS: u64 = 10_000;
/// What an entry costs beside its bytes.
const ENTRY_BYTES: usize = 400;

pub(crate) struct Cache {
    manifests: Moka<String, (u64, Arc<Manifest>)>,
    blobs: Moka<String, (u64, Blob)>,
    generations: Vec<AtomicU64>,
    hasher: RandomState,
}

/// A write to a repository; when it is dropped, all that was read before is stale.
pub(crate) struct Writing<'a>(&'a AtomicU64);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Cache {
    pub(crate) fn new(manifest_bytes: u64) -> Self {
        let manifests = Moka::builder()
            .max_capacity(manifest_bytes)
            .weigher(|key: &String, (_, manifest): &(u64, Arc<Manifest>)| {
                let bytes = ENTRY_BYTES + key.len() + manifest.bytes.len();
                u32::try_from(bytes).unwrap_or(u32::MAX)
            })
            .build();
        Self {
            manifests,
            blobs: Moka::new(BLOBS),
            generations: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
        }
    }

    /// To be held over a write, from before its commit until after it.
    pub(crate) fn writing(&self, repository: &RepositoryName) -> Writing<'_> {
        Writing(self.slot(repository))
    }

    /// The repository's generation; take it before reading what is to be remembered.
    pub(crate) fn generation(&self, repository: &RepositoryName) -> u64 {
        self.slot(repository).load(Ordering::SeqCst)
    }

    pub(crate) async fn manifest(
        &self,
        repository: &RepositoryName,
        reference: &str,
    ) -> Option<Arc<Manifest>> {
        let (generation, manifest) = self.manifests.get(&key(repository, reference)).await?;
        (generation == self.generation(repository)).then_some(manifest)
    }

    pub(crate) async fn remember_manifest(
        &self,
        repository: &RepositoryName,
        reference: &str,
        generation: u64,
        manifest: Arc<Manifest>,
    ) {
        self.manifests
            .insert(key(repository, reference), (generation, manifest))
            .await;
    }

    pub(crate) async fn blob(&self, repository: &RepositoryName, digest: &Digest) -> Option<Blob> {
        let (generation, blob) = self.blobs.get(&key(repository, digest.as_str())).await?;
        (generation == self.generation(repository)).then_some(blob)
    }

    pub(crate) async fn remember_blob(
        &self,
        repository: &RepositoryName,
        generation: u64,
        blob: Blob,
    ) {
        self.blobs
            .insert(key(repository, blob.digest.as_str()), (generation, blob))
            .await;
    }

    fn slot(&self, repository: &RepositoryName) -> &AtomicU64 {
        let slot = self.hasher.hash_one(repository.as_str()) % SLOTS as u64;
        &self.generations[usize::try_from(slot).unwrap_or(0)]
    }
}

/// A space is in neither names nor references.
fn key(repository: &RepositoryName, reference: &str) -> String {
    let mut key = String::with_capacity(repository.as_str().len() + 1 + reference.len());
    key.push_str(repository.as_str());
    key.push(' ');
    key.push_str(reference);
    key
}
