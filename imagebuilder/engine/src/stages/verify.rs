//! Proves that the disk of a stage is what it was, before anything stands on it.
//!
//! A disk is read whole when it goes to the registry or comes from it, and its digest noted.
//! Before it is used it is read again. A disk that is not what it was is removed: its stage is
//! fetched or made again.

use std::collections::BTreeMap;
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
use crate::journal::StageRow;
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

/// Notes what the disk of a stage is.
pub(super) async fn note(shop: &Workshop, id: &str, disk: &DiskId) -> Result<(), Failure> {
    let Some(Disk {
        path: Some(path),
        size_bytes,
        ..
    }) = shop.provider.disk(disk).await?
    else {
        return Ok(());
    };
    let digest = digest_of(path).await?;
    let size_bytes = i64::try_from(size_bytes).unwrap_or(i64::MAX);
    shop.journal
        .put_stage_digest(id, disk.as_str(), digest.as_str(), size_bytes)
        .await?;
    Ok(())
}

/// Whether a disk that is there is what it was. One that was never read is taken as it is.
pub(super) async fn is_sound(
    shop: &Workshop,
    row: &StageRow,
    disk: &Disk,
) -> Result<bool, Failure> {
    let Some((digest, size_bytes)) = shop.journal.stage_digest(&row.id, &row.disk).await? else {
        return Ok(true);
    };
    let Some(path) = &disk.path else {
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
        tracing::warn!(
            stage = row.name,
            id = row.id,
            "the disk of a stage is not what it was; it is removed"
        );
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
