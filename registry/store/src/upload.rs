//! One request's work on an upload: take bytes, then suspend, finish or throw away.
//!
//! An upload that is dropped in between leaves what its row says, and no more.

use bytes::Bytes;
use registry_pack::{Digest, RepositoryName};

use crate::blobs::Blob;
use crate::content::{ContentWriter, Suspended};
use crate::error::{Result, StoreError, cause};
use crate::metadata::{self, DigestClaim, UploadRow};
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
    /// The token that saving and closing the upload name.
    pub(crate) holder: Option<String>,
    /// No other request follows: what does not become a blob is thrown away.
    pub(crate) at_once: bool,
    pub(crate) writer: Box<dyn ContentWriter>,
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
        let state = self.writer.suspend().await?;
        if !self.save(&state).await? {
            return Err(StoreError::UploadUnknown { id: self.id });
        }
        self.writer.keep().await;
        Ok(UploadState {
            id: self.id,
            offset: state.offset,
        })
    }

    /// Verifies the content and makes it a blob of the repository, durably.
    ///
    /// Content with another digest is thrown away together with the upload.
    pub async fn finish(mut self, claimed: &Digest) -> Result<Blob> {
        let error = match self.make_blob(claimed).await {
            Ok(blob) => {
                self.writer.keep().await;
                return Ok(blob);
            }
            Err(error) => error,
        };
        match error {
            StoreError::DigestMismatch { .. } => self.discard().await?,
            // What was kept of it is no longer what it was: there is nothing to go on with.
            StoreError::Damaged { .. } => {
                let id = self.id.clone();
                self.discard().await?;
                return Err(StoreError::UploadUnknown { id });
            }
            _ => self.abandon().await,
        }
        Err(error)
    }

    /// Throws the upload away.
    pub async fn discard(mut self) -> Result<()> {
        // The row goes last: in an object store it is what finds the rest.
        self.writer.discard().await?;
        if self.saved_offset.is_some() {
            let metadata = &self.store.inner.metadata;
            let holder = self.holder.as_deref();
            metadata.delete_upload(&self.id, holder).await?;
        }
        Ok(())
    }

    /// Forgets what this request wrote; the upload stays as it was before.
    pub async fn abandon(mut self) {
        if !self.at_once {
            return self.writer.abandon().await;
        }
        let id = self.id.clone();
        if let Err(error) = self.discard().await {
            let error = cause(&error);
            tracing::warn!(error, id, "an upload stays until the next clean-up");
        }
    }

    async fn make_blob(&mut self, claimed: &Digest) -> Result<Blob> {
        let actual = self.writer.digest(claimed.algorithm()).await?;
        if actual != *claimed {
            return Err(StoreError::DigestMismatch {
                claimed: claimed.clone(),
                actual,
            });
        }
        self.writer.seal().await?;
        let size_bytes = self.writer.offset();
        let store = self.store.clone();
        let mut claim = store.inner.metadata.claim(claimed).await?;
        let published = self.writer.publish(claimed).await?;
        let recorded = self.record(&mut claim, claimed, size_bytes, &published);
        let object_key = match recorded.await {
            Ok(key) => key,
            Err(error) => {
                self.take_back(&mut claim, &published).await;
                return Err(error);
            }
        };
        if object_key != published {
            // Somebody else's push of the same content came first.
            self.take_back(&mut claim, &published).await;
        }
        Ok(Blob {
            digest: claimed.clone(),
            size_bytes,
            object_key,
        })
    }

    async fn save(&mut self, state: &Suspended) -> Result<bool> {
        let Some(saved_offset) = self.saved_offset else {
            return Ok(false);
        };
        let inner = &self.store.inner;
        let (id, holder) = (&self.id, self.holder.as_deref());
        if inner.content.is_shared() {
            let metadata = &inner.metadata;
            return metadata
                .save_object_upload(id, holder, saved_offset, state)
                .await;
        }
        let row = UploadRow {
            staged_key: self.staged_key.clone(),
            offset: state.offset,
            algorithm: state.algorithm,
            hash_state: state.hash_state.clone(),
        };
        inner
            .metadata
            .save_upload(id, holder, saved_offset, &row)
            .await
    }

    /// One transaction; the key of the object that the blob has now.
    async fn record(
        &mut self,
        claim: &mut DigestClaim<'_>,
        digest: &Digest,
        size_bytes: u64,
        object_key: &str,
    ) -> Result<String> {
        let size = i64::try_from(size_bytes).map_err(|_| StoreError::TooLarge {
            limit_bytes: i64::MAX as u64,
        })?;
        let mut transaction = claim.begin().await?;
        let repository = metadata::share_repository(&mut transaction, &self.repository).await?;
        let (blob, kept_key) =
            metadata::ensure_blob(&mut transaction, digest, size, object_key).await?;
        let lease = self.store.inner.config.lease;
        metadata::link_blob(&mut transaction, repository, blob, lease).await?;
        if self.saved_offset.is_some() {
            let holder = self.holder.as_deref();
            metadata::close_upload(&mut transaction, &self.id, holder).await?;
        }
        transaction.commit().await?;
        Ok(kept_key)
    }

    /// Removes bytes that were published and are not needed, if no row names them.
    async fn take_back(&self, claim: &mut DigestClaim<'_>, object_key: &str) {
        if let Err(error) = self.try_take_back(claim, object_key).await {
            let error = cause(&error);
            tracing::warn!(error, object_key, "bytes without a row stay in the store");
        }
    }

    async fn try_take_back(&self, claim: &mut DigestClaim<'_>, object_key: &str) -> Result<()> {
        claim.again().await?;
        let inner = &self.store.inner;
        match inner.metadata.is_in_use(object_key).await? {
            true => Ok(()),
            false => inner.content.remove(object_key).await,
        }
    }
}
