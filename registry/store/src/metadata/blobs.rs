//! Blobs, and which repository has a right to them.

use std::collections::BTreeSet;
use std::time::Duration;

use registry_pack::{Digest, RepositoryName};

use super::{Metadata, Transaction, milliseconds, now, statements, values};
use crate::error::{Result, StoreError};

statements! {
    HELD: "look up a blob" =
        "SELECT b.id, b.size_bytes, b.object_key FROM blobs b
         JOIN repository_blobs rb ON rb.blob_id = b.id
         JOIN repositories r ON r.id = rb.repository_id
         WHERE b.digest = $1 AND r.name = $2 AND b.damaged_at IS NULL";
    LINKED: "look up a blob" =
        "SELECT b.id, b.size_bytes, b.object_key FROM blobs b
         JOIN repository_blobs rb ON rb.blob_id = b.id
         JOIN repositories r ON r.id = rb.repository_id
         WHERE b.digest = $1 AND r.name = $2";
    HOLDERS: "look for a blob's repositories" =
        "SELECT r.name FROM blobs b
         JOIN repository_blobs rb ON rb.blob_id = b.id
         JOIN repositories r ON r.id = rb.repository_id
         WHERE b.digest = $1 ORDER BY rb.repository_id LIMIT $2";
    ENSURE: "record a blob" =
        "INSERT INTO blobs (digest, size_bytes, object_key, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (digest) DO UPDATE SET released_at = NULL, damaged_at = NULL,
             object_key = CASE WHEN blobs.damaged_at IS NULL THEN blobs.object_key
                               ELSE excluded.object_key END
         RETURNING id, object_key";
    SHARE: "lock a blob" = "SELECT id FROM blobs WHERE digest = $1" for_key_share;
    TAKE: "lock a blob" = "SELECT id FROM blobs WHERE digest = $1" for_update;
    LINK: "link a blob" =
        "INSERT INTO repository_blobs (repository_id, blob_id, linked_at) VALUES ($1, $2, $3)
         ON CONFLICT DO NOTHING";
    LEASE: "lease a blob" =
        "INSERT INTO leases (repository_id, blob_id, expires_at) VALUES ($1, $2, " now " + $3)
         ON CONFLICT (repository_id, blob_id) DO UPDATE SET expires_at = excluded.expires_at";
    RESOLVE: "resolve a manifest's references" =
        "INSERT INTO manifest_blobs (manifest_id, repository_id, blob_id)
         SELECT m.manifest_id, m.repository_id, b.id FROM blobs b
         JOIN manifest_missing m ON m.repository_id = $1 AND m.digest = b.digest
         WHERE b.id = $2 AND NOT m.is_manifest ON CONFLICT DO NOTHING";
    RESOLVED: "resolve a manifest's references" =
        "DELETE FROM manifest_missing WHERE repository_id = $1 AND NOT is_manifest
         AND digest = (SELECT digest FROM blobs WHERE id = $2)";
    USER: "look for a blob's manifests" =
        "SELECT m.digest FROM manifest_blobs mb JOIN manifests m ON m.id = mb.manifest_id
         WHERE mb.repository_id = $1 AND mb.blob_id = $2 LIMIT 1";
    UNLINK: "unlink a blob" =
        "DELETE FROM repository_blobs WHERE repository_id = $1 AND blob_id = $2";
    RELEASE: "release a blob" =
        "UPDATE blobs SET released_at = " now " WHERE id = $1
         AND NOT EXISTS (SELECT 1 FROM repository_blobs WHERE blob_id = blobs.id)";
    FREE: "lock blobs that nobody works with" =
        "SELECT id FROM blobs WHERE id IN (SELECT CAST(j.value AS BIGINT) FROM" list["$1"] ")
         ORDER BY id" for_update_skip_locked;
}

/// A blob as a repository sees it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct BlobRow {
    pub(crate) id: i64,
    pub(crate) size_bytes: i64,
    pub(crate) object_key: String,
}

