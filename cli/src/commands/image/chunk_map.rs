//! The map of an image's chunks as it is kept in a registry: an artifact that refers to the image.
//!
//! Nothing needs it: an image without one, or with one that is no good, is pulled whole.

use std::path::Path;

use imagebuilder_chunks::{ChunkMap, CutError, Disk, MAX_MAP_BYTES};
use registry_client::artifacts::{self, Artifact, Layer};
use registry_client::{Client, ClientError, Descriptor, NoProgress};
use registry_pack::{Digest, RepositoryName, media};

/// One is published. More are looked at where the first ones are no good, but not any number.
const MAX_MAPS: usize = 4;

/// Makes the map of a disk that was just pushed, and lets it refer to the artifact `image`.
/// `None` where the disk has no map, and why.
pub(super) async fn publish(
    client: &Client,
    repository: &RepositoryName,
    image: &Descriptor,
    disk: &Path,
) -> Result<Option<CutError>, ClientError> {
    let path = disk.to_owned();
    let cutting =
        tokio::task::spawn_blocking(move || ChunkMap::of(&Disk::open(&path)?, &mut |_| ()));
    let cut = cutting.await;
    let map = match cut.unwrap_or_else(|error| Err(std::io::Error::other(error).into())) {
        Ok(map) => map,
        Err(error) => return Ok(Some(error)),
    };
    let referrer = Artifact::new(media::IMAGE_CHUNKS)
        .with_layer(Layer::bytes(
            media::IMAGE_CHUNKS,
            media::IMAGE_CHUNKS_TITLE,
            map.encode(),
        ))
        .with_subject(image.clone());
    artifacts::push(client, repository, None, &referrer, &NoProgress).await?;
    Ok(None)
}

/// A map that was fetched.
pub(super) struct Fetched {
    pub(super) map: ChunkMap,
    /// How long it is as bytes that travel.
    pub(super) size_bytes: u64,
}

/// The map of the disk of an image, if there is one that fits it.
pub(super) async fn find(
    client: &Client,
    repository: &RepositoryName,
    image: &Digest,
    disk: &Descriptor,
) -> Result<Option<Fetched>, ClientError> {
    let referrers = client
        .referrers(repository, image, Some(media::IMAGE_CHUNKS))
        .await?;
    for referrer in referrers.iter().take(MAX_MAPS) {
        let (_, manifest) = client
            .manifest(repository, referrer.digest.as_str())
            .await?;
        let mut layers = manifest.layers.iter();
        let Some(layer) = layers.find(|layer| layer.media_type == media::IMAGE_CHUNKS) else {
            continue;
        };
        if layer.size_bytes > MAX_MAP_BYTES as u64 {
            continue;
        }
        let bytes = client
            .pull_blob_bytes(repository, layer, MAX_MAP_BYTES)
            .await?;
        match ChunkMap::decode(&bytes) {
            Ok(map) if map.size_bytes() == disk.size_bytes => {
                let size_bytes = layer.size_bytes;
                return Ok(Some(Fetched { map, size_bytes }));
            }
            _ => {}
        }
    }
    Ok(None)
}
