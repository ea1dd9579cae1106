//! A registry in memory that can be told to be away.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use registry_pack::{Digest, RepositoryName};

use crate::registry::{Artifact, Content, Descriptor, Manifest, Registry, RegistryError};

#[derive(Default)]
struct Shelves {
    blobs: BTreeMap<Digest, Vec<u8>>,
    manifests: BTreeMap<(String, Digest), (String, Manifest)>,
    tags: BTreeMap<(String, String), Digest>,
    failing: u32,
    downloads: u32,
    reads: u32,
    refuses_uploads: bool,
    corrupt: Option<Digest>,
}

/// Blobs, manifests and tags.
#[derive(Default)]
pub(crate) struct MemoryRegistry(Mutex<Shelves>);

impl MemoryRegistry {
    fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next calls find nobody there.
    pub(crate) fn be_away(&self, times: u32) {
        self.shelves().failing = times;
    }

    /// How many files were fetched.
    pub(crate) fn downloads(&self) -> u32 {
        self.shelves().downloads
    }

    /// How many manifests and small blobs were read.
    pub(crate) fn reads(&self) -> u32 {
        self.shelves().reads
    }

    /// Takes no file that no manifest names yet.
    pub(crate) fn refuse_uploads(&self) {
        self.shelves().refuses_uploads = true;
    }

    /// Whether there is a blob that begins so.
    pub(crate) fn has_blob(&self, begin: &str) -> bool {
        let shelves = self.shelves();
        shelves
            .blobs
            .values()
            .any(|blob| blob.starts_with(begin.as_bytes()))
    }

    /// Gives other bytes for this blob.
    pub(crate) fn corrupt(&self, digest: &Digest) {
        self.shelves().corrupt = Some(digest.clone());
    }

    /// Forgets what lies below a repository.
    pub(crate) fn forget(&self, repository: &str) {
        let mut shelves = self.shelves();
        shelves.tags.retain(|(of, _), _| of != repository);
        shelves.manifests.retain(|(of, _), _| of != repository);
    }

    /// The manifests and blobs of the repositories that `wanted` chooses.
    pub(crate) fn content(&self, wanted: impl Fn(&str) -> bool) -> Vec<Vec<u8>> {
        let shelves = self.shelves();
        let mut found = Vec::new();
        for ((repository, _), (text, manifest)) in &shelves.manifests {
            if wanted(repository) {
                found.push(text.clone().into_bytes());
                let blobs = manifest.layers.iter().chain([&manifest.config]);
                found.extend(blobs.filter_map(|one| shelves.blobs.get(&one.digest).cloned()));
            }
        }
        found
    }

    /// The artifact types in a repository, sorted.
    pub(crate) fn artifact_types(&self, repository: &str) -> Vec<String> {
        let shelves = self.shelves();
        let of = shelves
            .manifests
            .iter()
            .filter(|((of, _), _)| of == repository);
        let mut types: Vec<String> = of
            .filter_map(|(_, (_, manifest))| manifest.artifact_type.clone())
            .collect();
        types.sort();
        types
    }

    fn there(&self, what: &str) -> Result<MutexGuard<'_, Shelves>, RegistryError> {
        let mut shelves = self.shelves();
        if shelves.failing > 0 {
            shelves.failing -= 1;
            return Err(RegistryError::Unavailable {
                what: what.to_owned(),
                message: "connection refused".to_owned(),
            });
        }
        Ok(shelves)
    }

    fn bytes(&self, blob: &Descriptor) -> Result<Vec<u8>, RegistryError> {
        let what = blob.digest.to_string();
        let shelves = self.there(&what)?;
        let bytes = shelves
            .blobs
            .get(&blob.digest)
            .cloned()
            .ok_or(RegistryError::NotFound { what: what.clone() })?;
        if shelves.corrupt.as_ref() == Some(&blob.digest) {
            let actual = Digest::sha256(b"other bytes").to_string();
            return Err(RegistryError::Mismatch {
                what: what.clone(),
                expected: what,
                actual,
            });
        }
        Ok(bytes)
    }
}

#[async_trait]
impl Registry for MemoryRegistry {
    async fn resolve(
        &self,
        repository: &RepositoryName,
        target: &str,
    ) -> Result<Option<Descriptor>, RegistryError> {
        let shelves = self.there(target)?;
        let tagged = shelves
            .tags
            .get(&(repository.to_string(), target.to_owned()))
            .cloned();
        let Some(digest) = tagged.or_else(|| target.parse().ok()) else {
            return Ok(None);
        };
        let found = shelves
            .manifests
            .get(&(repository.to_string(), digest.clone()));
        Ok(found.map(|(text, _)| {
            descriptor(
                "application/vnd.oci.image.manifest.v1+json",
                digest,
                text.len(),
            )
        }))
    }

