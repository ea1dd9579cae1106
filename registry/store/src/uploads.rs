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

use std::fs::File;

use registry_pack::{Algorithm, RepositoryName};
use uuid::Uuid;

use crate::error::{Result, StoreError, cause};
use crate::filesystem::Filesystem;
use crate::hasher::Hasher;
use crate::held::{Held, Keep};
use crate::metadata::UploadRow;
use crate::staged::{Part, StagedWriter, blocking};
use crate::store::Store;
use crate::upload::Upload;

/// An open upload as its client sees it.
#[derive(Clone, Debug)]
pub struct UploadState {
    /// Its id.
    pub id: String,
    /// How many bytes are kept, durably.
    pub offset: u64,
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
        let (held, row) = self.take_upload(repository, id).await?;
        let hasher = Hasher::restore(row.algorithm, &row.hash_state)?;
        let (files, key, offset) = (self.inner.files.clone(), row.staged_key.clone(), row.offset);
        let file = match blocking(move || files.reopen_staged(&key, offset)).await {
            Ok(file) => file,
            Err(error) if is_lost(&error) => {
                warn_lost(id, &error);
                let metadata = &self.inner.metadata;
                metadata.delete_upload(id, held.holder()).await?;
                self.remove_staged(&row.staged_key).await;
                return Err(StoreError::UploadUnknown { id: id.to_owned() });
            }
            Err(error) => return Err(error),
        };
        Ok(self.writing(repository, row.staged_key, Some(offset), file, hasher, held))
    }

    /// An upload that one request begins and finishes; it leaves no row.
    pub async fn upload_at_once(
        &self,
        repository: &RepositoryName,
        algorithm: Algorithm,
    ) -> Result<Upload> {
        let id = Uuid::new_v4().to_string();
        let held = Held::take(self, &id)?;
        let staged_key = Filesystem::staged_key(&id);
        let (files, key) = (self.inner.files.clone(), staged_key.clone());
        let file = blocking(move || files.create_staged(&key)).await?;
        Ok(self.writing(
            repository,
            staged_key,
            None,
            file,
            Hasher::new(algorithm),
            held,
        ))
    }

    /// Gives an upload up.
    pub async fn cancel_upload(&self, repository: &RepositoryName, id: &str) -> Result<()> {
        let (held, row) = self.take_upload(repository, id).await?;
        let metadata = &self.inner.metadata;
        metadata.delete_upload(id, held.holder()).await?;
        self.remove_staged(&row.staged_key).await;
        Ok(())
    }

    fn writing(
        &self,
        repository: &RepositoryName,
        staged_key: String,
        saved_offset: Option<u64>,
        file: File,
        hasher: Hasher,
        mut held: Held,
    ) -> Upload {
        held.writes(&staged_key, saved_offset.map_or(Keep::Nothing, Keep::UpTo));
        let path = self.inner.files.path(&staged_key);
        let (id, offset) = (held.id().to_owned(), saved_offset.unwrap_or(0));
        Upload {
            store: self.clone(),
            repository: repository.clone(),
            id,
            staged_key,
            saved_offset,
            writer: StagedWriter::new(Part {
                file,
                path,
                hasher,
                offset,
                held,
            }),
        }
    }

    /// Takes an upload for one request, among those of all servers.
    async fn take_upload(
        &self,
        repository: &RepositoryName,
        id: &str,
    ) -> Result<(Held, UploadRow)> {
        let mut held = Held::take(self, id)?;
        let (row, hold) = self.inner.metadata.hold_upload(repository, id).await?;
        held.also(hold);
        Ok((held, row))
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

fn warn_lost(id: &str, error: &StoreError) {
    let error = cause(error);
    tracing::warn!(
        error,
        id,
        "the staged bytes of an upload are lost; it starts anew"
    );
}

/// A power failure may take the file of an upload whose row stayed.
fn is_lost(error: &StoreError) -> bool {
    match error {
        StoreError::Damaged { .. } => true,
        StoreError::Io { source, .. } => source.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}