impl Metadata {
    /// The blob, when the repository holds it.
    pub(crate) async fn blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<BlobRow>> {
        let values = values![digest.as_str(), repository.as_str()];
        self.optional(&HELD, values).await
    }

    /// Some repositories that hold the blob, for a mount that names none.
    pub(crate) async fn holders(&self, digest: &Digest, limit: u32) -> Result<Vec<String>> {
        let values = values![digest.as_str(), limit];
        let rows: Vec<(String,)> = self.all(&HOLDERS, values).await?;
        Ok(rows.into_iter().map(|(name,)| name).collect())
    }
}

/// The row of a blob whose bytes are durable, made or taken back into use: its id, and the key of
/// the object that it keeps. The object that came first stays, unless it is damaged.
pub(crate) async fn ensure_blob(
    transaction: &mut Transaction,
    digest: &Digest,
    size_bytes: i64,
    object_key: &str,
) -> Result<(i64, String)> {
    let values = values![digest.as_str(), size_bytes, object_key, now()];
    transaction.one(&ENSURE, values).await
}

/// Gives a repository the right to a blob, and holds it until a manifest names it.
///
/// Manifests that were accepted without this blob get their reference now. The caller
/// shares the repository, see [`super::share_repository`], and holds the blob's row.
pub(crate) async fn link_blob(
    transaction: &mut Transaction,
    repository_id: i64,
    blob_id: i64,
    lease: Duration,
) -> Result<()> {
    let values = values![repository_id, blob_id, now()];
    transaction.execute(&LINK, values).await?;
    let values = values![repository_id, blob_id, milliseconds(lease)];
    transaction.execute(&LEASE, values).await?;
    let values = values![repository_id, blob_id];
    if transaction.execute(&RESOLVE, values).await? > 0 {
        transaction.execute(&RESOLVED, values).await?;
    }
    Ok(())
}

/// The blob that a mount may take from a repository. Nobody takes a right to it away
/// until the transaction ends.
pub(crate) async fn held_blob(
    transaction: &mut Transaction,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Option<BlobRow>> {
    transaction.lock(&SHARE, values![digest.as_str()]).await?;
    let values = values![digest.as_str(), repository.as_str()];
    transaction.optional(&HELD, values).await
}

/// Takes a repository's right to a blob away, unless a manifest needs it.
pub(crate) async fn unlink_blob(
    transaction: &mut Transaction,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<()> {
    let unknown = || StoreError::blob_unknown(repository, digest);
    transaction.lock(&TAKE, values![digest.as_str()]).await?;
    let values = values![digest.as_str(), repository.as_str()];
    // Also a damaged one can be given up.
    let blob: Option<BlobRow> = transaction.optional(&LINKED, values).await?;
    let blob_id = blob.ok_or_else(unknown)?.id;
    let repository_id = super::find_repository(transaction, repository).await?;
    let repository_id = repository_id.ok_or_else(unknown)?;
    let values = values![repository_id, blob_id];
    let user: Option<(String,)> = transaction.optional(&USER, values).await?;
    if let Some((manifest,)) = user {
        return Err(StoreError::BlobInUse {
            digest: digest.to_string(),
            manifest,
        });
    }
    transaction.execute(&UNLINK, values).await?;
    release(transaction, blob_id).await
}

/// Locks those of the blobs that nobody gives, takes or relies on at this moment. They are
/// this transaction's to take rights from.
pub(super) async fn take_free(transaction: &mut Transaction, ids: &[i64]) -> Result<BTreeSet<i64>> {
    let list = super::json_list(ids);
    let rows: Vec<(i64,)> = transaction.all(&FREE, values![&list]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Says of a blob that nobody holds it from now on, if that is so.
pub(super) async fn release(transaction: &mut Transaction, blob_id: i64) -> Result<()> {
    transaction
        .execute(&RELEASE, values![blob_id])
        .await
        .map(drop)
}
