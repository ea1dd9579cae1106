//! One blob: read, hashed, and if it is not what it should be, marked and moved aside.

use std::io;

use futures::TryStreamExt as _;
use registry_pack::Digest;

use super::{Damage, Fault, Pace};
use crate::blobs::Blob;
use crate::content::{Hasher, blocking};
use crate::error::{Result, StoreError};
use crate::metadata::{self, StoredBlob};
use crate::store::Store;

impl Store {
    /// Reads a blob; nothing if it is as it should be.
    pub(super) async fn check(&self, row: &StoredBlob, pace: &mut Pace) -> Result<Option<Damage>> {
        let digest = metadata::parse_digest(&row.digest)?;
        let size_bytes = u64::try_from(row.size_bytes).map_err(|_| StoreError::Damaged {
            what: format!("the size of {digest}"),
        })?;
        let blob = Blob {
            digest,
            size_bytes,
            object_key: row.object_key.clone(),
        };
        if self.look(&blob, pace).await?.is_none() {
            return Ok(None);
        }
        // Meanwhile it may have been removed, or pushed again: look once more, and let nobody in.
        let _claim = self.inner.metadata.claim(&blob.digest).await?;
        let Some(row) = self
            .inner
            .metadata
            .stored_blob(row.id, &row.object_key)
            .await?
        else {
            return Ok(None);
        };
        let Some(fault) = self.look(&blob, pace).await? else {
            return Ok(None);
        };
        self.condemn(row.id, blob, fault).await.map(Some)
    }

    /// Takes a blob out of use. The row first: a reader then gets an answer and no error.
    async fn condemn(&self, id: i64, blob: Blob, fault: Fault) -> Result<Damage> {
        let inner = &self.inner;
        let hit = inner.metadata.hits(id).await?;
        let names: Vec<_> = hit
            .iter()
            .filter_map(|hit| hit.repository.parse().ok())
            .collect();
        {
            let _writing: Vec<_> = names.iter().map(|name| inner.cache.writing(name)).collect();
            inner.metadata.mark_damaged(id, &blob.object_key).await?;
        }
        let quarantined = match fault {
            // What cannot be read cannot be moved with any sense either.
            Fault::Missing | Fault::Unreadable => None,
            Fault::Truncated | Fault::Changed => inner.content.quarantine(&blob.object_key).await?,
        };
        tracing::error!(
            digest = %blob.digest, ?fault, repositories = hit.len(),
            "a stored blob is damaged and no longer given out"
        );
        Ok(Damage {
            digest: blob.digest,
            size_bytes: blob.size_bytes,
            fault: Some(fault),
            quarantined,
            hit,
        })
    }

    async fn look(&self, blob: &Blob, pace: &mut Pace) -> Result<Option<Fault>> {
        match self.digest_of(blob, pace).await {
            Ok(digest) if digest == blob.digest => Ok(None),
            Ok(_) => Ok(Some(Fault::Changed)),
            Err(error) => fault(error).map(Some),
        }
    }

    async fn digest_of(&self, blob: &Blob, pace: &mut Pace) -> Result<Digest> {
        let mut frames = self.read(blob, 0..blob.size_bytes).await?;
        let mut hasher = Hasher::new(blob.digest.algorithm());
        let failed = |source| StoreError::Io {
            what: "read the object",
            path: blob.object_key.as_str().into(),
            source,
        };
        while let Some(frame) = frames.try_next().await.map_err(failed)? {
            pace.read(frame.len()).await;
            hasher = blocking(move || {
                hasher.update(&frame);
                hasher
            })
            .await;
        }
        Ok(hasher.digest())
    }
}

/// What an error says of the blob; an error of the store as a whole ends the check.
fn fault(error: StoreError) -> Result<Fault> {
    const EIO: i32 = rustix::io::Errno::IO.raw_os_error();
    match &error {
        StoreError::Remote { source, .. } => match **source {
            object_store::Error::NotFound { .. } => Ok(Fault::Missing),
            _ => Err(error),
        },
        StoreError::Io { source, .. } => match source.kind() {
            io::ErrorKind::NotFound => Ok(Fault::Missing),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => Ok(Fault::Truncated),
            _ if source.raw_os_error() == Some(EIO) => Ok(Fault::Unreadable),
            _ => Err(error),
        },
        _ => Err(error),
    }
}
