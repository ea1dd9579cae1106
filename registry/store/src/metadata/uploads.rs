//! Open uploads: how far each got, so that another request, or another server, can go on.

use std::time::Duration;

use registry_pack::{Algorithm, RepositoryName};

use super::{Metadata, Transaction, ensure_repository, milliseconds, now, statements, values};
use crate::error::{Result, StoreError};

statements! {
    COUNT: "count uploads" = "SELECT count(*) FROM uploads WHERE repository_id = $1";
    CREATE: "record an upload" =
        "INSERT INTO uploads (id, repository_id, staged_key, offset_bytes, algorithm,
                              hash_state, started_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7)";
    FIND: "look up an upload" =
        "SELECT u.staged_key, u.offset_bytes, u.algorithm, u.hash_state FROM uploads u
         JOIN repositories r ON r.id = u.repository_id WHERE u.id = $1 AND r.name = $2";
    HOLD: "hold an upload" =
        "UPDATE uploads SET holder = $1, held_until = " now " + $2
         WHERE id = $3 AND repository_id = (SELECT id FROM repositories WHERE name = $4)
         AND (holder IS NULL OR held_until < " now ")
         RETURNING staged_key, offset_bytes, algorithm, hash_state";
    RENEW: "hold an upload longer" =
        "UPDATE uploads SET held_until = " now " + $1 WHERE id = $2 AND holder = $3";
    LET_GO: "let go of an upload" =
        "UPDATE uploads SET holder = NULL, held_until = NULL WHERE id = $1 AND holder = $2";
    LET_ALL_GO: "let go of a server's uploads" =
        "UPDATE uploads SET holder = NULL, held_until = NULL WHERE holder LIKE $1";
    SAVE: "save an upload's state" =
        "UPDATE uploads SET offset_bytes = $1, algorithm = $2, hash_state = $3, updated_at = $4,
         holder = NULL, held_until = NULL
         WHERE id = $5 AND offset_bytes = $6 AND holder IS NOT DISTINCT FROM $7";
    CLOSE: "close an upload" =
        "DELETE FROM uploads WHERE id = $1 AND holder IS NOT DISTINCT FROM $2";
    STALE: "list stale uploads" =
        "SELECT id, staged_key FROM uploads WHERE updated_at < $1 ORDER BY updated_at LIMIT $2";
    EXISTS: "look up an upload" = "SELECT 1 FROM uploads WHERE id = $1";
}

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
    /// Records a new upload; refuses when the repository has too many. Uploads that start at
    /// the same moment on several servers may pass the bound, by as many as they are.
    pub(crate) async fn create_upload(
        &self,
        repository: &RepositoryName,
        id: &str,
        row: &UploadRow,
        limit: u64,
    ) -> Result<()> {
        let mut transaction = self.begin().await?;
        let repository_id = ensure_repository(&mut transaction, repository).await?;
        let (open,): (i64,) = transaction.one(&COUNT, values![repository_id]).await?;
        if u64::try_from(open).unwrap_or(0) >= limit {
            return Err(StoreError::TooManyUploads {
                repository: repository.to_string(),
                limit,
            });
        }
        let values = values![
            id,
            repository_id,
            &row.staged_key,
            to_row(row.offset)?,
            row.algorithm.as_str(),
            &row.hash_state[..],
            now(),
        ];
        transaction.execute(&CREATE, values).await?;
        transaction.commit().await
    }

    /// The upload, when it belongs to the repository.
    pub(crate) async fn upload(
        &self,
        repository: &RepositoryName,
        id: &str,
    ) -> Result<Option<UploadRow>> {
        let values = values![id, repository.as_str()];
        let raw: Option<Raw> = self.optional(&FIND, values).await?;
        raw.map(Raw::parse).transpose()
    }

    /// The upload, held for `holder`, unless somebody else holds it.
    pub(super) async fn take_upload(
        &self,
        repository: &RepositoryName,
        id: &str,
        holder: &str,
        time: Duration,
    ) -> Result<Option<UploadRow>> {
        let mut transaction = self.begin().await?;
        let values = values![holder, milliseconds(time), id, repository.as_str()];
        let raw: Option<Raw> = transaction.optional(&HOLD, values).await?;
        transaction.commit().await?;
        raw.map(Raw::parse).transpose()
    }

    /// Holds an upload longer; false when it is not held by `holder` any more.
    pub(super) async fn renew_upload(
        &self,
        id: &str,
        holder: &str,
        time: Duration,
    ) -> Result<bool> {
        let values = values![milliseconds(time), id, holder];
        Ok(self.execute(&RENEW, values).await? == 1)
    }

    pub(super) async fn let_upload_go(&self, id: &str, holder: &str) -> Result<()> {
        self.execute(&LET_GO, values![id, holder]).await.map(drop)
    }

    pub(super) async fn let_uploads_go(&self, holders: &str) -> Result<()> {
        self.execute(&LET_ALL_GO, values![holders]).await.map(drop)
    }

    /// Records how far an upload got and lets it go; false when it is gone or somebody
    /// else moved or took it.
    pub(crate) async fn save_upload(
        &self,
        id: &str,
        holder: Option<&str>,
        from_offset: u64,
        row: &UploadRow,
    ) -> Result<bool> {
        let values = values![
            to_row(row.offset)?,
            row.algorithm.as_str(),
            &row.hash_state[..],
            now(),
            id,
            to_row(from_offset)?,
            holder,
        ];
        Ok(self.execute(&SAVE, values).await? == 1)
    }

    /// Removes an upload's row; false when there was none, or somebody else holds it.
    pub(crate) async fn delete_upload(&self, id: &str, holder: Option<&str>) -> Result<bool> {
        Ok(self.execute(&CLOSE, values![id, holder]).await? == 1)
    }

    /// Uploads that nobody touched since `before`.
    pub(crate) async fn stale_uploads(
        &self,
        before: i64,
        limit: u32,
    ) -> Result<Vec<(String, String)>> {
        self.all(&STALE, values![before, limit]).await
    }

    /// Whether any upload, of whatever repository, has this id.
    pub(crate) async fn upload_exists(&self, id: &str) -> Result<bool> {
        let found: Option<(i32,)> = self.optional(&EXISTS, values![id]).await?;
        Ok(found.is_some())
    }
}

/// Closes an upload in the transaction that records its blob; refuses a request that lost
/// its hold.
pub(crate) async fn close_upload(
    transaction: &mut Transaction,
    id: &str,
    holder: Option<&str>,
) -> Result<()> {
    match transaction.execute(&CLOSE, values![id, holder]).await? {
        0 => Err(StoreError::UploadUnknown { id: id.to_owned() }),
        _ => Ok(()),
    }
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
