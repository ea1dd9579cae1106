//! Makes the map of an image's chunks, by which a host that has another image pulls the difference.
//!
//! It saves bytes and nothing else: an image without one is pulled whole, so what goes wrong here
//! is told in the log and fails no build.

use std::path::{Path, PathBuf};

use imagebuilder_chunks::{ChunkMap, CutError, Disk};

use crate::build::Build;
use crate::failure::{Failure, chain};

/// Below the build's folder, in one that goes when the build ends and is in no log.
const MAP_FILE: &str = "chunks/map";

/// Leaves the map in the build's folder.
pub(super) async fn make(build: &Build, image: &Path) {
    let file = build.folder.join(MAP_FILE);
    // One of an earlier try may be of another file.
    drop(std::fs::remove_file(&file));
    let without = |why: &dyn std::error::Error| {
        tracing::info!(build.id = %build.id, "the image gets no map of its chunks: {}", chain(why));
    };
    match map(image.to_owned()).await {
        Ok(bytes) => {
            if let Err(error) = write(&file, &bytes) {
                without(&error);
                drop(std::fs::remove_file(&file));
            }
        }
        Err(error) => without(&error),
    }
}

fn write(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(file, bytes)
}

/// The map that [`make`] left, if it did.
pub(super) fn made(build: &Build) -> Result<Option<Vec<u8>>, Failure> {
    let file = build.folder.join(MAP_FILE);
    match std::fs::read(&file) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::host(&format!("read {}", file.display()), &error)),
    }
}

async fn map(image: PathBuf) -> Result<Vec<u8>, CutError> {
    let cutting = tokio::task::spawn_blocking(move || {
        let map = ChunkMap::of(&Disk::open(&image)?, &mut |_| ());
        map.map(|map| map.encode())
    });
    cutting
        .await
        .unwrap_or_else(|error| Err(std::io::Error::other(error).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_qcow2_file_has_a_map_of_its_length_and_other_files_have_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("image.qcow2");
        std::fs::write(&file, "image of a machine").unwrap();
        assert!(matches!(map(file.clone()).await, Err(CutError::NotQcow2)));
        let mut bytes = vec![7; 70_000];
        bytes[..80].fill(0);
        bytes[..8].copy_from_slice(b"QFI\xfb\0\0\0\x03");
        bytes[23] = 16;
        std::fs::write(&file, &bytes).unwrap();
        let map = ChunkMap::decode(&map(file).await.unwrap()).unwrap();
        assert_eq!(map.size_bytes(), 70_000);
    }
}
