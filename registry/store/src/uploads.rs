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
//! The row never speaks of bytes that are not durable, so its saved hash is the
//! hash of what a restart, or another server, finds. Bytes beyond its offset are
//! cut off again. In an object store each upload has a row, also that of a
//! single request: it is what finds the bytes that a crash leaves.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use registry_pack::{Algorithm, RepositoryName};
use uuid::Uuid;

use crate::content::{Hasher, Held, Journal, Resume, Staged};
use crate::error::{Result, StoreError, cause};
use crate::metadata::{Metadata, UploadRow};
use crate::store::Store;
use crate::upload::Upload;

/// How long clearing one upload away keeps others from it.
const CLEARING: Duration = Duration::from_secs(60);

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
        // A clean-up beside this must not take the staged bytes for somebody's leftovers.
        let _held = Held::take(self, &id)?;
        let inner = &self.inner;
        let row = UploadRow {
            staged_key: inner.content.create(&id).await?,
            offset: 0,
            algorithm,
            hash_state: Hasher::new(algorithm).save(),
        };
        let limit = inner.config.max_uploads;
        let created = inner.metadata.create_upload(repository, &id, &row, limit);
        if let Err(error) = created.await {
            self.discard_staged(&place(row.staged_key)).await;
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
        self.resume_upload(repository, id, false).await
    }

    /// An upload that one request begins and finishes.
    pub async fn upload_at_once(
        &self,
        repository: &RepositoryName,
        algorithm: Algorithm,
    ) -> Result<Upload> {
        let content = &self.inner.content;
        if content.is_shared() {
            let state = self.start_upload(repository, algorithm).await?;
            return self.resume_upload(repository, &state.id, true).await;
        }
        let id = Uuid::new_v4().to_string();
        let held = Held::take(self, &id)?;
        let staged_key = content.create(&id).await?;
        let resume = Resume {
            staged: place(staged_key.clone()),
            offset: None,
            hasher: Hasher::new(algorithm),
            held,
            journal: self.journal(&id, None),
        };
        Ok(Upload {
            store: self.clone(),
            repository: repository.clone(),
            id,
            staged_key,
            saved_offset: None,
            holder: None,
            at_once: true,
            writer: content.resume(resume).await?,
        })
    }

    /// Gives an upload up.
    pub async fn cancel_upload(&self, repository: &RepositoryName, id: &str) -> Result<()> {
        let (held, row) = self.take_upload(repository, id).await?;
        let staged = self.staged(id, row.staged_key).await?;
        self.inner.content.discard(&staged).await?;
        let metadata = &self.inner.metadata;
        metadata.delete_upload(id, held.holder()).await?;
        Ok(())
    }

    /// Clears an upload away that nobody touched since `before`; false when somebody works on it.
    pub(crate) async fn expire_upload(&self, id: &str, key: &str, before: i64) -> Result<bool> {
        let Ok(_held) = Held::take(self, id) else {
            return Ok(false);
        };
        let (metadata, holder) = (&self.inner.metadata, Uuid::new_v4().to_string());
        if !metadata
            .hold_stale_upload(id, &holder, before, CLEARING)
            .await?
        {
            return Ok(false);
        }
        // The row goes last: it is what finds the rest.
        let staged = self.staged(id, key.to_owned()).await?;
        self.inner.content.discard(&staged).await?;
        metadata.delete_upload(id, Some(&holder)).await
    }

    async fn resume_upload(
        &self,
        repository: &RepositoryName,
        id: &str,
        at_once: bool,
    ) -> Result<Upload> {
        let (held, row) = self.take_upload(repository, id).await?;
        let inner = &self.inner;
        let staged = self.staged(id, row.staged_key.clone()).await?;
        let holder = held.holder().map(str::to_owned);
        let resume = Resume {
            staged: staged.clone(),
            offset: Some(row.offset),
            hasher: Hasher::restore(row.algorithm, &row.hash_state)?,
            held,
            journal: self.journal(id, holder.clone()),
        };
        let writer = match inner.content.resume(resume).await {
            Ok(writer) => writer,
            Err(error) if is_lost(&error) => {
                warn_lost(id, &error);
                self.discard_staged(&staged).await;
                // The hold went with what was resumed; its row may or may not say so yet.
                if !inner.metadata.delete_upload(id, holder.as_deref()).await? {
                    inner.metadata.delete_upload(id, None).await?;
                }
                return Err(StoreError::UploadUnknown { id: id.to_owned() });
            }
            Err(error) => return Err(error),
        };
        Ok(Upload {
            store: self.clone(),
            repository: repository.clone(),
            id: id.to_owned(),
            staged_key: row.staged_key,
            saved_offset: Some(row.offset),
            holder,
            at_once,
            writer,
        })
    }

    /// Where the bytes of an upload are.
    async fn staged(&self, id: &str, key: String) -> Result<Staged> {
        match self.inner.content.is_shared() {
            true => self.inner.metadata.staged(id, &key).await,
            false => Ok(place(key)),
        }
    }

    fn journal(&self, id: &str, holder: Option<String>) -> Arc<dyn Journal> {
        Arc::new(Rows {
            metadata: self.inner.metadata.clone(),
            id: id.to_owned(),
            holder,
        })
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

    pub(crate) async fn discard_staged(&self, staged: &Staged) {
        if let Err(error) = self.inner.content.discard(staged).await {
            let error = cause(&error);
            tracing::warn!(error, "staged bytes stay until the next clean-up");
        }
    }
}

/// All that there is to say of an upload in a folder.
pub(crate) fn place(key: String) -> Staged {
    Staged {
        key,
        ..Staged::default()
    }
}

/// Notes in the upload's row.
struct Rows {
    metadata: Metadata,
    id: String,
    holder: Option<String>,
}

#[async_trait]
impl Journal for Rows {
    async fn multipart(&self, multipart: &str) -> Result<()> {
        let (id, holder) = (&self.id, self.holder.as_deref());
        match self.metadata.save_multipart(id, holder, multipart).await? {
            true => Ok(()),
            false => Err(StoreError::UploadUnknown { id: id.clone() }),
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

/// A power failure may take the file of an upload whose row stayed; a bucket may have rules of its
/// own for what is not finished.
fn is_lost(error: &StoreError) -> bool {
    match error {
        StoreError::Damaged { .. } => true,
        StoreError::Io { source, .. } => source.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}
