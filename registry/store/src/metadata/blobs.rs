//! Blobs, and which repository has a right to them.

use jiff::SignedDuration;
use registry_pack::{Digest, RepositoryName};
use sqlx::sqlite::SqliteConnection;

use super::{Metadata, now};
use crate::error::{Result, StoreError, database};

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
        sqlx::query_as(
            "SELECT b.id, b.size_bytes, b.object_key FROM blobs b
             JOIN repository_blobs rb ON rb.blob_id = b.id
             JOIN repositories r ON r.id = rb.repository_id
             WHERE b.digest = ? AND r.name = ?",
        )
        .bind(digest.as_str())
        .bind(repository.as_str())
        .fetch_optional(&self.readers)
        .await
        .map_err(database("look up a blob"))
    }

    /// Whether any row speaks of the digest.
    pub(crate) async fn blob_exists(&self, digest: &Digest) -> Result<bool> {
        let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM blobs WHERE digest = ?")
            .bind(digest.as_str())
            .fetch_optional(&self.readers)
            .await
            .map_err(database("look up a blob"))?;
        Ok(found.is_some())
    }

    /// Some repositories that hold the blob, for a mount that names none.
    pub(crate) async fn holders(&self, digest: &Digest, limit: u32) -> Result<Vec<String>> {
        sqlx::query_scalar(
            "SELECT r.name FROM blobs b
             JOIN repository_blobs rb ON rb.blob_id = b.id
             JOIN repositories r ON r.id = rb.repository_id
             WHERE b.digest = ? ORDER BY rb.repository_id LIMIT ?",
        )
        .bind(digest.as_str())
        .bind(limit)
        .fetch_all(&self.readers)
        .await
        .map_err(database("look for a blob's repositories"))
    }

    /// Blobs that no repository has held since before `before`.
    pub(crate) async fn released(&self, before: i64, limit: u32) -> Result<Vec<Released>> {
        sqlx::query_as(
            "SELECT id, digest, object_key, size_bytes FROM blobs
             WHERE released_at IS NOT NULL AND released_at < ?
             ORDER BY released_at LIMIT ?",
        )
        .bind(before)
        .bind(limit)
        .fetch_all(&self.readers)
        .await
        .map_err(database("list released blobs"))
    }
}

/// A blob whose bytes may go, if nobody took it again in the meantime.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Released {
    pub(crate) id: i64,
    pub(crate) digest: String,
    pub(crate) object_key: String,
    pub(crate) size_bytes: i64,
}

/// The row of a blob whose bytes are durable, made or taken back into use.
pub(crate) async fn ensure_blob(
    connection: &mut SqliteConnection,
    digest: &Digest,
    size_bytes: i64,
    object_key: &str,
) -> Result<i64> {
    sqlx::query_scalar(
        "INSERT INTO blobs (digest, size_bytes, object_key, created_at) VALUES (?, ?, ?, ?)
         ON CONFLICT (digest) DO UPDATE SET released_at = NULL RETURNING id",
    )
    .bind(digest.as_str())
    .bind(size_bytes)
    .bind(object_key)
    .bind(now())
    .fetch_one(connection)
    .await
    .map_err(database("record a blob"))
}

/// Gives a repository the right to a blob, and holds it until a manifest names it.
///
/// Manifests that were accepted without this blob get their reference now.
pub(crate) async fn link_blob(
    connection: &mut SqliteConnection,
    repository_id: i64,
    blob_id: i64,
    lease: SignedDuration,
) -> Result<()> {
    let fail = || database("link a blob");
    sqlx::query(
        "INSERT INTO repository_blobs (repository_id, blob_id, linked_at) VALUES (?, ?, ?)
         ON CONFLICT DO NOTHING",
    )
    .bind(repository_id)
    .bind(blob_id)
    .bind(now())
    .execute(&mut *connection)
    .await
    .map_err(fail())?;
    sqlx::query(
        "INSERT INTO leases (repository_id, blob_id, expires_at) VALUES (?, ?, ?)
         ON CONFLICT (repository_id, blob_id) DO UPDATE SET expires_at = excluded.expires_at",
    )
    .bind(repository_id)
    .bind(blob_id)
    .bind(now().saturating_add(i64::try_from(lease.as_millis()).unwrap_or(i64::MAX)))
    .execute(&mut *connection)
    .await
    .map_err(fail())?;
    resolve_missing(connection, repository_id, blob_id).await
}

