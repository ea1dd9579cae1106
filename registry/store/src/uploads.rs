//! Uploads: begun, continued by any request, finished or given up.
//!
//! The state of an upload, drawn:
//!
//! ```text
//! start ──► open (row, offset 0) ──► continue: bytes staged, hashed ──► suspend: synced, row saved
//!                ▲                                   │                        │
//!                └───────────────────────────────────┼────────────────────────┘
//!                                                    ▼
//!                              finish: digest verified, synced, published, one transaction
//! ```
//!
//! The row never speaks of bytes that are not on the disk, so its saved hash is
//! the hash of what a restart finds. Bytes beyond its offset are cut off again.

use bytes::Bytes;
use registry_pack::{Algorithm, Digest, RepositoryName};
use uuid::Uuid;

use crate::blobs::{Blob, lease};
use crate::error::{Result, StoreError, cause};
use crate::filesystem::Filesystem;
use crate::hasher::Hasher;
use crate::metadata::{self, UploadRow};
use crate::staged::{Part, StagedWriter, blocking};
use crate::store::Store;

/// An open upload as its client sees it.
#[derive(Clone, Debug)]
pub struct UploadState {
    /// Its id.
    pub id: String,
    /// How many bytes are kept, durably.
    pub offset: u64,
}

/// An upload that this request writes to; no other request may meanwhile.
pub struct Upload {
    store: Store,
    repository: RepositoryName,
    id: String,
    staged_key: String,
    /// What the row says, if there is one.
    saved_offset: Option<u64>,
    writer: StagedWriter,
    _claim: Claim,
}

impl Store {
    /// Opens an upload that may take several requests.
    pub async fn start_upload(
        &self,
        repository: &RepositoryName,
        algorithm: Algorithm,
    ) -> Result<UploadState> {
        let id = Uuid::new_v4().to_string();
        let staged_key = Filesystem::staged_key(&id);
        let (files, key) = (self.inner.files.clone(), staged_key.clone());
        blocking(move || files.create_staged(&key)).await?;
        let hash_state = Hasher::new(algorithm).save();
        let row = UploadRow {
            staged_key,
            offset: 0,
            algorithm,
            hash_state,
        };
        let limit = self.inner.config.max_uploads;
        if let Err(error) = self
            .inner
            .metadata
            .create_upload(repository, &id, &row, limit)
            .await
        {
            self.remove_staged(&row.staged_key).await;
            return Err(error);
        }
        Ok(UploadState { id, offset: 0 })
    }

    /// How far an upload got.
    pub async fn upload(&self, repository: &RepositoryName, id: &str) -> Result<UploadState> {
        let row = self.upload_row(repository, id).await?;
        Ok(UploadState {
            id: id.to_owned(),
            offset: row.offset,
        })
    }

    /// Takes an upload up where it stands.
    pub async fn continue_upload(&self, repository: &RepositoryName, id: &str) -> Result<Upload> {
        let claim = Claim::take(self, id)?;
        let row = self.upload_row(repository, id).await?;
        let hasher = Hasher::restore(row.algorithm, &row.hash_state)?;
        let path = self.inner.files.path(&row.staged_key);
        let (files, key, offset) = (self.inner.files.clone(), row.staged_key.clone(), row.offset);
        let file = match blocking(move || files.reopen_staged(&key, offset)).await {
            Ok(file) => file,
            Err(error) if is_lost(&error) => {
                tracing::warn!(
                    error = cause(&error),
                    id,
                    "the staged bytes of an upload are lost; it starts anew"
                );
                self.inner.metadata.delete_upload(id).await?;
                self.remove_staged(&row.staged_key).await;
                return Err(StoreError::UploadUnknown { id: id.to_owned() });
            }
            Err(error) => return Err(error),
        };
        Ok(Upload {
            store: self.clone(),
            repository: repository.clone(),
            id: id.to_owned(),
            staged_key: row.staged_key,
            saved_offset: Some(offset),
            writer: StagedWriter::new(Part {
                file,
                path,
                hasher,
                offset,
            }),
            _claim: claim,
        })
    }

    /// An upload that one request begins and finishes; it leaves no row.
    pub async fn upload_at_once(
        &self,
        repository: &RepositoryName,
        algorithm: Algorithm,
    ) -> Result<Upload> {
        let id = Uuid::new_v4().to_string();
        let claim = Claim::take(self, &id)?;
        let staged_key = Filesystem::staged_key(&id);
        let path = self.inner.files.path(&staged_key);
        let (files, key) = (self.inner.files.clone(), staged_key.clone());
        let file = blocking(move || files.create_staged(&key)).await?;
        let hasher = Hasher::new(algorithm);
        Ok(Upload {
            store: self.clone(),
            repository: repository.clone(),
            id,
            staged_key,
            saved_offset: None,
            writer: StagedWriter::new(Part {
                file,
                path,
                hasher,
                offset: 0,
            }),
            _claim: claim,
        })
    }

