//! The provider and the registry as a worker sees them: at the other end of a socket.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use imagebuilder_api::StageId;
use imagebuilder_provider::{
    CaptureSpec, CapturedImage, Disk, DiskId, DiskSource, Ended, ImageId, Machine, MachineId,
    MachineSpec, MachineState, Progress, Provider, ProviderError, ProviderFacts, Resource,
};
use registry_pack::{Digest, RepositoryName};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use super::cloud::{Answer, Call, Launch, Pushed};
use crate::registry::{Artifact, Content, Descriptor, Manifest, Registry, RegistryError};

/// Both, at one socket.
#[derive(Debug, Clone)]
pub(super) struct Far(pub(super) PathBuf);

impl Far {
    async fn call(&self, call: &Call) -> std::io::Result<Answer> {
        let mut stream = BufReader::new(UnixStream::connect(&self.0).await?);
        let mut text = serde_json::to_string(call)?;
        text.push('\n');
        stream.write_all(text.as_bytes()).await?;
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        Ok(serde_json::from_str(&line)?)
    }

    async fn cloud<T: DeserializeOwned>(&self, call: Call) -> Result<T, ProviderError> {
        let passing = |what: String| ProviderError::retry(what, "wait a moment");
        match self.call(&call).await {
            Ok(Answer::Done(value)) => serde_json::from_value(value)
                .map_err(|error| ProviderError::never(error.to_string(), "mend the test")),
            Ok(Answer::Passing(what)) => Err(passing(what)),
            Ok(Answer::Refused(what) | Answer::Missing(what)) => {
                Err(ProviderError::never(what, "see the test"))
            }
            Err(error) => Err(passing(error.to_string())),
        }
    }

    async fn registry<T: DeserializeOwned>(&self, call: Call) -> Result<T, RegistryError> {
        let what = "the soak".to_owned();
        let unavailable = |message| RegistryError::Unavailable {
            what: what.clone(),
            message,
        };
        match self.call(&call).await {
            Ok(Answer::Done(value)) => {
                serde_json::from_value(value).map_err(|error| unavailable(error.to_string()))
            }
            Ok(Answer::Missing(what)) => Err(RegistryError::NotFound { what }),
            Ok(Answer::Refused(message)) => Err(RegistryError::Refused { what, message }),
            Ok(Answer::Passing(message)) => Err(unavailable(message)),
            Err(error) => Err(unavailable(error.to_string())),
        }
    }
}

#[async_trait]
impl Provider for Far {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn facts(&self) -> ProviderFacts {
        ProviderFacts {
            output_format: "qcow2".to_owned(),
            architecture: "amd64".to_owned(),
            firmware: "bios".to_owned(),
            accelerator: "none".to_owned(),
        }
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn import_disk(&self, source: &DiskSource) -> Result<DiskId, ProviderError> {
        self.cloud(Call::ImportDisk(source.clone())).await
    }

    async fn disk(&self, id: &DiskId) -> Result<Option<Disk>, ProviderError> {
        self.cloud(Call::Disk(id.clone())).await
    }

    async fn delete_disk(&self, id: &DiskId) -> Result<(), ProviderError> {
        self.cloud(Call::DeleteDisk(id.clone())).await
    }

    async fn launch(&self, spec: &MachineSpec) -> Result<Machine, ProviderError> {
        let launch = Launch {
            tags: spec.tags.clone(),
            disk: spec.disk.clone(),
            cpus: spec.cpus,
            memory_bytes: spec.memory_bytes,
            disk_size_bytes: spec.disk_size_bytes,
            instance: spec.seed.instance_id.clone(),
            media: spec.media.clone(),
            network: spec.network,
        };
        self.cloud(Call::Launch(Box::new(launch))).await
    }

    async fn machine(&self, id: &MachineId) -> Result<MachineState, ProviderError> {
        self.cloud(Call::Machine(id.clone())).await
    }

    async fn checkpoint(&self, id: &MachineId, stage: &StageId) -> Result<DiskId, ProviderError> {
        self.cloud(Call::Checkpoint(id.clone(), stage.clone()))
            .await
    }

    async fn shutdown(&self, id: &MachineId, _: Duration) -> Result<Ended, ProviderError> {
        self.cloud(Call::Shutdown(id.clone())).await
    }

    async fn capture(
        &self,
        id: &MachineId,
        spec: &CaptureSpec,
        _: Progress<'_>,
    ) -> Result<CapturedImage, ProviderError> {
        self.cloud(Call::Capture(id.clone(), spec.clone())).await
    }

    async fn delete_image(&self, id: &ImageId) -> Result<(), ProviderError> {
        self.cloud(Call::DeleteImage(id.clone())).await
    }

    async fn destroy(&self, id: &MachineId) -> Result<(), ProviderError> {
        self.cloud(Call::Destroy(id.clone())).await
    }

    async fn resources(&self) -> Result<Vec<Resource>, ProviderError> {
        self.cloud(Call::Resources).await
    }

    async fn console(&self, _: &MachineId, _: usize) -> Result<Vec<u8>, ProviderError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Registry for Far {
    async fn resolve(
        &self,
        repository: &RepositoryName,
        target: &str,
    ) -> Result<Option<Descriptor>, RegistryError> {
        let call = Call::Resolve(repository.to_string(), target.to_owned());
        self.registry(call).await
    }

    async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Manifest, RegistryError> {
        let call = Call::Manifest(repository.to_string(), digest.clone());
        self.registry(call).await
    }

    async fn blob(
        &self,
        _: &RepositoryName,
        blob: &Descriptor,
        _: u64,
    ) -> Result<Vec<u8>, RegistryError> {
        self.registry(Call::Blob(blob.clone())).await
    }

    async fn download(
        &self,
        _: &RepositoryName,
        blob: &Descriptor,
        to: &Path,
    ) -> Result<(), RegistryError> {
        let bytes: Vec<u8> = self.registry(Call::Blob(blob.clone())).await?;
        std::fs::write(to, bytes).map_err(|error| RegistryError::Local {
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
        let kind = artifact_type.to_owned();
        let call = Call::Referrers(repository.to_string(), subject.clone(), kind);
        self.registry(call).await
    }

    /// The push brings the bytes along.
    async fn upload(&self, _: &RepositoryName, _: &Path, _: &Digest) -> Result<(), RegistryError> {
        Ok(())
    }

    async fn push(
        &self,
        repository: &RepositoryName,
        tag: Option<&str>,
        artifact: &Artifact,
    ) -> Result<Descriptor, RegistryError> {
        let mut layers = Vec::new();
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
            layers.push((layer.media_type.clone(), layer.title.clone(), bytes));
        }
        let pushed = Pushed {
            artifact_type: artifact.artifact_type.clone(),
            config: artifact.config.clone(),
            layers,
            subject: artifact.subject.clone(),
            annotations: artifact.annotations.clone(),
        };
        let tag = tag.map(str::to_owned);
        let call = Call::Push(repository.to_string(), tag, Box::new(pushed));
        self.registry(call).await
    }

    async fn delete(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        Err(RegistryError::Refused {
            what: format!("{repository}@{digest}"),
            message: "a build deletes nothing".to_owned(),
        })
    }
}
