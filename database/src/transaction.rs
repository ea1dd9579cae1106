//! A transaction on either database, and the four ways to run a statement.

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{FromRow, Postgres, Sqlite};

use crate::error::{Result, database};
use crate::statement::Statement;
use crate::value::{self, Value};

/// What rows are read into: a struct, or a tuple, from either database.
pub trait Record:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> Record for T where
    T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

/// All or nothing; dropped without a commit it leaves nothing.
#[derive(Debug)]
pub struct Transaction(pub(crate) Begun);

/// A transaction of either database.
#[derive(Debug)]
pub(crate) enum Begun {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// A connection of a pool, outside of a transaction.
pub(crate) enum Pooled {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

impl Pooled {
    pub(crate) fn target(&mut self) -> Target<'_> {
        match self {
            Self::Sqlite(connection) => Target::Sqlite(connection),
            Self::Postgres(connection) => Target::Postgres(connection),
        }
    }
}

/// Where a statement runs.
pub(crate) enum Target<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl Transaction {
    /// The rows of a statement.
    ///
    /// # Errors
    /// The database refuses or is away.
    pub async fn all<T: Record>(
        &mut self,
        statement: &'static Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<T>> {
        self.target().all(statement, values).await
    }

    /// The row of a statement, if there is one.
    ///
    /// # Errors
    /// The database refuses or is away.
    pub async fn optional<T: Record>(
        &mut self,
        statement: &'static Statement,
        values: &[Value<'_>],
    ) -> Result<Option<T>> {
        self.target().optional(statement, values).await
    }

    /// The row of a statement that always gives one.
    ///
    /// # Errors
    /// There is none, or the database refuses or is away.
    pub async fn one<T: Record>(
        &mut self,
        statement: &'static Statement,
        values: &[Value<'_>],
    ) -> Result<T> {
        let row = self.optional(statement, values).await?;
        row.ok_or_else(|| database(statement.what)(sqlx::Error::RowNotFound))
    }

    /// Runs a statement; says how many rows it changed.
    ///
    /// # Errors
    /// The database refuses or is away.
    pub async fn execute(
        &mut self,
        statement: &'static Statement,
        values: &[Value<'_>],
    ) -> Result<u64> {
        self.target().execute(statement, values).await
    }

    /// Locks rows until the end. A writer of SQLite is alone and needs none.
    ///
    /// # Errors
    /// The database refuses, is away, or gives up waiting.
    pub async fn lock(
        &mut self,
        statement: &'static Statement,
        values: &[Value<'_>],
    ) -> Result<()> {
        match &self.0 {
            Begun::Sqlite(_) => Ok(()),
            Begun::Postgres(_) => self.execute(statement, values).await.map(drop),
        }
    }

    /// Makes all of it durable and seen.
    ///
    /// # Errors
    /// Nothing of it was done, or the answer got lost: then all of it was.
    pub async fn commit(self) -> Result<()> {
        match self.0 {
            Begun::Sqlite(transaction) => transaction.commit().await,
            Begun::Postgres(transaction) => transaction.commit().await,
        }
        .map_err(database("commit"))
    }

    fn target(&mut self) -> Target<'_> {
        match &mut self.0 {
            Begun::Sqlite(transaction) => Target::Sqlite(transaction),
            Begun::Postgres(transaction) => Target::Postgres(transaction),
        }
    }
}

impl Target<'_> {
    pub(crate) async fn all<T: Record>(
        self,
        statement: &'static Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<T>> {
        let fail = || database(statement.what);
        match self {
            Self::Sqlite(connection) => {
                let values = value::sqlite(values).map_err(fail())?;
                let query = sqlx::query_as_with(statement.sqlite, values);
                query.fetch_all(connection).await
            }
            Self::Postgres(connection) => {
                let values = value::postgres(values).map_err(fail())?;
                let query = sqlx::query_as_with(statement.postgres, values);
                query.fetch_all(connection).await
            }
        }
        .map_err(fail())
    }

    pub(crate) async fn optional<T: Record>(
        self,
        statement: &'static Statement,
        values: &[Value<'_>],
    ) -> Result<Option<T>> {
        let fail = || database(statement.what);
        match self {
            Self::Sqlite(connection) => {
                let values = value::sqlite(values).map_err(fail())?;
                let query = sqlx::query_as_with(statement.sqlite, values);
                query.fetch_optional(connection).await
            }
            Self::Postgres(connection) => {
                let values = value::postgres(values).map_err(fail())?;
                let query = sqlx::query_as_with(statement.postgres, values);
                query.fetch_optional(connection).await
            }
        }
        .map_err(fail())
    }

    pub(crate) async fn execute(
        self,
        statement: &'static Statement,
        values: &[Value<'_>],
    ) -> Result<u64> {
        let fail = || database(statement.what);
        let rows = match self {
            Self::Sqlite(connection) => {
                let values = value::sqlite(values).map_err(fail())?;
                let query = sqlx::query_with(statement.sqlite, values);
                query
                    .execute(connection)
                    .await
                    .map_err(fail())?
                    .rows_affected()
            }
            Self::Postgres(connection) => {
                let values = value::postgres(values).map_err(fail())?;
                let query = sqlx::query_with(statement.postgres, values);
                query
                    .execute(connection)
                    .await
                    .map_err(fail())?
                    .rows_affected()
            }
        };
        Ok(rows)
    }
}
