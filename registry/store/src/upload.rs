//! One request's work on an upload: take bytes, then suspend, finish or throw away.
//!
//! An upload that is dropped in between leaves what its row says, and no more.

use bytes::Bytes;
use registry_pack::{Digest, RepositoryName};

use crate::blobs::Blob;
use crate::error::{Result, StoreError, cause};
use crate::held::Keep;
use crate::metadata::{self, DigestClaim, UploadRow};
use crate::staged::{StagedWriter, blocking};
use crate::store::Store;
use crate::uploads::UploadState;

/// An upload that this request writes to; no other request may meanwhile.
pub struct Upload {
    pub(crate) store: Store,
    pub(crate) repository: RepositoryName,
    pub(crate) id: String,
    pub(crate) staged_key: String,
    /// What the row says, if there is one.
    pub(crate) saved_offset: Option<u64>,
    pub(crate) writer: StagedWriter,
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

    /// Hashes with the digest's algorithm, if that is still free to choose.
    pub fn expect(&mut self, digest: &Digest) {
        self.writer.use_algorithm(digest.algorithm());
    }

    /// Makes what came so far durable and leaves the upload open.
    pub async fn suspend(mut self) -> Result<UploadState> {
        let Some(saved_offset) = self.saved_offset else {
            return Err(StoreError::UploadUnknown { id: self.id });
        };
        self.writer.sync().await?;
        let part = self.writer.written().await?;
        let offset = part.offset;
        let row = UploadRow {
            staged_key: self.staged_key.clone(),
            offset,
            algorithm: part.hasher.algorithm(),
            hash_state: part.hasher.save(),
        };
        let metadata = &self.store.inner.metadata;
        if !metadata
            .save_upload(&self.id, part.held.holder(), saved_offset, &row)
            .await?
        {
            return Err(StoreError::UploadUnknown { id: self.id });
        }
        part.held.keep(Keep::Everything);
        Ok(UploadState {
            id: self.id,
            offset,
        })
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
        let store = self.store.clone();
        let inner = &store.inner;
        let mut claim = inner.metadata.claim(claimed).await?;
        let (files, staged_key, digest) = (
            inner.files.clone(),
            self.staged_key.clone(),
            claimed.clone(),
        );
        let object_key = blocking(move || files.publish(&staged_key, &digest)).await?;
        self.writer.written().await?.held.keep(Keep::Everything);
        let recorded = self.record(&mut claim, claimed, size_bytes, &object_key);
        if let Err(error) = recorded.await {
            self.take_back(&mut claim, claimed, &object_key).await;
            return Err(error);
        }
        Ok(Blob {
            digest: claimed.clone(),
            size_bytes,
            object_key,
        })
    }

    /// Throws the upload away.
    pub async fn discard(mut self) -> Result<()> {
        if self.saved_offset.is_some() {
            let part = self.writer.written().await?;
            let metadata = &self.store.inner.metadata;
            metadata.delete_upload(&self.id, part.held.holder()).await?;
        }
        if let Ok(part) = self.writer.written().await {
            part.held.keep(Keep::Nothing);
        }
        self.writer.stop().await;
        Ok(())
    }

    /// Forgets what this request wrote; the upload stays as it was before.
    pub async fn abandon(self) {
        self.writer.stop().await;
    }

    async fn record(
        &mut self,
        claim: &mut DigestClaim<'_>,
        digest: &Digest,
        size_bytes: u64,
        object_key: &str,
    ) -> Result<()> {
        let size = i64::try_from(size_bytes).map_err(|_| StoreError::TooLarge {
            limit_bytes: i64::MAX as u64,
        })?;
        let part = self.writer.written().await?;
        let mut transaction = claim.begin().await?;
        let repository = metadata::share_repository(&mut transaction, &self.repository).await?;
        let blob = metadata::ensure_blob(&mut transaction, digest, size, object_key).await?;
        let lease = self.store.inner.config.lease;
        metadata::link_blob(&mut transaction, repository, blob, lease).await?;
        if self.saved_offset.is_some() {
            metadata::close_upload(&mut transaction, &self.id, part.held.holder()).await?;
        }
        transaction.commit().await
    }

    /// Removes bytes that were published and could not be recorded, if no row names them.
    async fn take_back(&self, claim: &mut DigestClaim<'_>, digest: &Digest, object_key: &str) {
        if let Err(error) = self.try_take_back(claim, digest, object_key).await {
            tracing::warn!(error = cause(&error), %digest, "bytes without a row stay in the store");
        }
    }

    async fn try_take_back(
        &self,
        claim: &mut DigestClaim<'_>,
        digest: &Digest,
        object_key: &str,
    ) -> Result<()> {
        claim.again().await?;
        let inner = &self.store.inner;
        if inner.metadata.blob_exists(digest).await? {
            return Ok(());
        }
        let (files, key) = (inner.files.clone(), object_key.to_owned());
        blocking(move || files.remove(&key)).await
    }
}
