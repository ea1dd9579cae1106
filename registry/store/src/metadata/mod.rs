//! The metadata: which repository has what. The database is the truth.
//!
//! All SQL of the store is below this module and its callers know none of it:
//! they give and get plain types. One connection writes, a pool reads, so that
//! two writers never meet inside SQLite. It knows nothing of files or caches.

mod blobs;
mod catalog;
mod index;
mod manifests;
mod packs;
mod parents;
mod profiles;
mod referrers;
mod tags;
mod uploads;

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use registry_pack::{Digest, RepositoryName};
use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{Connection as _, Sqlite, Transaction};

use crate::error::{Result, StoreError, database};

pub(crate) use blobs::unlink_blob;
pub(crate) use blobs::{BlobRow, ensure_blob, forget_blob, held_blob, link_blob};
pub(crate) use uploads::{UploadRow, close_upload};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Readers do not wait for each other or for the writer; more than a few gain nothing on one disk.
const READERS: u32 = 4;
/// How long a request waits for its turn before it fails.
const WAIT: Duration = Duration::from_secs(30);

/// Access to the database.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Metadata {
    /// Opens the file, creating and migrating it as needed.
    pub(crate) async fn open(path: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(WAIT);
        let writer = pool(1)
            .connect_with(options.clone())
            .await
            .map_err(database("open the file"))?;
        MIGRATIONS
            .run(&writer)
            .await
            .map_err(|error| StoreError::Database {
                what: "bring the schema up to date",
                source: error.into(),
            })?;
        let readers = pool(READERS)
            .connect_with(options.create_if_missing(false).pragma("query_only", "on"))
            .await
            .map_err(database("open the file for reading"))?;
        Ok(Self { writer, readers })
    }

    /// Ends all connections; the write-ahead log is merged by the last one.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// A transaction on the one writing connection; others wait for their turn.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Sqlite>> {
        self.writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(database("begin a transaction"))
    }

    /// Whether the database answers.
    pub(crate) async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1")
            .execute(&self.readers)
            .await
            .map_err(database("ask the database"))?;
        Ok(())
    }
}

pub(crate) async fn commit(transaction: Transaction<'static, Sqlite>) -> Result<()> {
    transaction.commit().await.map_err(database("commit"))
}

/// The row of a repository, made on first use.
pub(crate) async fn ensure_repository(
    connection: &mut SqliteConnection,
    name: &RepositoryName,
) -> Result<i64> {
    if let Some(id) = find_repository(connection, name).await? {
        return Ok(id);
    }
    sqlx::query_scalar("INSERT INTO repositories (name, created_at) VALUES (?, ?) RETURNING id")
        .bind(name.as_str())
        .bind(now())
        .fetch_one(connection)
        .await
        .map_err(database("create a repository"))
}

pub(crate) async fn find_repository(
    connection: &mut SqliteConnection,
    name: &RepositoryName,
) -> Result<Option<i64>> {
    sqlx::query_scalar("SELECT id FROM repositories WHERE name = ?")
        .bind(name.as_str())
        .fetch_optional(connection)
        .await
        .map_err(database("look up a repository"))
}

/// Milliseconds since 1970, as all rows keep them.
pub(crate) fn now() -> i64 {
    Timestamp::now().as_millisecond()
}

pub(crate) fn timestamp(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

pub(crate) fn parse_digest(text: &str) -> Result<Digest> {
    text.parse().map_err(|_| StoreError::Damaged {
        what: format!("a row has the digest {text:?}"),
    })
}

/// A list as a query takes it: one JSON array, so that its length has no bound of its own.
pub(crate) fn json_array<'a>(digests: impl IntoIterator<Item = &'a Digest>) -> String {
    let texts: Vec<&str> = digests.into_iter().map(Digest::as_str).collect();
    serde_json::to_string(&texts).unwrap_or_else(|_| "[]".to_owned())
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(WAIT)
        .max_lifetime(None)
        .test_before_acquire(false)
        .before_acquire(|connection, _| Box::pin(is_usable(connection)))
}

/// A connection whose transaction SQLite ended by itself, as it does on a full disk, still
/// counts as inside one and never begins another: it is closed and replaced.
async fn is_usable(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // The answer comes after a rollback that is still on its way.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn writing_goes_on_after_the_disk_was_full() {
        let folder = tempfile::tempdir().expect("a folder");
        let metadata = Metadata::open(&folder.path().join("test.db"))
            .await
            .expect("a database");
        let name: RepositoryName = "a".parse().expect("a name");
        // From here on the database may not grow, as on a full disk.
        sqlx::query("PRAGMA max_page_count = 1")
            .execute(&metadata.writer)
            .await
            .expect("a bound");
        let mut transaction = metadata.begin().await.expect("a transaction");
        let id = ensure_repository(&mut transaction, &name)
            .await
            .expect("room for a row");
        let filled =
            sqlx::query("UPDATE repositories SET name = hex(zeroblob(1000000)) WHERE id = ?")
                .bind(id)
                .execute(&mut *transaction)
                .await
                .map_err(database("fill the disk"));
        assert!(matches!(filled, Err(StoreError::Full { .. })), "{filled:?}");
        drop(transaction);
        let mut transaction = metadata.begin().await.expect("a transaction");
        assert_eq!(
            find_repository(&mut transaction, &name)
                .await
                .expect("an answer"),
            None
        );
        ensure_repository(&mut transaction, &name)
            .await
            .expect("a repository");
        commit(transaction).await.expect("committed");
    }
}
