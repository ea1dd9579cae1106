//! Open uploads: how far each got, so that another request, or another process, can go on.

use registry_pack::{Algorithm, RepositoryName};
use sqlx::sqlite::SqliteConnection;

use super::{Metadata, commit, ensure_repository, now};
use crate::error::{Result, StoreError, database};

/// The row of an open upload.
#[derive(Clone, Debug)]
pub(crate) struct UploadRow {
    pub(crate) staged_key: String,
    pub(crate) offset: u64,
    pub(crate) algorithm: Algorithm,
    pub(crate) hash_state: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct Raw {
    staged_key: String,
    offset_bytes: i64,
    algorithm: String,
    hash_state: Vec<u8>,
}

impl Metadata {
    /// Records a new upload; refuses when the repository has too many.
    pub(crate) async fn create_upload(
        &self,
        repository: &RepositoryName,
        id: &str,
        row: &UploadRow,
        limit: u64,
    ) -> Result<()> {
        let mut transaction = self.begin().await?;
        let repository_id = ensure_repository(&mut transaction, repository).await?;
        let open: i64 = sqlx::query_scalar("SELECT count(*) FROM uploads WHERE repository_id = ?")
            .bind(repository_id)
            .fetch_one(&mut *transaction)
            .await
            .map_err(database("count uploads"))?;
        if u64::try_from(open).unwrap_or(0) >= limit {
            return Err(StoreError::TooManyUploads {
                repository: repository.to_string(),
                limit,
            });
        }
        let started = now();
        sqlx::query(
            "INSERT INTO uploads (id, repository_id, staged_key, offset_bytes, algorithm,
                                  hash_state, started_at, updated_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(id)
        .bind(repository_id)
        .bind(&row.staged_key)
        .bind(to_row(row.offset)?)
        .bind(row.algorithm.as_str())
        .bind(&row.hash_state)
        .bind(started)
        .bind(started)
        .execute(&mut *transaction)
        .await
        .map_err(database("record an upload"))?;
        commit(transaction).await
    }

    /// The upload, when it belongs to the repository.
    pub(crate) async fn upload(
        &self,
        repository: &RepositoryName,
        id: &str,
    ) -> Result<Option<UploadRow>> {
        let raw: Option<Raw> = sqlx::query_as(
            "SELECT u.staged_key, u.offset_bytes, u.algorithm, u.hash_state FROM uploads u
             JOIN repositories r ON r.id = u.repository_id WHERE u.id = ? AND r.name = ?",
        )
        .bind(id)
        .bind(repository.as_str())
        .fetch_optional(&self.readers)
        .await
        .map_err(database("look up an upload"))?;
        raw.map(Raw::parse).transpose()
    }

    /// Records how far an upload got; false when it is gone or somebody else moved it.
    pub(crate) async fn save_upload(
        &self,
        id: &str,
        from_offset: u64,
        offset: u64,
        algorithm: Algorithm,
        hash_state: &[u8],
    ) -> Result<bool> {
        let saved = sqlx::query(
            "UPDATE uploads SET offset_bytes = ?, algorithm = ?, hash_state = ?, updated_at = ?
             WHERE id = ? AND offset_bytes = ?",
        )
        .bind(to_row(offset)?)
        .bind(algorithm.as_str())
        .bind(hash_state)
        .bind(now())
        .bind(id)
        .bind(to_row(from_offset)?)
        .execute(&self.writer)
        .await
        .map_err(database("save an upload's state"))?;
        Ok(saved.rows_affected() == 1)
    }

    /// Removes an upload's row; false when there was none.
    pub(crate) async fn delete_upload(&self, id: &str) -> Result<bool> {
        let removed = sqlx::query("DELETE FROM uploads WHERE id = ?")
            .bind(id)
            .execute(&self.writer)
            .await
            .map_err(database("remove an upload"))?;
        Ok(removed.rows_affected() == 1)
    }

    /// Uploads that nobody touched since `before`.
    pub(crate) async fn stale_uploads(
        &self,
        before: i64,
        limit: u32,
    ) -> Result<Vec<(String, String)>> {
        sqlx::query_as(
            "SELECT id, staged_key FROM uploads WHERE updated_at < ? ORDER BY updated_at LIMIT ?",
        )
        .bind(before)
        .bind(limit)
        .fetch_all(&self.readers)
        .await
        .map_err(database("list stale uploads"))
    }

    /// Whether any upload, of whatever repository, has this id.
    pub(crate) async fn upload_exists(&self, id: &str) -> Result<bool> {
        let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM uploads WHERE id = ?")
            .bind(id)
            .fetch_optional(&self.readers)
            .await
            .map_err(database("look up an upload"))?;
        Ok(found.is_some())
    }
}

/// Closes an upload in the transaction that records its blob.
pub(crate) async fn close_upload(connection: &mut SqliteConnection, id: &str) -> Result<()> {
    sqlx::query("DELETE FROM uploads WHERE id = ?")
        .bind(id)
        .execute(connection)
        .await
        .map_err(database("close an upload"))?;
    Ok(())
}

impl Raw {
    fn parse(self) -> Result<UploadRow> {
        let damaged = |what: &str| StoreError::Damaged {
            what: format!("an upload's {what}"),
        };
        let algorithm = match self.algorithm.as_str() {
            "sha256" => Algorithm::Sha256,
            "sha512" => Algorithm::Sha512,
            _ => return Err(damaged("algorithm")),
        };
        Ok(UploadRow {
            staged_key: self.staged_key,
            offset: u64::try_from(self.offset_bytes).map_err(|_| damaged("offset"))?,
            algorithm,
            hash_state: self.hash_state,
        })
    }
}

fn to_row(offset: u64) -> Result<i64> {
    i64::try_from(offset).map_err(|_| StoreError::TooLarge {
        limit_bytes: i64::MAX as u64,
    })
}
