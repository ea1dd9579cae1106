//! Checking that the bytes are what the rows say: every blob is read and hashed, at a bounded rate.
//!
//! What is damaged or gone is marked, so that nobody is given it and a client
//! that asks is told to push it again; a damaged file is moved aside. Objects
//! that no row names are counted. The position is kept in a row, so that a
//! check goes on after a restart. It repairs nothing itself: that needs another
//! place that has the bytes.

mod check;
mod pace;
mod unknown;

use registry_pack::Digest;

use crate::error::Result;
use crate::metadata;
use crate::store::Store;

pub use pace::Pace;
pub use unknown::Unknown;

/// Blobs looked up at once.
const BATCH: u32 = 50;

/// How far a check got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// When it began, in milliseconds since 1970.
    pub started_at: i64,
    /// The last blob that was checked, in the order in which blobs came.
    pub(crate) last_blob: i64,
    /// How many were checked.
    pub blobs: u64,
    /// How many bytes were read.
    pub bytes: u64,
    /// Whether all were checked.
    pub finished: bool,
}

/// All that there is to check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Blobs.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What is wrong with a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its bytes are not there.
    Missing,
    /// Some of its bytes are not there.
    Truncated,
    /// Its bytes are others.
    Changed,
    /// Its bytes cannot be read from the disk.
    Unreadable,
}

/// A blob that is damaged.
#[derive(Clone, Debug)]
pub struct Damage {
    /// Its digest.
    pub digest: Digest,
    /// Its size.
    pub size_bytes: u64,
    /// What was found just now; nothing for damage that was known before.
    pub fault: Option<Fault>,
    /// Where its bytes are now, if they were moved aside.
    pub quarantined: Option<String>,
    /// Who is hit.
    pub hit: Vec<Hit>,
}

/// A repository that has a damaged blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The repository.
    pub repository: String,
    /// Digests of manifests that name the blob.
    pub manifests: Vec<String>,
    /// Tags on them.
    pub tags: Vec<String>,
}

impl Store {
    /// The check that was begun last, if there was one.
    pub async fn last_check(&self) -> Result<Option<Progress>> {
        self.inner.metadata.last_check().await
    }

    /// Begins a check; what was known of an earlier one is forgotten.
    pub async fn begin_check(&self) -> Result<Progress> {
        let progress = Progress {
            started_at: metadata::now(),
            ..Progress::default()
        };
        self.inner.metadata.save_check(&progress).await?;
        Ok(progress)
    }

    /// How much there is to check.
    pub async fn extent(&self) -> Result<Extent> {
        self.inner.metadata.extent().await
    }

    /// Checks some blobs more, and says which of them are damaged.
    ///
    /// It may be stopped anywhere: what was not finished is checked again.
    pub async fn check_some(
        &self,
        progress: &mut Progress,
        pace: &mut Pace,
    ) -> Result<Vec<Damage>> {
        let blobs = self
            .inner
            .metadata
            .blobs_after(progress.last_blob, BATCH)
            .await?;
        let mut found = Vec::new();
        for blob in &blobs {
            found.extend(self.check(blob, pace).await?);
            progress.last_blob = blob.id;
            progress.blobs += 1;
            progress.bytes += u64::try_from(blob.size_bytes).unwrap_or(0);
            if !found.is_empty() || pace.is_due() {
                break;
            }
        }
        progress.finished = blobs.is_empty();
        self.inner.metadata.save_check(progress).await?;
        Ok(found)
    }

    /// All damage that is known and not yet made good.
    pub async fn damage(&self, limit: u32) -> Result<Vec<Damage>> {
        let mut damage = Vec::new();
        for blob in self.inner.metadata.damaged_blobs(limit).await? {
            damage.push(Damage {
                digest: metadata::parse_digest(&blob.digest)?,
                size_bytes: u64::try_from(blob.size_bytes).unwrap_or(0),
                fault: None,
                quarantined: None,
                hit: self.inner.metadata.hits(blob.id).await?,
            });
        }
        Ok(damage)
    }
}
