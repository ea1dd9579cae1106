//! The conditions of a build: what a person or a controller reads first.

use sqlx::FromRow;

use crate::journal::{BuildJournal, Journal, JournalError, now};

/// A condition as it is kept.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct ConditionRow {
    pub(crate) r#type: String,
    pub(crate) status: String,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) since: String,
}

impl Journal {
    /// The conditions of a build, in the order of its steps.
    pub(crate) async fn conditions(&self, build: &str) -> Result<Vec<ConditionRow>, JournalError> {
        Ok(sqlx::query_as("select type, status, reason, message, since from conditions where build = ? order by ordinal, since")
            .bind(build)
            .fetch_all(&self.pool)
            .await?)
    }
}

impl BuildJournal {
    /// Sets a condition. `since` moves only when the status does.
    pub(crate) async fn condition(
        &self,
        ordinal: i64,
        kind: &str,
        status: &str,
        reason: &str,
        message: &str,
    ) -> Result<(), JournalError> {
        let set = sqlx::query(
            "insert into conditions (build, ordinal, type, status, reason, message, since) \
             select ?1, ?3, ?4, ?5, ?6, ?7, ?8 where exists (select 1 from leases where build = ?1 and fence = ?2) \
             on conflict (build, type) do update set ordinal = ?3, reason = ?6, message = ?7, \
             since = case when status = ?5 then since else ?8 end, status = ?5",
        )
        .bind(&self.build)
        .bind(self.fence)
        .bind(ordinal)
        .bind(kind)
        .bind(status)
        .bind(reason)
        .bind(message)
        .bind(now())
        .execute(&self.journal.pool)
        .await?;
        self.fenced(&set)
    }
}
