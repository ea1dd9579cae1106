//! What the engine asks of the registry: a small trait at the edge, so that tests can break it at will.
//!
//! It does not speak HTTP; `registry-client` does.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use registry_pack::{Digest, RepositoryName};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One blob as a manifest names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the bytes are.
    pub media_type: String,
    /// Their digest.
    pub digest: Digest,
    /// Their number.
    #[serde(rename = "size")]
    pub size_bytes: u64,
    /// Free text about them; the title is one.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub annotations: Map<String, Value>,
}

impl Descriptor {
    /// The file name that the blob goes by.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.annotations
            .get(registry_pack::media::ANNOTATION_TITLE)?
            .as_str()
    }
}

/// A manifest, as far as a build reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// What kind of artifact it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The configuration blob.
    pub config: Descriptor,
    /// The files.
    #[serde(default)]
    pub layers: Vec<Descriptor>,
    /// What it refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
}

/// The bytes of a layer to push.
#[derive(Debug, Clone)]
pub enum Content {
    /// In memory; small.
    Bytes(Vec<u8>),
    /// On this host, with its digest where that is known; never read whole.
    File(PathBuf, Option<Digest>),
}

/// A layer to push.
#[derive(Debug, Clone)]
pub struct Layer {
    /// What the bytes are.
    pub media_type: String,
    /// The file name that it goes by.
    pub title: String,
    /// The bytes.
    pub content: Content,
}

/// An artifact to push.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// What kind of artifact it is.
    pub artifact_type: String,
    /// Media type and bytes of the configuration.
    pub config: (String, Vec<u8>),
    /// The files.
    pub layers: Vec<Layer>,
    /// What it refers to: a manifest in the same repository.
    pub subject: Option<Descriptor>,
    /// Free text about it.
    pub annotations: Vec<(String, String)>,
}

/// Why the registry did not do it, by what cures it.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// It is not there.
    #[error("{what} is not in the registry")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// The bytes are not what their digest says.
    #[error("{what}: the content does not match its digest: expected {expected}, got {actual}")]
    Mismatch {
        /// What was fetched.
        what: String,
        /// The digest asked for.
        expected: String,
        /// The digest of what came.
        actual: String,
    },
    /// The registry refuses: no right, no room, no such form.
    #[error("the registry refuses {what}: {message}")]
    Refused {
        /// What was asked for.
        what: String,
        /// What the registry said.
        message: String,
    },
    /// It cannot be reached now.
    #[error("the registry does not answer for {what}: {message}")]
    Unavailable {
        /// What was asked for.
        what: String,
        /// What went wrong.
        message: String,
    },
    /// This host failed: no room, no right to a file.
    #[error("cannot store {what} on this host: {message}")]
    Local {
        /// What was fetched.
        what: String,
        /// What went wrong.
        message: String,
    },
}

/// What the names of a registry in the same process stand for, and what refers to them. Each request
/// for an image asks for all of it again, and a request over HTTP costs many times what the answer does.
#[async_trait]
pub trait Names: Send + Sync + 'static {
    /// The same as [`Registry::resolve`].
    async fn resolve(
        &self,
        repository: &RepositoryName,
        target: &str,
    ) -> Result<Option<Descriptor>, RegistryError>;

    /// The same as [`Registry::referrers`].
    async fn referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        artifact_type: &str,
    ) -> Result<Vec<Descriptor>, RegistryError>;
}

/// The registry that packs come from and images go to.
#[async_trait]
pub trait Registry: Send + Sync + 'static {
    /// The digest behind a tag or a digest; `None` where there is nothing.
    async fn resolve(
        &self,
        repository: &RepositoryName,
        target: &str,
    ) -> Result<Option<Descriptor>, RegistryError>;

    /// A manifest by its digest.
    async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Manifest, RegistryError>;

    /// A small blob, at most `limit_bytes` long, checked against its digest.
    async fn blob(
        &self,
        repository: &RepositoryName,
        blob: &Descriptor,
        limit_bytes: u64,
    ) -> Result<Vec<u8>, RegistryError>;

    /// A blob into a file that appears only once it is whole and checked against its digest.
    async fn download(
        &self,
        repository: &RepositoryName,
        blob: &Descriptor,
        to: &Path,
    ) -> Result<(), RegistryError>;

    /// What refers to a manifest, of one artifact type.
    async fn referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        artifact_type: &str,
    ) -> Result<Vec<Descriptor>, RegistryError>;

    /// Puts a file where the manifest that is to name it will be. Until then the registry keeps it
    /// for a while only. Of one that is there: done.
    async fn upload(
        &self,
        repository: &RepositoryName,
        file: &Path,
        digest: &Digest,
    ) -> Result<(), RegistryError>;

    /// Pushes layers first and the manifest last, under `tag` if there is one. The same artifact twice is one.
    async fn push(
        &self,
        repository: &RepositoryName,
        tag: Option<&str>,
        artifact: &Artifact,
    ) -> Result<Descriptor, RegistryError>;

    /// Removes a manifest and every tag that names it. Of one that is gone: done.
    async fn delete(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<(), RegistryError>;
}
