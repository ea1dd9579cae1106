//! Which builds ended too long ago for their events to be kept.

use crate::journal::{Journal, JournalError};

impl Journal {
    /// When the build ended that `after` others ended after; `None` where there are not as many.
    pub(crate) async fn end_of(&self, after: u32) -> Result<Option<String>, JournalError> {
        Ok(sqlx::query_scalar(
            "select ended_at from builds where ended_at is not null order by ended_at desc limit 1 offset ?1",
        )
        .bind(after)
        .fetch_optional(&self.pool)
        .await?)
    }

    /// Deletes the events of builds that ended at this time or earlier.
    pub(crate) async fn forget_events(&self, before: &str) -> Result<u64, JournalError> {
        let deleted = sqlx::query(
            "delete from events where build in (select id from builds where ended_at is not null and ended_at <= ?1)",
        )
        .bind(before)
        .execute(&self.pool)
        .await?;
        Ok(deleted.rows_affected())
    }
}
