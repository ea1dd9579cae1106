//! The conditions of a build: what a person or a controller reads first.

use database::{FromRow, statements, values};

use crate::journal::{BuildJournal, Journal, JournalError, now};

statements! {
    LIST: "list conditions" = "select type, status, reason, message, since from conditions \
        where build = $1 order by ordinal, since";
    SET: "set a condition" = "insert into conditions (build, ordinal, type, status, reason, message, since) \
        select $1, $3, $4, $5, $6, $7, $8 \
        where exists (select 1 from leases where build = $1 and fence = $2" for_key_share ") \
        on conflict (build, type) do update set ordinal = excluded.ordinal, \
        reason = excluded.reason, message = excluded.message, \
        since = case when conditions.status = excluded.status then conditions.since else excluded.since end, \
        status = excluded.status";
}

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
        Ok(self.pool.all(&LIST, values![build]).await?)
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
        let now = now();
        let values = values![
            &self.build,
            self.fence,
            ordinal,
            kind,
            status,
            reason,
            message,
            &now
        ];
        self.fenced(self.journal.pool.execute(&SET, values).await?)
    }
}
