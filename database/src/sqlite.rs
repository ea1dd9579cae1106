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

use crate::error::{Result, database, migrated};
use crate::pool::WAIT;

/// Readers do not wait for each other or for the writer; more than a few gain nothing on one disk.
const READERS: u32 = 4;

/// The connections to the file.
#[derive(Clone, Debug)]
pub(crate) struct SqliteDatabase {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteDatabase {
    /// Opens the file, creating and migrating it as needed.
    pub(crate) async fn open(path: &Path, migrations: &Migrator) -> Result<Self> {
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
        migrations.run(&writer).await.map_err(migrated)?;
        let readers = pool(READERS)
            .connect_with(options.create_if_missing(false).pragma("query_only", "on"))
            .await
            .map_err(database("open the file for reading"))?;
        Ok(Self { writer, readers })
    }

    pub(crate) async fn reader(&self) -> Result<PoolConnection<Sqlite>, sqlx::Error> {
        self.readers.acquire().await
    }

    pub(crate) async fn writer(&self) -> Result<PoolConnection<Sqlite>, sqlx::Error> {
        self.writer.acquire().await
    }

    /// A transaction on the one writing connection; others wait for their turn.
    pub(crate) async fn begin(&self) -> Result<sqlx::Transaction<'static, Sqlite>, sqlx::Error> {
        self.writer.begin_with("BEGIN IMMEDIATE").await
    }

    /// Ends all connections; the write-ahead log is merged by the last one.
    pub(crate) async fn close(&self) {
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
    use super::*;
    use crate::error::DatabaseError;

    async fn rows(database: &SqliteDatabase) -> i64 {
        let mut connection = database.reader().await.expect("a connection");
        let count = sqlx::query_scalar("SELECT count(*) FROM t");
        count.fetch_one(&mut *connection).await.expect("a number")
    }

    #[tokio::test]
    async fn writing_goes_on_after_the_disk_was_full() {
        let folder = tempfile::tempdir().expect("a folder");
        let none = Migrator::new(folder.path()).await.expect("no migrations");
        let file = SqliteDatabase::open(&folder.path().join("test.db"), &none)
            .await
            .expect("a database");
        // From here on the database may not grow, as on a full disk.
        for text in [
            "CREATE TABLE t (v TEXT NOT NULL)",
            "PRAGMA max_page_count = 1",
        ] {
            let done = sqlx::query(text).execute(&file.writer).await;
            done.expect("a bound");
        }
        let mut transaction = file.begin().await.expect("a transaction");
        let filled = sqlx::query("INSERT INTO t VALUES (hex(zeroblob(1000000)))")
            .execute(&mut *transaction)
            .await
            .map_err(database("fill the disk"));
        assert!(matches!(filled, Err(DatabaseError::Full)), "{filled:?}");
        drop(transaction);
        assert_eq!(rows(&file).await, 0);
        let mut transaction = file.begin().await.expect("a transaction");
        let one = sqlx::query("INSERT INTO t VALUES ('x')");
        one.execute(&mut *transaction)
            .await
            .expect("room for a row");
        transaction.commit().await.expect("committed");
        assert_eq!(rows(&file).await, 1);
    }
}
