//! Taking a backup beside a server that runs.

use std::path::Path;

use super::files::{bring, part_of, sync_tree, walk, write};
use super::rows::{Named, named, snapshot};
use super::{ABOUT, BLOBS, Backup, DATABASE, Source, VERSION, about, refuse};
use crate::content::{StorageConfig, blocking};
use crate::error::{Result, StoreError};

/// Takes a backup into a folder that is empty or holds an earlier one, which is brought up to
/// date. It needs no server and stops none.
pub async fn backup(source: &Source<'_>, target: &Path) -> Result<Backup> {
    let from = source.folder.to_owned();
    if !from.join(DATABASE).is_file() {
        return Err(refuse(&from, "there is no registry.db in it"));
    }
    let before = about(target).await?;
    prepare(target, before.is_some()).await?;
    let with_blobs = matches!(source.storage, StorageConfig::Folder);
    let mut added = 0;
    if with_blobs {
        added = bring_all(&from, target, source.copy).await?;
    }
    let taken_at = jiff::Timestamp::now();
    let database = target.join(DATABASE);
    let fresh = part_of(&database);
    snapshot(&from.join(DATABASE), &fresh).await?;
    let blobs = named(&fresh).await?;
    let mut made = Backup {
        version: VERSION,
        taken_at,
        with_blobs,
        blobs: blobs.len() as u64,
        bytes: blobs.iter().map(|blob| blob.size_bytes).sum(),
        added,
        missing: Vec::new(),
    };
    let (target, copy) = (target.to_owned(), source.copy);
    blocking(move || {
        if with_blobs {
            complete(&from, &target, &blobs, copy, &mut made)?;
        }
        finish(&target, &fresh, &made)?;
        Ok(made)
    })
    .await
}

/// Makes the folder, and makes sure that nothing else is in it.
async fn prepare(target: &Path, is_backup: bool) -> Result<()> {
    let target = target.to_owned();
    blocking(move || {
        std::fs::create_dir_all(&target)
            .map_err(|error| StoreError::io("create", &target, error))?;
        let mut entries =
            std::fs::read_dir(&target).map_err(|error| StoreError::io("list", &target, error))?;
        // A backup that was cut off has blobs and no description yet.
        let foreign = entries.find_map(|entry| {
            let name = entry.ok()?.file_name();
            let ours = [BLOBS, DATABASE, "registry.db.part"]
                .iter()
                .any(|known| name == **known);
            (!ours).then_some(name)
        });
        if let Some(name) = foreign.filter(|_| !is_backup) {
            let why = format!(
                "it holds {} and is no backup; name another folder",
                name.display()
            );
            return Err(refuse(&target, why));
        }
        // What is brought now makes the old description untrue.
        for stale in [target.join(ABOUT), target.join("registry.db.part")] {
            match std::fs::remove_file(&stale) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(StoreError::io("remove", &stale, error));
                }
                _ => {}
            }
        }
        Ok(())
    })
    .await
}

/// Everything that is there now.
async fn bring_all(from: &Path, target: &Path, copy: bool) -> Result<u64> {
    let (from, target) = (from.to_owned(), target.to_owned());
    blocking(move || {
        let mut added = 0;
        for path in walk(&from.join(BLOBS))? {
            let Ok(key) = path.strip_prefix(&from) else {
                continue;
            };
            if bring(&path, &target.join(key), copy)? == Some(true) {
                added += 1;
            }
        }
        Ok(added)
    })
    .await
}

/// What came since, and nothing that the database does not name.
fn complete(
    from: &Path,
    target: &Path,
    blobs: &[Named],
    copy: bool,
    made: &mut Backup,
) -> Result<()> {
    let mut known = std::collections::HashSet::with_capacity(blobs.len());
    for blob in blobs {
        let place = target.join(&blob.key);
        match bring(&from.join(&blob.key), &place, copy)? {
            Some(true) => made.added += 1,
            Some(false) => {}
            // It was removed after its grace period; the first look may have caught it.
            None if place.is_file() || blob.needless => {}
            None => made.missing.push(blob.digest.clone()),
        }
        known.insert(place);
    }
    for path in walk(&target.join(BLOBS))? {
        if !known.contains(&path) {
            std::fs::remove_file(&path).map_err(|error| StoreError::io("remove", &path, error))?;
        }
    }
    Ok(())
}

fn finish(target: &Path, fresh: &Path, made: &Backup) -> Result<()> {
    let database = target.join(DATABASE);
    std::fs::File::open(fresh)
        .and_then(|file| file.sync_all())
        .and_then(|()| std::fs::rename(fresh, &database))
        .map_err(|error| StoreError::io("write", &database, error))?;
    sync_tree(target)?;
    let text = serde_json::to_vec_pretty(made).map_err(|error| refuse(target, error))?;
    write(&target.join(ABOUT), &text)?;
    sync_tree(target)
}
