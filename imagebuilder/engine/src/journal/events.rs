//! The last events of a build, in order. Numbers never repeat, so a gap shows what was dropped.

use sqlx::FromRow;

use crate::journal::{BuildJournal, Journal, JournalError, now};

/// How many events are kept of one build.
pub(crate) const EVENTS_KEPT: i64 = 1000;

/// An event as it is kept.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct EventRow {
    pub(crate) seq: i64,
    pub(crate) at: String,
    pub(crate) r#type: String,
    pub(crate) step: Option<String>,
    pub(crate) message: String,
    pub(crate) data: Option<String>,
}

impl Journal {
    /// The events after number `after`, oldest first.
    pub(crate) async fn events(
        &self,
        build: &str,
        after: i64,
        limit: u32,
    ) -> Result<Vec<EventRow>, JournalError> {
        Ok(sqlx::query_as(
            "select seq, at, type, step, message, data from events where build = ? and seq > ? order by seq limit ?",
        )
        .bind(build)
        .bind(after)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?)
    }
}

impl BuildJournal {
    /// Adds an event and forgets the oldest where there are too many.
    pub(crate) async fn event(
        &self,
        kind: &str,
        step: Option<&str>,
        message: &str,
        data: Option<&str>,
    ) -> Result<(), JournalError> {
        let seq: Option<i64> = sqlx::query_scalar(
            "insert into events (build, seq, at, type, step, message, data) \
             select ?1, (select coalesce(max(seq), 0) + 1 from events where build = ?1), ?3, ?4, ?5, ?6, ?7 \
             where exists (select 1 from leases where build = ?1 and fence = ?2) returning seq",
        )
        .bind(&self.build)
        .bind(self.fence)
        .bind(now())
        .bind(kind)
        .bind(step)
        .bind(message)
        .bind(data)
        .fetch_optional(&self.journal.pool)
        .await?;
        let Some(seq) = seq else {
            return Err(JournalError::LeaseLost {
                build: self.build.clone(),
            });
        };
        // In blocks: a delete for each event would double the writes.
        if seq > EVENTS_KEPT && seq % 64 == 0 {
            sqlx::query("delete from events where build = ? and seq <= ?")
                .bind(&self.build)
                .bind(seq - EVENTS_KEPT)
                .execute(&self.journal.pool)
                .await?;
        }
        self.journal.announce(&self.build);
        Ok(())
    }
}
