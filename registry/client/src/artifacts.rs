//! Artifacts: a configuration, files, perhaps a subject, under one manifest.
//! Base images, stages, images and reports are kept this way.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use registry_pack::{Digest, RepositoryName, media};

use crate::client::Client;
use crate::descriptor::{Descriptor, Manifest};
use crate::error::ClientError;
use crate::progress::Progress;

/// The largest configuration that is read.
const MAX_CONFIG_BYTES: usize = 16 << 20;

/// The bytes of a layer.
#[derive(Clone, Debug)]
pub enum Content {
    /// In memory.
    Bytes(Bytes),
    /// In a file, whose digest may be known already.
    File(PathBuf, Option<Digest>),
}

/// A layer to push.
#[derive(Clone, Debug)]
pub struct Layer {
    /// What the bytes are.
    pub media_type: String,
    /// The file name that a pull gives it.
    pub title: Option<String>,
    /// The bytes.
    pub content: Content,
    /// Further annotations.
    pub annotations: BTreeMap<String, String>,
}

impl Layer {
    /// A layer from a file, pulled again under `title`.
    pub fn file(media_type: &str, title: &str, path: impl Into<PathBuf>) -> Self {
        Self::new(media_type, title, Content::File(path.into(), None))
    }

    /// A layer from memory, pulled again under `title`.
    pub fn bytes(media_type: &str, title: &str, bytes: impl Into<Bytes>) -> Self {
        Self::new(media_type, title, Content::Bytes(bytes.into()))
    }

    fn new(media_type: &str, title: &str, content: Content) -> Self {
        Self {
            media_type: media_type.to_owned(),
            title: Some(title.to_owned()),
            content,
            annotations: BTreeMap::new(),
        }
    }
}

/// An artifact to push.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// What kind of artifact it is; none for manifests in the form of image specification 1.0.
    pub artifact_type: Option<String>,
    /// What the configuration is.
    pub config_media_type: String,
    /// The configuration.
    pub config: Bytes,
    /// The files.
    pub layers: Vec<Layer>,
    /// What it refers to, in the same repository.
    pub subject: Option<Descriptor>,
    /// Free text about it.
    pub annotations: BTreeMap<String, String>,
}

impl Artifact {
    /// An artifact of this type with the empty configuration and no files.
    pub fn new(artifact_type: &str) -> Self {
        Self {
            artifact_type: Some(artifact_type.to_owned()),
            config_media_type: media::EMPTY_CONFIG.to_owned(),
            config: Bytes::from_static(media::EMPTY_CONFIG_BYTES),
            layers: Vec::new(),
            subject: None,
            annotations: BTreeMap::new(),
        }
    }

    /// The same, with a configuration.
    #[must_use]
    pub fn with_config(mut self, media_type: &str, config: impl Into<Bytes>) -> Self {
        self.config_media_type = media_type.to_owned();
        self.config = config.into();
        self
    }

    /// The same, with one more layer.
    #[must_use]
    pub fn with_layer(mut self, layer: Layer) -> Self {
        self.layers.push(layer);
        self
    }

    /// The same, referring to a manifest.
    #[must_use]
    pub fn with_subject(mut self, subject: Descriptor) -> Self {
        self.subject = Some(subject);
        self
    }
}

/// An artifact as the server keeps it; its files are still there.
#[derive(Clone, Debug)]
pub struct Opened {
    /// What refers to it.
    pub descriptor: Descriptor,
    /// Its manifest.
    pub manifest: Manifest,
    /// Its configuration.
    pub config: Bytes,
}

