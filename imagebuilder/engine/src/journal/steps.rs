//! The journal of steps: begun, done with what output, failed with what error, undone.

use sqlx::FromRow;

use crate::journal::{BuildJournal, Journal, JournalError, now};

/// A step as it is kept.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct StepRow {
    pub(crate) step: String,
    pub(crate) part: String,
    pub(crate) attempts: i64,
    pub(crate) state: String,
    pub(crate) cached: bool,
    pub(crate) started_at: String,
    pub(crate) ended_at: Option<String>,
    pub(crate) output: Option<String>,
    pub(crate) error: Option<String>,
}

impl Journal {
    /// All steps of a build, in the order of the table.
    pub(crate) async fn steps(&self, build: &str) -> Result<Vec<StepRow>, JournalError> {
        Ok(sqlx::query_as(
            "select step, part, attempts, state, cached, started_at, ended_at, output, error \
             from build_steps where build = ? order by ordinal",
        )
        .bind(build)
        .fetch_all(&self.pool)
        .await?)
    }
}

impl BuildJournal {
    /// A step begins, for the first time or again.
    pub(crate) async fn begin_step(
        &self,
        ordinal: i64,
        step: &str,
        part: &str,
    ) -> Result<(), JournalError> {
        let begun = sqlx::query(
            "insert into build_steps (build, ordinal, step, part, attempts, state, started_at) \
             select ?1, ?3, ?4, ?5, 1, 'running', ?6 \
             where exists (select 1 from leases where build = ?1 and fence = ?2) \
             on conflict (build, step, part) do update set \
             attempts = attempts + 1, state = 'running', started_at = ?6, ended_at = null, error = null, ordinal = ?3, cached = 0",
        )
        .bind(&self.build)
        .bind(self.fence)
        .bind(ordinal)
        .bind(step)
        .bind(part)
        .bind(now())
        .execute(&self.journal.pool)
        .await?;
        self.fenced(&begun)
    }

    /// A step ended: `done`, `failed`, `undone` or `skipped`.
    pub(crate) async fn end_step(
        &self,
        step: &str,
        part: &str,
        end: &StepEnd<'_>,
    ) -> Result<(), JournalError> {
        let ended = sqlx::query(
            "update build_steps set state = ?5, output = coalesce(?6, output), error = ?7, ended_at = ?8, cached = ?9 \
             where build = ?1 and step = ?3 and part = ?4 and exists (select 1 from leases where build = ?1 and fence = ?2)",
        )
        .bind(&self.build)
        .bind(self.fence)
        .bind(step)
        .bind(part)
        .bind(end.state)
        .bind(end.output)
        .bind(end.error)
        .bind(now())
        .bind(end.cached)
        .execute(&self.journal.pool)
        .await?;
        self.fenced(&ended)
    }

    /// Steps whose effect died with the machine are to be done again.
    pub(crate) async fn undo_steps(&self, steps: &[&str]) -> Result<(), JournalError> {
        for step in steps {
            sqlx::query(
                "update build_steps set state = 'undone' where build = ?1 and step = ?3 and state in ('done', 'running') \
                 and exists (select 1 from leases where build = ?1 and fence = ?2)",
            )
            .bind(&self.build)
            .bind(self.fence)
            .bind(step)
            .execute(&self.journal.pool)
            .await?;
        }
        Ok(())
    }
}

impl<'a> StepEnd<'a> {
    pub(crate) fn failed(error: &'a str) -> Self {
        Self {
            state: "failed",
            output: None,
            error: Some(error),
            cached: false,
        }
    }
}

/// How a step ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StepEnd<'a> {
    pub(crate) state: &'static str,
    pub(crate) output: Option<&'a str>,
    pub(crate) error: Option<&'a str>,
    pub(crate) cached: bool,
}
