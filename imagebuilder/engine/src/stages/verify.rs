//! Proves that the disk of a stage is what it was, before anything stands on it.
//!
//! A disk is read whole when it goes to the registry or comes from it, and its digest noted.
//! Before it is used it is read again. A disk that is not what it was is removed: its stage is
//! fetched or made again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use imagebuilder_provider::{Disk, DiskId};
use registry_pack::Digest;
use sha2::{Digest as _, Sha256};

use super::pack::blocking;
use crate::failure::Failure;
use crate::workshop::Workshop;

/// Disks that this process has read: what they were when it did. A build right after another
/// does not read gigabytes again that nobody has written since.
#[derive(Default)]
pub(crate) struct Verified(Mutex<BTreeMap<PathBuf, (u64, SystemTime)>>);

impl Verified {
    fn knows(&self, path: &Path, now: (u64, SystemTime)) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(path) == Some(&now)
    }

    fn note(&self, path: &Path, now: (u64, SystemTime)) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(path.to_owned(), now);
    }

    fn forget(&self, path: &Path) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(path);
    }
}

/// Reads a disk whole and notes what it is.
pub(super) async fn note(shop: &Workshop, disk: &DiskId) -> Result<(), Failure> {
    let disk = shop.provider.disk(disk).await?;
    let Some(reading) = disk.as_ref().and_then(Reading::begin) else {
        return Ok(());
    };
    let digest = digest_of(reading.path.clone()).await?;
    reading.end(shop, &digest).await
}

/// A disk's file while somebody reads it whole.
pub(super) struct Reading {
    disk: DiskId,
    path: PathBuf,
    size_bytes: u64,
    before: Option<(u64, SystemTime)>,
}

impl Reading {
    /// None where the provider keeps no file.
    pub(super) fn begin(disk: &Disk) -> Option<Self> {
        let path = disk.path.clone()?;
        Some(Self {
            disk: disk.id.clone(),
            before: state_of(&path).ok(),
            size_bytes: disk.size_bytes,
            path,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Notes the digest of what was read.
    pub(super) async fn end(self, shop: &Workshop, digest: &Digest) -> Result<(), Failure> {
        let now = state_of(&self.path).ok();
        if let Some(now) = now.filter(|now| Some(*now) == self.before) {
            // It need not be read again before this process uses it.
            shop.verified.note(&self.path, now);
        }
        let size_bytes = i64::try_from(self.size_bytes).unwrap_or(i64::MAX);
        shop.journal
            .put_disk_digest(self.disk.as_str(), digest.as_str(), size_bytes)
            .await?;
        Ok(())
    }
}

/// Whether a disk and every disk below it are there and what they were: each is only the
/// difference to the one below. A bad one is no stage any more, nor one that is said to stand
/// on itself.
pub(super) async fn stands(shop: &Workshop, top: &DiskId) -> Result<bool, Failure> {
    let rows = shop.journal.stages().await?;
    let mut used = Vec::new();
    let mut seen = BTreeSet::new();
    let mut next = Some(top.clone());
    while let Some(id) = next {
        let row = rows.iter().find(|row| row.disk == id.as_str());
        let sound = match shop.provider.disk(&id).await? {
            Some(disk) if seen.insert(id.clone()) && is_sound(shop, &disk).await? => Some(disk),
            _ => None,
        };
        let Some(disk) = sound else {
            if let Some(row) = row {
                shop.journal.forget_stage(&row.id).await?;
            }
            return Ok(false);
        };
        used.extend(row.map(|row| row.id.clone()));
        next = disk.parent;
    }
    // Not to be evicted before what stands on them.
    shop.journal.touch_stages(&used).await?;
    Ok(true)
}

/// Whether a disk that is there is what it was. One that was never read is taken as it is.
async fn is_sound(shop: &Workshop, disk: &Disk) -> Result<bool, Failure> {
    let known = shop.journal.disk_digest(disk.id.as_str()).await?;
    let (Some((digest, size_bytes)), Some(path)) = (known, &disk.path) else {
        return Ok(true);
    };
    let sound = match state_of(path) {
        Ok(now) if u64::try_from(size_bytes) != Ok(now.0) => false,
        Ok(now) if shop.verified.knows(path, now) => return Ok(true),
        Ok(now) => {
            let sound = digest_of(path.clone()).await?.as_str() == digest;
            if sound {
                shop.verified.note(path, now);
            }
            sound
        }
        Err(_) => false,
    };
    if !sound {
        shop.verified.forget(path);
        tracing::warn!(disk = %disk.id, "a stored disk is not what it was, and is used no more");
        // Where others stand on it, the reaper removes it once none does.
        if shop.provider.delete_disk(&disk.id).await.is_ok() {
            shop.journal.forget_disk_digest(disk.id.as_str()).await?;
        }
    }
    Ok(sound)
}

fn state_of(path: &Path) -> io::Result<(u64, SystemTime)> {
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.len(), metadata.modified()?))
}

async fn digest_of(path: PathBuf) -> Result<Digest, Failure> {
    blocking(move || {
        let mut file = File::open(&path)?;
        let mut hash = Sha256::new();
        let mut chunk = vec![0; 1 << 20];
        loop {
            let read = file.read(&mut chunk)?;
            if read == 0 {
                return Ok(Digest::from_sha256(hash.finalize().into()));
            }
            hash.update(&chunk[..read]);
        }
    })
    .await
}
