//! A span for each call of the registry.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use registry_pack::{Digest, RepositoryName};
use traces::{SpanKind, Tracer};

use crate::registry::{Artifact, Descriptor, Manifest, Registry, RegistryError};

/// A registry whose calls are traced.
pub(crate) struct TracedRegistry {
    pub(crate) inner: Arc<dyn Registry>,
    pub(crate) tracer: Tracer,
}

impl TracedRegistry {
    async fn call<T>(
        &self,
        name: &'static str,
        repository: &RepositoryName,
        call: impl Future<Output = Result<T, RegistryError>>,
    ) -> Result<T, RegistryError> {
        let mut span = self.tracer.child(name, SpanKind::Client);
        span.set("packyard.repository", repository.to_string());
        let result = traces::within(span.context(), call).await;
        if let Err(error) = &result {
            span.fail(word(error));
        }
        span.end();
        result
    }
}

/// What went wrong in words is with the step, which knows what to mask.
fn word(error: &RegistryError) -> &'static str {
    match error {
        RegistryError::NotFound { .. } => "NotFound",
        RegistryError::Mismatch { .. } => "Mismatch",
        RegistryError::Refused { .. } => "Refused",
        RegistryError::Unavailable { .. } => "Unavailable",
        RegistryError::Local { .. } => "Local",
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Registry for TracedRegistry {
    async fn resolve(
        &self,
        repository: &RepositoryName,
        target: &str,
    ) -> Result<Option<Descriptor>, RegistryError> {
        let call = self.inner.resolve(repository, target);
        self.call("registry resolve", repository, call).await
    }

    async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Manifest, RegistryError> {
        let call = self.inner.manifest(repository, digest);
        self.call("registry manifest", repository, call).await
    }

    async fn blob(
        &self,
        repository: &RepositoryName,
        blob: &Descriptor,
        limit_bytes: u64,
    ) -> Result<Vec<u8>, RegistryError> {
        let call = self.inner.blob(repository, blob, limit_bytes);
        self.call("registry blob", repository, call).await
    }

    async fn download(
        &self,
        repository: &RepositoryName,
        blob: &Descriptor,
        to: &Path,
    ) -> Result<(), RegistryError> {
        let call = self.inner.download(repository, blob, to);
        self.call("registry download", repository, call).await
    }

    async fn referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        artifact_type: &str,
    ) -> Result<Vec<Descriptor>, RegistryError> {
        let call = self.inner.referrers(repository, subject, artifact_type);
        self.call("registry referrers", repository, call).await
    }

    async fn upload(
        &self,
        repository: &RepositoryName,
        file: &Path,
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        let call = self.inner.upload(repository, file, digest);
        self.call("registry upload", repository, call).await
    }

    async fn push(
        &self,
        repository: &RepositoryName,
        tag: Option<&str>,
        artifact: &Artifact,
    ) -> Result<Descriptor, RegistryError> {
        let call = self.inner.push(repository, tag, artifact);
        self.call("registry push", repository, call).await
    }

    async fn delete(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        let call = self.inner.delete(repository, digest);
        self.call("registry delete", repository, call).await
    }
}
