//! Bringing a backup back: every blob is hashed on the way, and nothing is in its place before all is.

use std::path::Path;

use registry_pack::Digest;

use super::files::{copy_hashed, part_of, sync_tree};
use super::rows::{Named, make_ready, named};
use super::{DATABASE, Restored, about, refuse};
use crate::content::blocking;
use crate::error::{Result, StoreError};

/// Makes a registry's folder out of a backup. The folder must not be there yet, and the caller
/// holds the [`crate::DataLock`] around it.
///
/// Blobs that are damaged in the backup are marked, so that clients push them again.
pub async fn restore(backup: &Path, folder: &Path) -> Result<Restored> {
    let Some(found) = about(backup).await? else {
        return Err(refuse(
            backup,
            "there is no backup.json in it; a backup that was cut off has none",
        ));
    };
    if folder.join(DATABASE).exists() {
        let why = "there is a registry already; move it away first";
        return Err(refuse(folder, why));
    }
    let blobs = named(&backup.join(DATABASE)).await?;
    let part = part_of(folder);
    let (from, to, with_blobs) = (backup.to_owned(), part.clone(), found.with_blobs);
    let damaged = blocking(move || {
        if to.exists() {
            std::fs::remove_dir_all(&to).map_err(|error| StoreError::io("remove", &to, error))?;
        }
        std::fs::create_dir_all(&to).map_err(|error| StoreError::io("create", &to, error))?;
        let database = to.join(DATABASE);
        std::fs::copy(from.join(DATABASE), &database)
            .map_err(|error| StoreError::io("write", &database, error))?;
        match with_blobs {
            true => copy_all(&from, &to, &blobs),
            false => Ok(Vec::new()),
        }
    })
    .await?;
    make_ready(&part.join(DATABASE), &damaged).await?;
    let folder = folder.to_owned();
    blocking(move || put_in_place(&part, &folder)).await?;
    Ok(Restored {
        backup: found,
        damaged,
    })
}

/// The digests of blobs that could not be brought back.
fn copy_all(from: &Path, to: &Path, blobs: &[Named]) -> Result<Vec<Digest>> {
    let mut damaged = Vec::new();
    for blob in blobs {
        let place = to.join(&blob.key);
        let digest = copy_hashed(&from.join(&blob.key), &place, blob.digest.algorithm())?;
        if digest.as_ref() == Some(&blob.digest) {
            continue;
        }
        if digest.is_some() {
            std::fs::remove_file(&place)
                .map_err(|error| StoreError::io("remove", &place, error))?;
        }
        if digest.is_some() || !blob.needless {
            damaged.push(blob.digest.clone());
        }
    }
    Ok(damaged)
}

fn put_in_place(part: &Path, folder: &Path) -> Result<()> {
    let fail = |error| StoreError::io("write", folder, error);
    let database = part.join(DATABASE);
    std::fs::File::open(&database)
        .and_then(|file| file.sync_all())
        .map_err(fail)?;
    sync_tree(part)?;
    // An empty folder may be there: the lock's parent, or what somebody made ready.
    match std::fs::remove_dir(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(fail(error)),
        _ => {}
    }
    std::fs::rename(part, folder).map_err(fail)?;
    match folder.parent() {
        Some(parent) => std::fs::File::open(parent)
            .and_then(|parent| parent.sync_all())
            .map_err(fail),
        None => Ok(()),
    }
}
