//! The migrations of one user of this crate, and what its tests ask about them.

use std::collections::BTreeSet;

use sqlx::migrate::Migrator;

use crate::error::{Result, database};
use crate::pool::{Backend, Pool};
use crate::statement::Statement;

/// The same migrations in the words of each database: same numbers, names, tables, columns.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// `sqlx::migrate!("migrations/sqlite")`.
    pub sqlite: &'static Migrator,
    /// `sqlx::migrate!("migrations/postgres")`.
    pub postgres: &'static Migrator,
}

impl Schema {
    /// Number and name of each migration, for SQLite and for PostgreSQL.
    #[must_use]
    pub fn versions(&self) -> [Vec<(i64, String)>; 2] {
        [self.sqlite, self.postgres].map(|migrator| {
            let named = |one: &sqlx::migrate::Migration| (one.version, one.description.to_string());
            migrator.iter().map(named).collect()
        })
    }
}

impl Pool {
    /// Lets the database read a statement against its schema, without running it.
    ///
    /// # Errors
    /// What it does not understand.
    pub async fn understand(&self, statement: &'static Statement) -> Result<()> {
        use sqlx::{Executor as _, SqlSafeStr as _};
        match &self.backend {
            Backend::Sqlite(file) => {
                let mut connection = file.writer().await.map_err(database(statement.what))?;
                let text = statement.sqlite.into_sql_str();
                (&mut *connection).prepare(text).await.map(drop)
            }
            Backend::Postgres(server) => {
                let mut connection = server
                    .connection()
                    .await
                    .map_err(database(statement.what))?;
                let text = statement.postgres.into_sql_str();
                (&mut *connection).prepare(text).await.map(drop)
            }
        }
        .map_err(database(statement.what))
    }

    /// How SQLite would run a statement: for each step its number, the one that it is a part of,
    /// and SQLite's words. Nothing on PostgreSQL, which decides by what its tables hold.
    ///
    /// # Errors
    /// What it does not understand.
    pub async fn plan(&self, statement: &'static Statement) -> Result<Vec<(i64, i64, String)>> {
        let Backend::Sqlite(file) = &self.backend else {
            return Ok(Vec::new());
        };
        let mut connection = file.writer().await.map_err(database(statement.what))?;
        let text = format!("EXPLAIN QUERY PLAN {}", statement.sqlite);
        // The text is a constant of ours behind two words.
        sqlx::query_as::<_, (i64, i64, i64, String)>(sqlx::AssertSqlSafe(text))
            .fetch_all(&mut *connection)
            .await
            .map(|steps| {
                let said = |(id, part_of, _, detail)| (id, part_of, detail);
                steps.into_iter().map(said).collect()
            })
            .map_err(database(statement.what))
    }

    /// Table and column of everything that the migrations made.
    ///
    /// # Errors
    /// The database refuses or is away.
    pub async fn columns(&self) -> Result<BTreeSet<(String, String)>> {
        let rows = self.all::<(String, String)>(&COLUMNS, &[]).await?;
        Ok(rows.into_iter().collect())
    }
}

static COLUMNS: Statement = Statement {
    what: "list the columns",
    sqlite: "SELECT m.name, c.name AS column_name FROM sqlite_schema m \
             JOIN pragma_table_info(m.name) c WHERE m.type = 'table' \
             AND m.name NOT LIKE '\\_%' ESCAPE '\\' AND m.name NOT LIKE 'sqlite%'",
    postgres: "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) \
               FROM information_schema.columns \
               WHERE table_schema = 'public' AND table_name NOT LIKE '\\_%'",
};