    async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Manifest, RegistryError> {
        let mut shelves = self.there(digest.as_str())?;
        shelves.reads += 1;
        let found = shelves
            .manifests
            .get(&(repository.to_string(), digest.clone()));
        found
            .map(|(_, manifest)| manifest.clone())
            .ok_or(RegistryError::NotFound {
                what: digest.to_string(),
            })
    }

    async fn blob(
        &self,
        _: &RepositoryName,
        blob: &Descriptor,
        _: u64,
    ) -> Result<Vec<u8>, RegistryError> {
        self.shelves().reads += 1;
        self.bytes(blob)
    }

    async fn download(
        &self,
        _: &RepositoryName,
        blob: &Descriptor,
        to: &Path,
    ) -> Result<(), RegistryError> {
        self.shelves().downloads += 1;
        std::fs::write(to, self.bytes(blob)?).map_err(|error| RegistryError::Local {
            what: to.display().to_string(),
            message: error.to_string(),
        })
    }

    async fn referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        artifact_type: &str,
    ) -> Result<Vec<Descriptor>, RegistryError> {
        let shelves = self.there(subject.as_str())?;
        let refers = |manifest: &Manifest| {
            manifest
                .subject
                .as_ref()
                .is_some_and(|of| of.digest == *subject)
                && manifest.artifact_type.as_deref() == Some(artifact_type)
        };
        let of = shelves
            .manifests
            .iter()
            .filter(|((of, _), (_, manifest))| of == repository.as_str() && refers(manifest));
        Ok(of
            .map(|((_, digest), (text, _))| descriptor("manifest", digest.clone(), text.len()))
            .collect())
    }

    async fn upload(
        &self,
        _: &RepositoryName,
        file: &Path,
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        let bytes = std::fs::read(file).map_err(|error| RegistryError::Local {
            what: file.display().to_string(),
            message: error.to_string(),
        })?;
        let mut shelves = self.there(digest.as_str())?;
        if shelves.refuses_uploads {
            return Err(RegistryError::Refused {
                what: digest.to_string(),
                message: "no room".to_owned(),
            });
        }
        shelves.blobs.insert(digest.clone(), bytes);
        Ok(())
    }

    async fn push(
        &self,
        repository: &RepositoryName,
        tag: Option<&str>,
        artifact: &Artifact,
    ) -> Result<Descriptor, RegistryError> {
        let mut layers = Vec::new();
        let mut shelves = self.there(repository.as_str())?;
        for layer in &artifact.layers {
            let bytes = match &layer.content {
                Content::Bytes(bytes) => bytes.clone(),
                Content::File(path, _) => {
                    std::fs::read(path).map_err(|error| RegistryError::Local {
                        what: path.display().to_string(),
                        message: error.to_string(),
                    })?
                }
            };
            let mut made = descriptor(&layer.media_type, Digest::sha256(&bytes), bytes.len());
            made.annotations.insert(
                registry_pack::media::ANNOTATION_TITLE.to_owned(),
                layer.title.clone().into(),
            );
            shelves.blobs.insert(made.digest.clone(), bytes);
            layers.push(made);
        }
        let config = descriptor(
            &artifact.config.0,
            Digest::sha256(&artifact.config.1),
            artifact.config.1.len(),
        );
        shelves
            .blobs
            .insert(config.digest.clone(), artifact.config.1.clone());
        let manifest = Manifest {
            artifact_type: Some(artifact.artifact_type.clone()),
            config,
            layers,
            subject: artifact.subject.clone(),
        };
        let text = serde_json::to_string(&manifest).expect("a manifest is JSON");
        let made = descriptor(
            "application/vnd.oci.image.manifest.v1+json",
            Digest::sha256(text.as_bytes()),
            text.len(),
        );
        shelves.manifests.insert(
            (repository.to_string(), made.digest.clone()),
            (text, manifest),
        );
        if let Some(tag) = tag {
            shelves.tags.insert(
                (repository.to_string(), tag.to_owned()),
                made.digest.clone(),
            );
        }
        Ok(made)
    }

    async fn delete(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        let mut shelves = self.there(digest.as_str())?;
        let key = (repository.to_string(), digest.clone());
        shelves.manifests.remove(&key);
        shelves
            .tags
            .retain(|(of, _), tagged| of != repository.as_str() || tagged != digest);
        Ok(())
    }
}

fn descriptor(media_type: &str, digest: Digest, size: usize) -> Descriptor {
    Descriptor {
        media_type: media_type.to_owned(),
        digest,
        size_bytes: size as u64,
        annotations: serde_json::Map::new(),
    }
}
