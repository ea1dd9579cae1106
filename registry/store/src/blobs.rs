//! Look at, read, mount and delete blobs. A repository sees only what it holds.

use std::ops::Range;

use futures::TryStreamExt as _;
use registry_pack::{Digest, RepositoryName};

use crate::content::BlobReader;
use crate::error::{Result, StoreError};
use crate::metadata::{self, BlobRow, retry};
use crate::store::Store;

/// A blob that a repository holds.
#[derive(Clone, Debug)]
pub struct Blob {
    /// Its digest.
    pub digest: Digest,
    /// Its size.
    pub size_bytes: u64,
    pub(crate) object_key: String,
}

impl Blob {
    pub(crate) fn from_row(digest: &Digest, row: BlobRow) -> Result<Self> {
        let size_bytes = u64::try_from(row.size_bytes).map_err(|_| StoreError::Damaged {
            what: format!("the size of {digest}"),
        })?;
        Ok(Self {
            digest: digest.clone(),
            size_bytes,
            object_key: row.object_key,
        })
    }
}

impl Store {
    /// The blob, when the repository holds it.
    pub async fn blob(&self, repository: &RepositoryName, digest: &Digest) -> Result<Blob> {
        let cache = &self.inner.cache;
        if let Some(blob) = cache.blob(repository, digest).await {
            return Ok(blob);
        }
        let quiet = cache.quiet(repository);
        let row = self.inner.metadata.blob(repository, digest).await?;
        let blob = match row {
            Some(row) => Blob::from_row(digest, row)?,
            None => return Err(StoreError::blob_unknown(repository, digest)),
        };
        if let Some(quiet) = quiet {
            cache.remember_blob(repository, quiet, blob.clone()).await;
        }
        Ok(blob)
    }

    /// The blob, when the repository holds it; it is held for another while, so that whoever
    /// asked may go on to name it in a manifest.
    pub async fn keep_blob(&self, repository: &RepositoryName, digest: &Digest) -> Result<Blob> {
        let inner = &self.inner;
        let kept = || {
            inner
                .metadata
                .keep_blob(repository, digest, inner.config.lease)
        };
        match retry(kept).await? {
            Some(row) => Blob::from_row(digest, row),
            None => Err(StoreError::blob_unknown(repository, digest)),
        }
    }

    /// The bytes of a blob, or of a range of it, as a stream of large blocks.
    pub async fn read(&self, blob: &Blob, range: Range<u64>) -> Result<BlobReader> {
        let end = range.end.min(blob.size_bytes);
        let range = range.start.min(end)..end;
        self.inner.content.read(&blob.object_key, range).await
    }

    /// A blob for code that reads with blocking calls.
    pub async fn open_blocking(&self, blob: &Blob) -> Result<Box<dyn std::io::Read + Send>> {
        self.inner.content.read_blocking(&blob.object_key).await
    }

    /// The whole of a small blob; refuses a larger one.
    pub async fn read_small(&self, blob: &Blob, limit_bytes: u64) -> Result<bytes::Bytes> {
        if blob.size_bytes > limit_bytes {
            return Err(StoreError::TooLarge { limit_bytes });
        }
        let reader = self.read(blob, 0..blob.size_bytes).await?;
        let frames: Vec<bytes::Bytes> =
            reader
                .try_collect()
                .await
                .map_err(|source| StoreError::Io {
                    what: "read the object",
                    path: blob.object_key.as_str().into(),
                    source,
                })?;
        Ok(frames.concat().into())
    }

    /// An address from which anybody can read the blob for some minutes, where the store has such.
    pub async fn link(&self, blob: &Blob) -> Result<Option<String>> {
        self.inner.content.link(&blob.object_key).await
    }

    /// Gives a repository the right to a blob that another one holds; false when that does not.
    pub async fn mount(
        &self,
        repository: &RepositoryName,
        from: &RepositoryName,
        digest: &Digest,
    ) -> Result<bool> {
        retry(|| self.try_mount(repository, from, digest)).await
    }

    async fn try_mount(
        &self,
        repository: &RepositoryName,
        from: &RepositoryName,
        digest: &Digest,
    ) -> Result<bool> {
        let inner = &self.inner;
        let mut transaction = inner.metadata.begin().await?;
        let id = metadata::share_repository(&mut transaction, repository).await?;
        let Some(row) = metadata::held_blob(&mut transaction, from, digest).await? else {
            return Ok(false);
        };
        metadata::link_blob(&mut transaction, id, row.id, inner.config.lease).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Some repositories that hold a blob, for a mount that names none.
    pub async fn holders(&self, digest: &Digest, limit: u32) -> Result<Vec<String>> {
        self.inner.metadata.holders(digest, limit).await
    }

    /// Takes a repository's right to a blob away. The bytes stay until nobody has it and the
    /// grace period of [`Store::collect`] is over.
    pub async fn delete_blob(&self, repository: &RepositoryName, digest: &Digest) -> Result<()> {
        let _writing = self.inner.cache.writing(repository);
        retry(|| async {
            let mut transaction = self.inner.metadata.begin().await?;
            metadata::unlink_blob(&mut transaction, repository, digest).await?;
            transaction.commit().await
        })
        .await
    }
}
