//! What was read of a repository lately, and whether it still holds.
//!
//! While a repository is written to, nothing remembered of it counts, and
//! afterwards nothing from before: each entry carries the state of the
//! repository's slot from before its read. So no answer is older than one that
//! was given before it, whatever the order in which reads and writes overlap.
//! It works for one process on the database, and is turned off where there may be
//! more. That a manifest or a blob is absent is never remembered; an empty page of referrers is.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::future::Cache as Moka;
use registry_pack::{Digest, RepositoryName};

use crate::blobs::Blob;
use crate::manifests::Manifest;
use crate::referrers::Referrer;

/// Repositories share slots; more than one in a slot costs only a reread.
const SLOTS: usize = 1024;
/// Blobs remembered; an entry takes some 300 bytes.
const BLOBS: u64 = 10_000;
/// How much pages of referrers may take: some ten of the longest, thousands of usual ones.
const REFERRERS_BYTES: u64 = 8 << 20;
/// What an entry costs beside its bytes.
const ENTRY_BYTES: usize = 400;

pub(crate) struct Cache {
    manifests: Moka<String, (Quiet, Arc<Manifest>)>,
    blobs: Moka<String, (Quiet, Blob)>,
    referrers: Moka<String, (Quiet, Arc<[Referrer]>)>,
    /// Per slot: how many writes are going on (low bits), and how many have ended (high bits).
    slots: Vec<AtomicU64>,
    hasher: RandomState,
    /// Off, it remembers nothing.
    on: bool,
}

/// One write going on; writers are fewer than this.
const WRITE: u64 = 1;
/// One write that has ended.
const ENDED: u64 = 1 << 16;

/// The state of a repository before a read, if no write is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quiet(u64);

/// A write to a repository, from before its transaction begins until after its commit.
pub(crate) struct Writing<'a>(&'a AtomicU64);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(ENDED - WRITE, Ordering::SeqCst);
    }
}

impl Cache {
    pub(crate) fn new(manifest_bytes: u64, on: bool) -> Self {
        let manifests = Moka::builder()
            .max_capacity(manifest_bytes)
            .weigher(|key: &String, (_, manifest): &(Quiet, Arc<Manifest>)| {
                let bytes = ENTRY_BYTES + key.len() + manifest.bytes.len();
                u32::try_from(bytes).unwrap_or(u32::MAX)
            })
            .build();
        let referrers = Moka::builder()
            .max_capacity(REFERRERS_BYTES)
            .weigher(|key: &String, (_, page): &(Quiet, Arc<[Referrer]>)| {
                let listed: usize = page.iter().map(|one| ENTRY_BYTES + one.text_bytes()).sum();
                u32::try_from(ENTRY_BYTES + key.len() + listed).unwrap_or(u32::MAX)
            })
            .build();
        Self {
            manifests,
            referrers,
            blobs: Moka::new(BLOBS),
            slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
            on,
        }
    }

    /// To be held over a write, from before its transaction until after its commit.
    pub(crate) fn writing(&self, repository: &RepositoryName) -> Writing<'_> {
        let slot = self.slot(repository);
        slot.fetch_add(WRITE, Ordering::SeqCst);
        Writing(slot)
    }

    /// To be taken before a read whose result is to be remembered.
    pub(crate) fn quiet(&self, repository: &RepositoryName) -> Option<Quiet> {
        let state = self.slot(repository).load(Ordering::SeqCst);
        (self.on && state.is_multiple_of(ENDED)).then_some(Quiet(state))
    }

    pub(crate) async fn manifest(
        &self,
        repository: &RepositoryName,
        reference: &str,
    ) -> Option<Arc<Manifest>> {
        let (then, manifest) = self.manifests.get(&key(repository, reference)).await?;
        (self.quiet(repository) == Some(then)).then_some(manifest)
    }

    pub(crate) async fn remember_manifest(
        &self,
        repository: &RepositoryName,
        reference: &str,
        quiet: Quiet,
        manifest: Arc<Manifest>,
    ) {
        self.manifests
            .insert(key(repository, reference), (quiet, manifest))
            .await;
    }

    pub(crate) async fn blob(&self, repository: &RepositoryName, digest: &Digest) -> Option<Blob> {
        let (then, blob) = self.blobs.get(&key(repository, digest.as_str())).await?;
        (self.quiet(repository) == Some(then)).then_some(blob)
    }

    pub(crate) async fn remember_blob(
        &self,
        repository: &RepositoryName,
        quiet: Quiet,
        blob: Blob,
    ) {
        self.blobs
            .insert(key(repository, blob.digest.as_str()), (quiet, blob))
            .await;
    }

    /// A page of referrers; `page` names it within the repository.
    pub(crate) async fn referrers(
        &self,
        repository: &RepositoryName,
        page: &str,
    ) -> Option<Arc<[Referrer]>> {
        let (then, found) = self.referrers.get(&key(repository, page)).await?;
        (self.quiet(repository) == Some(then)).then_some(found)
    }

    pub(crate) async fn remember_referrers(
        &self,
        repository: &RepositoryName,
        page: &str,
        quiet: Quiet,
        found: Arc<[Referrer]>,
    ) {
        self.referrers
            .insert(key(repository, page), (quiet, found))
            .await;
    }

    fn slot(&self, repository: &RepositoryName) -> &AtomicU64 {
        let slot = self.hasher.hash_one(repository.as_str()) % SLOTS as u64;
        &self.slots[usize::try_from(slot).unwrap_or(0)]
    }
}

/// A space is in no name of a repository.
fn key(repository: &RepositoryName, reference: &str) -> String {
    let mut key = String::with_capacity(repository.as_str().len() + 1 + reference.len());
    key.push_str(repository.as_str());
    key.push(' ');
    key.push_str(reference);
    key
}
