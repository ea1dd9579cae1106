//! The journal of steps: begun, done with what output, failed with what error, undone.

use database::{FromRow, statements, values};

use crate::journal::{BuildJournal, Journal, JournalError, now};

statements! {
    LIST: "list the steps of a build" = "select step, part, attempts, state, cached, started_at, \
        ended_at, output, error from build_steps where build = $1 order by ordinal";
    BEGIN: "begin a step" = "insert into build_steps \
        (build, ordinal, step, part, attempts, state, started_at) \
        select $1, $3, $4, $5, 1, 'running', $6 \
        where exists (select 1 from leases where build = $1 and fence = $2" for_key_share ") \
        on conflict (build, step, part) do update set attempts = build_steps.attempts + 1, \
        state = 'running', started_at = excluded.started_at, ended_at = null, error = null, \
        ordinal = excluded.ordinal, cached = false returning attempts";
    END: "end a step" = "update build_steps set state = $5, output = coalesce($6, output), error = $7, \
        ended_at = $8, cached = $9 where build = $1 and step = $3 and part = $4 \
        and exists (select 1 from leases where build = $1 and fence = $2" for_key_share ")";
    UNDO: "note that steps were undone" = "update build_steps set state = 'undone' \
        where build = $1 and state in ('done', 'running') \
        and step in (select j.value from " list["$3"] ") \
        and exists (select 1 from leases where build = $1 and fence = $2" for_key_share ")";
}

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
        Ok(self.pool.all(&LIST, values![build]).await?)
    }
}

impl BuildJournal {
    /// A step begins, for the first time or again; answers with the number of the try.
    pub(crate) async fn begin_step(
        &self,
        ordinal: i64,
        step: &str,
        part: &str,
    ) -> Result<i64, JournalError> {
        let now = now();
        let values = values![&self.build, self.fence, ordinal, step, part, &now];
        let mut transaction = self.journal.pool.begin().await?;
        let begun: Option<(i64,)> = transaction.optional(&BEGIN, values).await?;
        transaction.commit().await?;
        let (number,) = begun.ok_or_else(|| self.lost())?;
        self.journal.announce(&self.build);
        Ok(number)
    }

    /// A step ended: `done`, `failed`, `undone` or `skipped`.
    pub(crate) async fn end_step(
        &self,
        step: &str,
        part: &str,
        end: &StepEnd<'_>,
    ) -> Result<(), JournalError> {
        let now = now();
        let values = values![
            &self.build,
            self.fence,
            step,
            part,
            end.state,
            end.output,
            end.error,
            &now,
            end.cached
        ];
        self.fenced(self.journal.pool.execute(&END, values).await?)
    }

    /// Steps whose effect died with the machine are to be done again.
    pub(crate) async fn undo_steps(&self, steps: &[&str]) -> Result<(), JournalError> {
        let list = serde_json::to_string(steps).unwrap_or_else(|_| "[]".to_owned());
        let values = values![&self.build, self.fence, &list];
        self.journal.pool.execute(&UNDO, values).await?;
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
