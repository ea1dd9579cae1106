//! The connections to one database, and what reads and writes alone.

use std::path::Path;
use std::time::Duration;

use crate::address::Database;
use crate::error::{Result, database};
use crate::postgres::PostgresDatabase;
use crate::schema::Schema;
use crate::sqlite::SqliteDatabase;
use crate::statement::Statement;
use crate::transaction::{Begun, Pooled, Record, Transaction};
use crate::value::Value;

/// How long a request waits for its turn before it fails.
pub const WAIT: Duration = Duration::from_secs(30);

static PING: Statement = Statement {
    what: "ask the database",
    sqlite: "SELECT 1",
    postgres: "SELECT 1",
};

/// Access to the database. Clones share the connections.
#[derive(Clone, Debug)]
pub struct Pool {
    pub(crate) backend: Backend,
}

/// Which database it is.
#[derive(Clone, Debug)]
pub(crate) enum Backend {
    Sqlite(SqliteDatabase),
    Postgres(PostgresDatabase),
}

impl Pool {
    /// Opens the database, creating and migrating what is needed. SQLite lies in `file`.
    ///
    /// # Errors
    /// It cannot be reached, or its schema cannot be brought up to date.
    pub async fn open(database: &Database, file: &Path, schema: &Schema) -> Result<Self> {
        let backend = match database {
            Database::Sqlite => Backend::Sqlite(SqliteDatabase::open(file, schema.sqlite).await?),
            Database::Postgres(config) => {
                Backend::Postgres(PostgresDatabase::open(config, schema.postgres).await?)
            }
        };
        Ok(Self { backend })
    }

    /// Whether other processes may write to the database too.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self.backend, Backend::Postgres(_))
    }

    /// Ends all connections, after what they are at.
    pub async fn close(&self) {
        match &self.backend {
            Backend::Sqlite(database) => database.close().await,
            Backend::Postgres(database) => database.close().await,
        }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<()> {
        self.optional::<(i32,)>(&PING, &[]).await.map(drop)
    }

    /// A transaction that writes. On SQLite it is alone until its end.
    ///
    /// # Errors
    /// The database refuses, is away, or is too busy for [`WAIT`].
    pub async fn begin(&self) -> Result<Transaction> {
        match &self.backend {
            Backend::Sqlite(database) => database.begin().await.map(Begun::Sqlite),
            Backend::Postgres(database) => database.begin().await.map(Begun::Postgres),
        }
        .map(Transaction)
        .map_err(database("begin a transaction"))
    }

    /// Reads the rows of a statement.
    ///
    /// # Errors
    /// As [`Pool::begin`].
    pub async fn all<T: Record>(
        &self,
        statement: &'static Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<T>> {
        let mut connection = self.reader().await.map_err(database(statement.what))?;
        connection.target().all(statement, values).await
    }

    /// Reads the row of a statement, if there is one.
    ///
    /// # Errors
    /// As [`Pool::begin`].
    pub async fn optional<T: Record>(
        &self,
        statement: &'static Statement,
        values: &[Value<'_>],
    ) -> Result<Option<T>> {
        let mut connection = self.reader().await.map_err(database(statement.what))?;
        connection.target().optional(statement, values).await
    }

    /// Runs a statement that writes, alone; says how many rows it changed.
    ///
    /// # Errors
    /// As [`Pool::begin`].
    pub async fn execute(
        &self,
        statement: &'static Statement,
        values: &[Value<'_>],
    ) -> Result<u64> {
        let mut connection = self.writer().await.map_err(database(statement.what))?;
        connection.target().execute(statement, values).await
    }

    /// Runs a statement that writes, alone, and reads the row that it returns, if any.
    ///
    /// # Errors
    /// As [`Pool::begin`].
    pub async fn returning<T: Record>(
        &self,
        statement: &'static Statement,
        values: &[Value<'_>],
    ) -> Result<Option<T>> {
        let mut connection = self.writer().await.map_err(database(statement.what))?;
        connection.target().optional(statement, values).await
    }

    async fn reader(&self) -> Result<Pooled, sqlx::Error> {
        match &self.backend {
            Backend::Sqlite(database) => database.reader().await.map(Pooled::Sqlite),
            Backend::Postgres(database) => database.connection().await.map(Pooled::Postgres),
        }
    }

    async fn writer(&self) -> Result<Pooled, sqlx::Error> {
        match &self.backend {
            Backend::Sqlite(database) => database.writer().await.map(Pooled::Sqlite),
            Backend::Postgres(database) => database.connection().await.map(Pooled::Postgres),
        }
    }
}