    /// Gives an upload up.
    pub async fn cancel_upload(&self, repository: &RepositoryName, id: &str) -> Result<()> {
        let _claim = Claim::take(self, id)?;
        let row = self.upload_row(repository, id).await?;
        self.inner.metadata.delete_upload(id).await?;
        self.remove_staged(&row.staged_key).await;
        Ok(())
    }

    async fn upload_row(&self, repository: &RepositoryName, id: &str) -> Result<UploadRow> {
        let row = self.inner.metadata.upload(repository, id).await?;
        row.ok_or_else(|| StoreError::UploadUnknown { id: id.to_owned() })
    }

    pub(crate) async fn remove_staged(&self, key: &str) {
        let (files, key) = (self.inner.files.clone(), key.to_owned());
        if let Err(error) = blocking(move || files.remove(&key)).await {
            tracing::warn!(
                error = cause(&error),
                "a staged file stays until the next clean-up"
            );
        }
    }
}

impl Upload {
    /// Where the next byte goes.
    pub fn offset(&self) -> u64 {
        self.writer.offset()
    }

    /// Takes bytes of the body; refuses more than the store's largest blob.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let limit_bytes = self.store.inner.config.max_blob_bytes;
        if self.offset().saturating_add(bytes.len() as u64) > limit_bytes {
            return Err(StoreError::TooLarge { limit_bytes });
        }
        self.writer.write(bytes).await
    }

    /// Makes what came so far durable and leaves the upload open.
    pub async fn suspend(mut self) -> Result<UploadState> {
        let Some(saved_offset) = self.saved_offset else {
            return Err(StoreError::UploadUnknown { id: self.id });
        };
        self.writer.sync().await?;
        let (algorithm, hash_state, offset) = self.writer.state().await?;
        let metadata = &self.store.inner.metadata;
        if metadata
            .save_upload(&self.id, saved_offset, offset, algorithm, &hash_state)
            .await?
        {
            Ok(UploadState {
                id: self.id,
                offset,
            })
        } else {
            Err(StoreError::UploadUnknown { id: self.id })
        }
    }

    /// Hashes with the digest's algorithm, if that is still free to choose.
    pub fn expect(&mut self, digest: &Digest) {
        self.writer.use_algorithm(digest.algorithm());
    }

    /// Verifies the content and makes it a blob of the repository, durably.
    ///
    /// Content with another digest is thrown away together with the upload.
    pub async fn finish(mut self, claimed: &Digest) -> Result<Blob> {
        let actual = self.writer.digest(claimed.algorithm()).await?;
        if actual != *claimed {
            self.discard().await?;
            return Err(StoreError::DigestMismatch {
                claimed: claimed.clone(),
                actual,
            });
        }
        self.writer.sync().await?;
        let size_bytes = self.writer.offset();
        let inner = &self.store.inner;
        let _lock = inner.lock_digest(claimed).await;
        let (files, staged_key, digest) = (
            inner.files.clone(),
            self.staged_key.clone(),
            claimed.clone(),
        );
        let object_key = blocking(move || files.publish(&staged_key, &digest)).await?;
        self.record(claimed, size_bytes, &object_key).await?;
        Ok(Blob {
            digest: claimed.clone(),
            size_bytes,
            object_key,
        })
    }

    /// Throws the upload away.
    pub async fn discard(self) -> Result<()> {
        if self.saved_offset.is_some() {
            self.store.inner.metadata.delete_upload(&self.id).await?;
        }
        self.store.remove_staged(&self.staged_key).await;
        Ok(())
    }

    async fn record(&self, digest: &Digest, size_bytes: u64, object_key: &str) -> Result<()> {
        let inner = &self.store.inner;
        let size = i64::try_from(size_bytes).map_err(|_| StoreError::TooLarge {
            limit_bytes: i64::MAX as u64,
        })?;
        let mut transaction = inner.metadata.begin().await?;
        let repository = metadata::ensure_repository(&mut transaction, &self.repository).await?;
        let blob = metadata::ensure_blob(&mut transaction, digest, size, object_key).await?;
        metadata::link_blob(
            &mut transaction,
            repository,
            blob,
            lease(inner.config.lease),
        )
        .await?;
        if self.saved_offset.is_some() {
            metadata::close_upload(&mut transaction, &self.id).await?;
        }
        metadata::commit(transaction).await
    }
}

/// A power failure may take the file of an upload whose row stayed.
fn is_lost(error: &StoreError) -> bool {
    match error {
        StoreError::Damaged { .. } => true,
        StoreError::Io { source, .. } => source.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}

/// One request at a time works on an upload; the claim goes with it.
struct Claim {
    store: Store,
    id: String,
}

impl Claim {
    fn take(store: &Store, id: &str) -> Result<Self> {
        let mut busy = store
            .inner
            .busy
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if !busy.insert(id.to_owned()) {
            return Err(StoreError::UploadBusy { id: id.to_owned() });
        }
        Ok(Self {
            store: store.clone(),
            id: id.to_owned(),
        })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut busy = self
            .store
            .inner
            .busy
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        busy.remove(&self.id);
    }
}
