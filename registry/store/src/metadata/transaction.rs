//! A transaction of the database, whose refusals are the store's.

use database::{Record, Statement, Value};

use crate::crash;
use crate::error::Result;

/// All or nothing; dropped without a commit it leaves nothing.
pub(crate) struct Transaction(pub(super) database::Transaction);

impl Transaction {
    /// The rows of a statement.
    pub(crate) async fn all<T: Record>(
        &mut self,
        statement: &'static Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<T>> {
        let rows = self.0.all(statement, values).await;
        crash::point();
        Ok(rows?)
    }

    /// The row of a statement, if there is one.
    pub(crate) async fn optional<T: Record>(
        &mut self,
        statement: &'static Statement,
        values: &[Value<'_>],
    ) -> Result<Option<T>> {
        let row = self.0.optional(statement, values).await;
        crash::point();
        Ok(row?)
    }

    /// The row of a statement that always gives one.
    pub(crate) async fn one<T: Record>(
        &mut self,
        statement: &'static Statement,
        values: &[Value<'_>],
    ) -> Result<T> {
        let row = self.0.one(statement, values).await;
        crash::point();
        Ok(row?)
    }

    /// Runs a statement; says how many rows it changed.
    pub(crate) async fn execute(
        &mut self,
        statement: &'static Statement,
        values: &[Value<'_>],
    ) -> Result<u64> {
        let changed = self.0.execute(statement, values).await;
        crash::point();
        Ok(changed?)
    }

    /// Locks rows until the end. A writer of SQLite is alone and needs none.
    pub(crate) async fn lock(
        &mut self,
        statement: &'static Statement,
        values: &[Value<'_>],
    ) -> Result<()> {
        Ok(self.0.lock(statement, values).await?)
    }

    /// Makes all of it durable and seen.
    pub(crate) async fn commit(self) -> Result<()> {
        let committed = self.0.commit().await;
        crash::point();
        Ok(committed?)
    }
}