async fn resolve_missing(
    connection: &mut SqliteConnection,
    repository_id: i64,
    blob_id: i64,
) -> Result<()> {
    let resolved = sqlx::query(
        "INSERT INTO manifest_blobs (manifest_id, repository_id, blob_id)
         SELECT m.manifest_id, m.repository_id, b.id FROM blobs b
         JOIN manifest_missing m ON m.repository_id = ? AND m.digest = b.digest
         WHERE b.id = ? AND m.is_manifest = 0 ON CONFLICT DO NOTHING",
    )
    .bind(repository_id)
    .bind(blob_id)
    .execute(&mut *connection)
    .await
    .map_err(database("resolve a manifest's references"))?;
    if resolved.rows_affected() > 0 {
        sqlx::query(
            "DELETE FROM manifest_missing WHERE repository_id = ? AND is_manifest = 0
             AND digest = (SELECT digest FROM blobs WHERE id = ?)",
        )
        .bind(repository_id)
        .bind(blob_id)
        .execute(&mut *connection)
        .await
        .map_err(database("resolve a manifest's references"))?;
    }
    Ok(())
}

/// The blob that a mount may take from a repository.
pub(crate) async fn held_blob(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Option<BlobRow>> {
    sqlx::query_as(
        "SELECT b.id, b.size_bytes, b.object_key FROM blobs b
         JOIN repository_blobs rb ON rb.blob_id = b.id
         JOIN repositories r ON r.id = rb.repository_id
         WHERE b.digest = ? AND r.name = ?",
    )
    .bind(digest.as_str())
    .bind(repository.as_str())
    .fetch_optional(connection)
    .await
    .map_err(database("look up a blob"))
}

/// Takes a repository's right to a blob away, unless a manifest needs it.
pub(crate) async fn unlink_blob(
    connection: &mut SqliteConnection,
    repository_id: i64,
    blob_id: i64,
    digest: &Digest,
) -> Result<()> {
    let user: Option<String> = sqlx::query_scalar(
        "SELECT m.digest FROM manifest_blobs mb JOIN manifests m ON m.id = mb.manifest_id
         WHERE mb.repository_id = ? AND mb.blob_id = ? LIMIT 1",
    )
    .bind(repository_id)
    .bind(blob_id)
    .fetch_optional(&mut *connection)
    .await
    .map_err(database("look for a blob's manifests"))?;
    if let Some(manifest) = user {
        return Err(StoreError::BlobInUse {
            digest: digest.to_string(),
            manifest,
        });
    }
    sqlx::query("DELETE FROM repository_blobs WHERE repository_id = ? AND blob_id = ?")
        .bind(repository_id)
        .bind(blob_id)
        .execute(&mut *connection)
        .await
        .map_err(database("unlink a blob"))?;
    sqlx::query(
        "UPDATE blobs SET released_at = ? WHERE id = ?
         AND NOT EXISTS (SELECT 1 FROM repository_blobs WHERE blob_id = blobs.id)",
    )
    .bind(now())
    .bind(blob_id)
    .execute(&mut *connection)
    .await
    .map_err(database("release a blob"))?;
    Ok(())
}

/// Removes the row of a released blob; false when somebody took it again.
pub(crate) async fn forget_blob(
    connection: &mut SqliteConnection,
    blob_id: i64,
    before: i64,
) -> Result<bool> {
    let removed = sqlx::query(
        "DELETE FROM blobs WHERE id = ? AND released_at IS NOT NULL AND released_at < ?
         AND NOT EXISTS (SELECT 1 FROM repository_blobs WHERE blob_id = blobs.id)",
    )
    .bind(blob_id)
    .bind(before)
    .execute(connection)
    .await
    .map_err(database("forget a blob"))?;
    Ok(removed.rows_affected() == 1)
}
