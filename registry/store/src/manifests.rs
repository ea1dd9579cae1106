//! Push, pull, list and delete manifests and tags.

use std::sync::Arc;

use bytes::Bytes;
use registry_pack::{Digest, RepositoryName, Tag};

use crate::cache::Quiet;
use crate::deprecations::reason;
use crate::error::{Result, StoreError};
use crate::metadata::{self, Head};
use crate::packs::PackRecord;
use crate::profiles::ProfileRecord;
use crate::store::Store;

/// A stored manifest: exactly the bytes that were pushed.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The digest of the bytes.
    pub digest: Digest,
    /// The media type that it was pushed with, without parameters.
    pub media_type: String,
    /// The bytes.
    pub bytes: Bytes,
    /// Why it should no longer be used, if somebody said so; empty without a reason.
    pub deprecated: Option<String>,
}

/// A manifest to be stored, and what its pusher's server read out of it.
#[derive(Clone, Debug)]
pub struct NewManifest {
    /// The digest of the bytes, verified.
    pub digest: Digest,
    /// The media type without parameters.
    pub media_type: String,
    /// What a referrers list shows as its artifact type.
    pub artifact_type: Option<String>,
    /// The manifest that this one is about.
    pub subject: Option<Digest>,
    /// The annotations as a JSON object.
    pub annotations: Option<String>,
    /// Config and layers.
    pub blobs: Vec<Digest>,
    /// Layers that may lie elsewhere; tied to the manifest when they are here.
    pub optional_blobs: Vec<Digest>,
    /// The manifests of an index.
    pub manifests: Vec<Digest>,
    /// The bytes.
    pub bytes: Bytes,
    /// The tags to set.
    pub tags: Vec<Tag>,
    /// What must hold of each of these tags before.
    pub condition: Condition,
    /// What the index of packs and profiles says for each of the tags.
    pub index: Option<IndexEntry>,
}

/// What must hold of a tag, in the moment in which it is set, for a push to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    #[default]
    None,
    /// There is no such tag.
    Absent,
    /// There is such a tag.
    Present,
    /// The tag points at one of these.
    OneOf(Vec<Digest>),
}

impl Condition {
    pub(crate) fn holds(&self, current: Option<&str>) -> bool {
        match self {
            Self::None => true,
            Self::Absent => current.is_none(),
            Self::Present => current.is_some(),
            Self::OneOf(digests) => {
                current.is_some_and(|current| digests.iter().any(|one| one.as_str() == current))
            }
        }
    }
}

/// What a pushed artifact is, beside being an artifact.
#[derive(Clone, Debug)]
pub enum IndexEntry {
    /// A pack.
    Pack(Box<PackRecord>),
    /// A cluster profile.
    Profile(Box<ProfileRecord>),
}

/// What happens to a manifest that names content which the repository does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingPolicy {
    /// It is refused.
    Refuse,
    /// It is stored, and the content is tied to it when it comes.
    Allow,
}

impl Store {
    /// Stores a manifest with its tags and index entries, all or nothing.
    pub async fn put_manifest(
        &self,
        repository: &RepositoryName,
        manifest: &NewManifest,
    ) -> Result<()> {
        let inner = &self.inner;
        let immutable = inner.config.immutable_packs && repository.pack_name().is_some();
        let _writing = inner.cache.writing(repository);
        inner
            .metadata
            .put_manifest(repository, manifest, inner.config.missing, immutable)
            .await
    }

    /// The manifest that a tag points at.
    pub async fn manifest_by_tag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
    ) -> Result<Arc<Manifest>> {
        let inner = &self.inner;
        if inner.metadata.is_shared() {
            let head = inner.metadata.head_by_tag(repository, tag.as_str()).await?;
            return self.with_body(repository, tag.as_str(), head).await;
        }
        if let Some(manifest) = inner.cache.manifest(repository, tag.as_str()).await {
            return Ok(manifest);
        }
        let quiet = inner.cache.quiet(repository);
        let manifest = inner
            .metadata
            .manifest_by_tag(repository, tag.as_str())
            .await?;
        self.remember(repository, tag.as_str(), quiet, manifest)
            .await
    }

    /// The manifest with a digest.
    pub async fn manifest_by_digest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Arc<Manifest>> {
        let inner = &self.inner;
        if inner.metadata.is_shared() {
            let head = inner.metadata.head_by_digest(repository, digest).await?;
            return self.with_body(repository, digest.as_str(), head).await;
        }
        if let Some(manifest) = inner.cache.manifest(repository, digest.as_str()).await {
            return Ok(manifest);
        }
        let quiet = inner.cache.quiet(repository);
        let manifest = inner
            .metadata
            .manifest_by_digest(repository, digest)
            .await?;
        self.remember(repository, digest.as_str(), quiet, manifest)
            .await
    }

    /// Deletes a manifest and all tags on it.
    pub async fn delete_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<()> {
        let _writing = self.inner.cache.writing(repository);
        self.inner
            .metadata
            .delete_manifest(repository, digest, self.inner.config.deleted_grace)
            .await
    }

    /// Deletes a tag, and nothing but the tag.
    pub async fn delete_tag(&self, repository: &RepositoryName, tag: &Tag) -> Result<()> {
        let _writing = self.inner.cache.writing(repository);
        self.inner.metadata.delete_tag(repository, tag).await
    }

    /// A page of tags in lexical order, after `last`.
    pub async fn tags(
        &self,
        repository: &RepositoryName,
        last: &str,
        limit: u32,
    ) -> Result<Vec<String>> {
        self.inner.metadata.tags(repository, last, limit).await
    }

    /// The manifest that the database just spoke of; its bytes may be known already.
    async fn with_body(
        &self,
        repository: &RepositoryName,
        reference: &str,
        head: Option<Head>,
    ) -> Result<Arc<Manifest>> {
        let unknown = || StoreError::manifest_unknown(repository, reference);
        let inner = &self.inner;
        let head = head.ok_or_else(unknown)?;
        let digest = metadata::parse_digest(&head.digest)?;
        let bytes = match inner.bodies.get(&head.digest).await {
            Some(bytes) => bytes,
            None => {
                let body = inner.metadata.manifest_body(head.id).await?;
                let bytes = body.ok_or_else(unknown)?;
                inner.bodies.remember(head.digest, bytes.clone()).await;
                bytes
            }
        };
        Ok(Arc::new(Manifest {
            digest,
            media_type: head.media_type,
            bytes,
            deprecated: head.deprecation.as_deref().map(reason),
        }))
    }

    async fn remember(
        &self,
        repository: &RepositoryName,
        reference: &str,
        quiet: Option<Quiet>,
        manifest: Option<Manifest>,
    ) -> Result<Arc<Manifest>> {
        let manifest = manifest
            .map(Arc::new)
            .ok_or_else(|| StoreError::manifest_unknown(repository, reference))?;
        if let Some(quiet) = quiet {
            let cache = &self.inner.cache;
            cache
                .remember_manifest(repository, reference, quiet, Arc::clone(&manifest))
                .await;
        }
        Ok(manifest)
    }
}