/// Pushes an artifact: files first, then the configuration, then the manifest,
/// under the tag or else under its digest. Pushing the same again changes nothing.
///
/// # Errors
/// When a file cannot be read, the server refuses, or the line is down for long.
pub async fn push(
    client: &Client,
    repository: &RepositoryName,
    tag: Option<&str>,
    artifact: &Artifact,
    progress: &dyn Progress,
) -> Result<Descriptor, ClientError> {
    let mut layers = Vec::with_capacity(artifact.layers.len());
    for layer in &artifact.layers {
        layers.push(push_layer(client, repository, layer, progress).await?);
    }
    let config = client
        .push_bytes(
            repository,
            &artifact.config_media_type,
            artifact.config.clone(),
        )
        .await?;
    let manifest = Manifest {
        artifact_type: artifact.artifact_type.clone(),
        config,
        layers,
        subject: artifact.subject.clone().map(as_subject),
        annotations: artifact.annotations.clone(),
    };
    let bytes = manifest.to_bytes();
    let digest = Digest::sha256(&bytes);
    let size = bytes.len() as u64;
    let target = tag.map_or_else(|| digest.to_string(), str::to_owned);
    client
        .push_manifest(repository, &target, media::IMAGE_MANIFEST, bytes)
        .await?;
    Ok(Descriptor {
        annotations: artifact.annotations.clone(),
        artifact_type: artifact.artifact_type.clone(),
        ..Descriptor::new(media::IMAGE_MANIFEST, digest, size)
    })
}

/// A subject is a bare descriptor: what lists add to it is not part of it.
fn as_subject(subject: Descriptor) -> Descriptor {
    Descriptor::new(subject.media_type, subject.digest, subject.size_bytes)
}

async fn push_layer(
    client: &Client,
    repository: &RepositoryName,
    layer: &Layer,
    progress: &dyn Progress,
) -> Result<Descriptor, ClientError> {
    let mut descriptor = match &layer.content {
        Content::Bytes(bytes) => {
            client
                .push_bytes(repository, &layer.media_type, bytes.clone())
                .await?
        }
        Content::File(path, digest) => {
            client
                .push_file(repository, path, digest.clone(), progress)
                .await?
        }
    };
    descriptor.media_type.clone_from(&layer.media_type);
    descriptor.annotations.clone_from(&layer.annotations);
    Ok(match &layer.title {
        Some(title) => descriptor.titled(title.clone()),
        None => descriptor,
    })
}

/// Fetches the manifest and the configuration.
///
/// # Errors
/// When it is not there or cannot be read.
pub async fn open(
    client: &Client,
    repository: &RepositoryName,
    target: &str,
) -> Result<Opened, ClientError> {
    let (raw, manifest) = client.manifest(repository, target).await?;
    let config = client
        .pull_blob_bytes(repository, &manifest.config, MAX_CONFIG_BYTES)
        .await?;
    Ok(Opened {
        descriptor: Descriptor {
            artifact_type: manifest.artifact_type.clone(),
            ..raw.descriptor()
        },
        manifest,
        config,
    })
}

/// Pulls every file of an artifact into a folder, under its title.
///
/// # Errors
/// When a title is no plain file name, or a file cannot be pulled.
pub async fn pull(
    client: &Client,
    repository: &RepositoryName,
    opened: &Opened,
    folder: &Path,
    progress: &dyn Progress,
) -> Result<Vec<PathBuf>, ClientError> {
    let mut files = Vec::with_capacity(opened.manifest.layers.len());
    for layer in &opened.manifest.layers {
        let name = file_name(layer)?;
        let path = folder.join(name);
        client
            .pull_blob_to_file(repository, layer, &path, progress)
            .await?;
        files.push(path);
    }
    Ok(files)
}

/// The title of a layer, if it is safe to use as a file name.
///
/// # Errors
/// When there is none, or it names a folder.
pub fn file_name(layer: &Descriptor) -> Result<&str, ClientError> {
    let title = layer.title().unwrap_or_default();
    let plain =
        !title.is_empty() && title != "." && title != ".." && !title.contains(['/', '\\', '\0']);
    match plain {
        true => Ok(title),
        false => Err(ClientError::Usage(format!(
            "the layer {} has the title {title:?}, which is no file name; pull it by its digest",
            layer.digest
        ))),
    }
}
