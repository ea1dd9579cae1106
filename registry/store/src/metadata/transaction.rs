//! A transaction on either database, and the four ways to run a statement.

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{FromRow, Postgres, Sqlite};

use super::failure::database;
use super::statement::Statement;
use super::value::{self, Value};
use crate::crash;
use crate::error::Result;

/// What rows are read into: a struct, or a tuple, from either database.
pub(crate) trait Record:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> Record for T where
    T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

/// All or nothing; dropped without a commit it leaves nothing.
pub(crate) enum Transaction {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// A connection of a pool, outside of a transaction.
pub(super) enum Pooled {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

impl Pooled {
    pub(super) fn target(&mut self) -> Target<'_> {
        match self {
            Self::Sqlite(connection) => Target::Sqlite(connection),
            Self::Postgres(connection) => Target::Postgres(connection),
        }
    }
}

/// Where a statement runs.
pub(super) enum Target<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl Transaction {
    /// The rows of a statement.
    pub(crate) async fn all<T: Record>(
        &mut self,
        statement: &'static Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<T>> {
        let rows = self.target().all(statement, values).await;
        crash::point();
        rows
    }

    /// The row of a statement, if there is one.
    pub(crate) async fn optional<T: Record>(
        &mut self,
        statement: &'static Statement,
        values: &[Value<'_>],
    ) -> Result<Option<T>> {
        let row = self.target().optional(statement, values).await;
        crash::point();
        row
    }

    /// The row of a statement that always gives one.
    pub(crate) async fn one<T: Record>(
        &mut self,
        statement: &'static Statement,
        values: &[Value<'_>],
    ) -> Result<T> {
        let row = self.optional(statement, values).await?;
        row.ok_or_else(|| database(statement.what)(sqlx::Error::RowNotFound))
    }

    /// Runs a statement; says how many rows it changed.
    pub(crate) async fn execute(
        &mut self,
        statement: &'static Statement,
        values: &[Value<'_>],
    ) -> Result<u64> {
        let changed = self.target().execute(statement, values).await;
        crash::point();
        changed
    }

    /// Locks rows until the end. A writer of SQLite is alone and needs none.
    pub(crate) async fn lock(
        &mut self,
        statement: &'static Statement,
        values: &[Value<'_>],
    ) -> Result<()> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(_) => self.execute(statement, values).await.map(drop),
        }
    }

    /// Makes all of it durable and seen.
    pub(crate) async fn commit(self) -> Result<()> {
        let committed = match self {
            Self::Sqlite(transaction) => transaction.commit().await,
            Self::Postgres(transaction) => transaction.commit().await,
        };
        crash::point();
        committed.map_err(database("commit"))
    }

    fn target(&mut self) -> Target<'_> {
        match self {
            Self::Sqlite(transaction) => Target::Sqlite(transaction),
            Self::Postgres(transaction) => Target::Postgres(transaction),
        }
    }
}

impl Target<'_> {
    pub(super) async fn all<T: Record>(
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

    pub(super) async fn optional<T: Record>(
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

    pub(super) async fn execute(
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
