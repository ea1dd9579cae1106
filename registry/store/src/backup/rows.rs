//! The database of a backup: read at one moment, looked through, made ready to serve again.

use std::path::Path;

use registry_pack::Digest;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use super::refuse;
use crate::error::Result;
use crate::metadata::{database, now, parse_digest};

/// A blob that the database names.
pub(super) struct Named {
    pub(super) digest: Digest,
    pub(super) key: String,
    pub(super) size_bytes: u64,
    /// Nobody holds it any more, or its bytes are known to be gone: it need not be there.
    pub(super) needless: bool,
}

/// Writes what the database says at this moment into a new file. Those who write to it go on.
pub(super) async fn snapshot(from: &Path, to: &Path) -> Result<()> {
    let mut connection = open(from).await?;
    sqlx::query("VACUUM INTO ?")
        .bind(to.to_string_lossy().as_ref())
        .execute(&mut connection)
        .await
        .map_err(database("copy all rows out of"))?;
    close(connection).await
}

/// All blobs of a database.
pub(super) async fn named(path: &Path) -> Result<Vec<Named>> {
    let mut connection = open(path).await?;
    let rows: Vec<(String, String, i64, bool)> = sqlx::query_as(
        "SELECT digest, object_key, size_bytes,
                released_at IS NOT NULL OR damaged_at IS NOT NULL FROM blobs ORDER BY id",
    )
    .fetch_all(&mut connection)
    .await
    .map_err(database("list blobs"))?;
    close(connection).await?;
    rows.into_iter()
        .map(
            |(digest, key, size, needless): (String, String, i64, bool)| {
                Ok(Named {
                    digest: parse_digest(&digest)?,
                    key,
                    size_bytes: u64::try_from(size).unwrap_or(0),
                    needless,
                })
            },
        )
        .collect()
}

/// Checks a database, and takes out of it what a backup does not have: open uploads, and blobs
/// whose bytes are damaged, which are marked.
pub(super) async fn make_ready(path: &Path, damaged: &[Digest]) -> Result<()> {
    let fail = || database("make ready");
    let mut connection = open(path).await?;
    let verdict: String = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_one(&mut connection)
        .await
        .map_err(fail())?;
    if verdict != "ok" {
        return Err(refuse(path, format!("the database is damaged: {verdict}")));
    }
    let mut transaction = connection.begin().await.map_err(fail())?;
    for statement in ["DELETE FROM uploads", "DELETE FROM checks"] {
        sqlx::query(statement)
            .execute(&mut *transaction)
            .await
            .map_err(fail())?;
    }
    for digest in damaged {
        sqlx::query("UPDATE blobs SET damaged_at = ? WHERE digest = ?")
            .bind(now())
            .bind(digest.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(fail())?;
    }
    transaction.commit().await.map_err(fail())?;
    close(connection).await
}

async fn open(path: &Path) -> Result<SqliteConnection> {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(std::time::Duration::from_secs(30))
        .connect()
        .await
        .map_err(database("open the file of"))
}

async fn close(connection: SqliteConnection) -> Result<()> {
    connection
        .close()
        .await
        .map_err(database("close the file of"))
}
