//! The real registry, over `registry-client`.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use registry_client::{Client, ClientError, NoProgress, artifacts};
use registry_pack::{Digest, RepositoryName};

use crate::failure::chain;
use crate::registry::{
    Artifact, Content, Descriptor, Layer, Manifest, Names, Registry, RegistryError,
};

/// A registry that speaks HTTP.
#[derive(Clone)]
pub struct HttpRegistry {
    client: Client,
    names: Option<Arc<dyn Names>>,
}

impl HttpRegistry {
    /// Uses a client that knows the address and the credentials.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            client,
            names: None,
        }
    }

    /// What a name stands for and what refers to it is asked here, without a request.
    #[must_use]
    pub fn with_names(self, names: Option<Arc<dyn Names>>) -> Self {
        Self { names, ..self }
    }
}

#[async_trait]
impl Registry for HttpRegistry {
    async fn resolve(
        &self,
        repository: &RepositoryName,
        target: &str,
    ) -> Result<Option<Descriptor>, RegistryError> {
        if let Some(names) = &self.names {
            return names.resolve(repository, target).await;
        }
        let found = self.client.resolve(repository, target).await;
        let found = found.map_err(|error| translate(&format!("{repository}:{target}"), error))?;
        Ok(found.map(from_client))
    }

    async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Manifest, RegistryError> {
        let what = format!("{repository}@{digest}");
        let (_, manifest) = self
            .client
            .manifest(repository, digest.as_str())
            .await
            .map_err(|error| translate(&what, error))?;
        Ok(Manifest {
            artifact_type: manifest.artifact_type,
            config: from_client(manifest.config),
            layers: manifest.layers.into_iter().map(from_client).collect(),
            subject: manifest.subject.map(from_client),
        })
    }

    async fn blob(
        &self,
        repository: &RepositoryName,
        blob: &Descriptor,
        limit_bytes: u64,
    ) -> Result<Vec<u8>, RegistryError> {
        let what = format!("blob {} of {repository}", blob.digest);
        let bound = usize::try_from(limit_bytes).unwrap_or(usize::MAX);
        let bytes = self
            .client
            .pull_blob_bytes(repository, &to_client(blob), bound)
            .await;
        Ok(bytes.map_err(|error| translate(&what, error))?.to_vec())
    }

    async fn download(
        &self,
        repository: &RepositoryName,
        blob: &Descriptor,
        to: &Path,
    ) -> Result<(), RegistryError> {
        let what = blob.title().map_or_else(
            || format!("blob {} of {repository}", blob.digest),
            str::to_owned,
        );
        let pulled = self
            .client
            .pull_blob_to_file(repository, &to_client(blob), to, &NoProgress)
            .await;
        pulled.map_err(|error| translate(&what, error))
    }

    async fn referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        artifact_type: &str,
    ) -> Result<Vec<Descriptor>, RegistryError> {
        if let Some(names) = &self.names {
            return names.referrers(repository, subject, artifact_type).await;
        }
        let found = self
            .client
            .referrers(repository, subject, Some(artifact_type))
            .await;
        let found = found
            .map_err(|error| translate(&format!("referrers of {repository}@{subject}"), error))?;
        Ok(found.into_iter().map(from_client).collect())
    }

    async fn upload(
        &self,
        repository: &RepositoryName,
        file: &Path,
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        let pushed = self
            .client
            .push_file(repository, file, Some(digest.clone()), &NoProgress)
            .await;
        let what = format!("blob {digest} of {repository}");
        pushed.map(drop).map_err(|error| translate(&what, error))
    }

    async fn push(
        &self,
        repository: &RepositoryName,
        tag: Option<&str>,
        artifact: &Artifact,
    ) -> Result<Descriptor, RegistryError> {
        let mut out = artifacts::Artifact::new(&artifact.artifact_type)
            .with_config(&artifact.config.0, artifact.config.1.clone());
        for layer in &artifact.layers {
            out = out.with_layer(layer_of(layer));
        }
        if let Some(subject) = &artifact.subject {
            out = out.with_subject(to_client(subject));
        }
        out.annotations.extend(artifact.annotations.iter().cloned());
        let what = format!("{repository}:{}", tag.unwrap_or("a referrer"));
        let pushed = artifacts::push(&self.client, repository, tag, &out, &NoProgress).await;
        Ok(from_client(
            pushed.map_err(|error| translate(&what, error))?,
        ))
    }

    async fn delete(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        let deleted = self.client.delete_manifest(repository, digest).await;
        let what = format!("{repository}@{digest}");
        deleted.map(drop).map_err(|error| translate(&what, error))
    }
}

fn layer_of(layer: &Layer) -> artifacts::Layer {
    match &layer.content {
        Content::File(path, digest) => {
            let content = artifacts::Content::File(path.clone(), digest.clone());
            artifacts::Layer {
                content,
                ..artifacts::Layer::file(&layer.media_type, &layer.title, path)
            }
        }
        Content::Bytes(bytes) => {
            artifacts::Layer::bytes(&layer.media_type, &layer.title, bytes.clone())
        }
    }
}

fn from_client(descriptor: registry_client::Descriptor) -> Descriptor {
    Descriptor {
        media_type: descriptor.media_type,
        digest: descriptor.digest,
        size_bytes: descriptor.size_bytes,
        annotations: descriptor
            .annotations
            .into_iter()
            .map(|(key, value)| (key, value.into()))
            .collect(),
    }
}

fn to_client(descriptor: &Descriptor) -> registry_client::Descriptor {
    let mut out = registry_client::Descriptor::new(
        descriptor.media_type.clone(),
        descriptor.digest.clone(),
        descriptor.size_bytes,
    );
    let texts = descriptor
        .annotations
        .iter()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    out.annotations = texts.collect();
    out
}

fn translate(what: &str, error: ClientError) -> RegistryError {
    let what = what.to_owned();
    let message = chain(&error);
    match error {
        ClientError::NotFound { .. } => RegistryError::NotFound { what },
        ClientError::Corrupt {
            expected, actual, ..
        } => RegistryError::Mismatch {
            what,
            expected,
            actual,
        },
        ClientError::Retryable { .. } => RegistryError::Unavailable { what, message },
        ClientError::Io { .. } => RegistryError::Local { what, message },
        _ => RegistryError::Refused { what, message },
    }
}
