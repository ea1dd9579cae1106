//! SQLite in a file: one connection writes, a pool reads, so that two writers never
//! meet inside SQLite. It belongs to one process.

use std::path::Path;

use sqlx::migrate::Migrator;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{Connection as _, Sqlite};

use super::WAIT;
use super::failure::{database, migrated};
use crate::error::Result;

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// Readers do not wait for each other or for the writer; more than a few gain nothing on one disk.
const READERS: u32 = 4;

/// The connections to the file.
#[derive(Clone, Debug)]
pub(super) struct SqliteDatabase {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteDatabase {
    /// Opens the file, creating and migrating it as needed.
    pub(super) async fn open(path: &Path) -> Result<Self> {
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
        MIGRATIONS.run(&writer).await.map_err(migrated)?;
        let readers = pool(READERS)
            .connect_with(options.create_if_missing(false).pragma("query_only", "on"))
            .await
            .map_err(database("open the file for reading"))?;
        Ok(Self { writer, readers })
    }

    pub(super) async fn reader(&self) -> Result<PoolConnection<Sqlite>, sqlx::Error> {
        self.readers.acquire().await
    }

    pub(super) async fn writer(&self) -> Result<PoolConnection<Sqlite>, sqlx::Error> {
        self.writer.acquire().await
    }

    /// A transaction on the one writing connection; others wait for their turn.
    pub(super) async fn begin(&self) -> Result<sqlx::Transaction<'static, Sqlite>, sqlx::Error> {
        self.writer.begin_with("BEGIN IMMEDIATE").await
    }

    /// Ends all connections; the write-ahead log is merged by the last one.
    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
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
    use registry_pack::RepositoryName;

    use super::*;
    use crate::error::StoreError;
    use crate::metadata::{Backend, Metadata, ensure_repository, find_repository};

    #[tokio::test]
    async fn writing_goes_on_after_the_disk_was_full() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("test.db");
        let database_file = SqliteDatabase::open(&path).await.expect("a database");
        let metadata = Metadata::on(Backend::Sqlite(database_file.clone()));
        let name: RepositoryName = "a".parse().expect("a name");
        // From here on the database may not grow, as on a full disk.
        sqlx::query("PRAGMA max_page_count = 1")
            .execute(&database_file.writer)
            .await
            .expect("a bound");
        let mut transaction = metadata.begin().await.expect("a transaction");
        let id = ensure_repository(&mut transaction, &name)
            .await
            .expect("room for a row");
        let crate::metadata::Transaction::Sqlite(inner) = &mut transaction else {
            panic!("not SQLite");
        };
        let filled =
            sqlx::query("UPDATE repositories SET name = hex(zeroblob(1000000)) WHERE id = ?")
                .bind(id)
                .execute(&mut **inner)
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
        transaction.commit().await.expect("committed");
    }
}
