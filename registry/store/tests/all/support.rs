//! A store in a folder that goes away, and short words for its verbs.

use bytes::Bytes;
use futures::TryStreamExt as _;
use registry_pack::{Algorithm, Digest, RepositoryName};
use registry_store::{Blob, NewManifest, Store, StoreConfig, StoreError};
use tempfile::TempDir;

pub(crate) struct Case {
    pub(crate) store: Store,
    pub(crate) config: StoreConfig,
    folder: TempDir,
}

impl Case {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut StoreConfig)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = StoreConfig::new(folder.path());
        change(&mut config);
        let store = Store::open(config.clone()).await.expect("an open store");
        Self {
            store,
            config,
            folder,
        }
    }

    /// The same folder in a new store.
    pub(crate) async fn reopen(self) -> Self {
        self.store.close().await;
        let store = Store::open(self.config.clone())
            .await
            .expect("an open store");
        Self {
            store,
            config: self.config,
            folder: self.folder,
        }
    }

    pub(crate) async fn push(&self, repository: &str, content: &[u8]) -> Blob {
        let digest = Digest::sha256(content);
        let mut upload = self
            .store
            .upload_at_once(&name(repository), Algorithm::Sha256)
            .await
            .expect("an upload");
        upload
            .write(Bytes::copy_from_slice(content))
            .await
            .expect("written");
        upload.finish(&digest).await.expect("a blob")
    }

    pub(crate) async fn read(
        &self,
        repository: &str,
        digest: &Digest,
    ) -> Result<Vec<u8>, StoreError> {
        let blob = self.store.blob(&name(repository), digest).await?;
        let blocks: Vec<Bytes> = self
            .store
            .read(&blob, 0..blob.size_bytes)
            .await?
            .try_collect()
            .await
            .expect("bytes");
        Ok(blocks.concat())
    }

    /// The paths of all files below a folder of the store.
    pub(crate) fn files(&self, folder: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![self.config.data_dir.join(folder)];
        while let Some(path) = open.pop() {
            for entry in std::fs::read_dir(&path).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    let relative = path.strip_prefix(&self.config.data_dir).expect("below");
                    found.push(relative.to_string_lossy().into_owned());
                }
            }
        }
        found.sort();
        found
    }
}

pub(crate) fn name(text: &str) -> RepositoryName {
    text.parse().expect("a name")
}

pub(crate) fn manifest(text: &str, blobs: &[&Blob], tags: &[&str]) -> NewManifest {
    NewManifest {
        digest: Digest::sha256(text.as_bytes()),
        media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
        artifact_type: None,
        subject: None,
        annotations: None,
        blobs: blobs.iter().map(|blob| blob.digest.clone()).collect(),
        optional_blobs: Vec::new(),
        manifests: Vec::new(),
        bytes: Bytes::copy_from_slice(text.as_bytes()),
        tags: tags.iter().map(|tag| tag.parse().expect("a tag")).collect(),
        index: None,
    }
}
