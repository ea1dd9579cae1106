//! Bundles: the large files beside a pack, as an artifact that refers to it.

use std::path::{Path, PathBuf};

use registry_pack::components::BundleManifest;
use registry_pack::{RepositoryName, media};

use crate::artifacts::{self, Artifact, Content, Layer, Opened};
use crate::client::Client;
use crate::descriptor::Descriptor;
use crate::error::ClientError;
use crate::progress::Progress;

/// A bundle on the server.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The artifact.
    pub opened: Opened,
    /// What is in it.
    pub manifest: BundleManifest,
}

/// Pushes the files of a bundle from a folder and attaches them to a pack.
///
/// # Errors
/// When a file is missing or wrong, or the push fails.
pub async fn push(
    client: &Client,
    repository: &RepositoryName,
    pack: &Descriptor,
    bundle: &BundleManifest,
    folder: &Path,
    progress: &dyn Progress,
) -> Result<Descriptor, ClientError> {
    let config = serde_json::to_vec(bundle).map_err(|error| {
        ClientError::Usage(format!("the bundle's manifest cannot be written: {error}"))
    })?;
    let mut artifact = Artifact::new(media::BUNDLE)
        .with_config(media::BUNDLE_CONFIG, config)
        .with_subject(pack.clone());
    for entry in &bundle.components {
        let digest = format!("sha256:{}", entry.sha256).parse()?;
        let mut layer = Layer::file(media::BUNDLE_FILE, &entry.file, folder.join(&entry.file));
        if let Content::File(path, _) = layer.content {
            layer.content = Content::File(path, Some(digest));
        }
        artifact = artifact.with_layer(layer);
    }
    artifacts::push(client, repository, None, &artifact, progress).await
}

/// The bundle of a pack for one architecture; the newest listed wins.
///
/// # Errors
/// When the server cannot be asked or a bundle cannot be read.
pub async fn find(
    client: &Client,
    repository: &RepositoryName,
    pack: &registry_pack::Digest,
    architecture: &str,
) -> Result<Option<Bundle>, ClientError> {
    let found = client
        .referrers(repository, pack, Some(media::BUNDLE))
        .await?;
    for descriptor in found.iter().rev() {
        let opened = artifacts::open(client, repository, descriptor.digest.as_str()).await?;
        let manifest: BundleManifest = serde_json::from_slice(&opened.config).map_err(|error| {
            client.odd(
                &format!("the bundle {}", descriptor.digest),
                error.to_string(),
            )
        })?;
        if manifest.architecture == architecture {
            return Ok(Some(Bundle { opened, manifest }));
        }
    }
    Ok(None)
}

/// Pulls all files of a bundle into a folder.
///
/// # Errors
/// When a file cannot be pulled or is wrong.
pub async fn pull(
    client: &Client,
    repository: &RepositoryName,
    bundle: &Bundle,
    folder: &Path,
    progress: &dyn Progress,
) -> Result<Vec<PathBuf>, ClientError> {
    artifacts::pull(client, repository, &bundle.opened, folder, progress).await
}
