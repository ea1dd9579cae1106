//! Who works on what: claims by lease, heartbeats, fences, and requests to cancel.

use sqlx::FromRow;

use crate::journal::{BuildJournal, Journal, JournalError, now};

/// The right to work on a build.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Claim {
    pub(crate) build: String,
    pub(crate) fence: i64,
    pub(crate) fresh: bool,
    pub(crate) attempt: i64,
}

impl Journal {
    /// Takes the build that has waited longest, if there is one that nobody works on.
    pub(crate) async fn claim(&self, worker: &str) -> Result<Option<Claim>, JournalError> {
        let mut transaction = self.pool.begin_with("begin immediate").await?;
        let next: Option<(String, bool)> = sqlx::query_as(
            "select build, fresh from queue where not exists (select 1 from leases where leases.build = queue.build) \
             and (not_before is null or not_before <= ?) order by priority desc, build limit 1",
        )
        .bind(now())
        .fetch_optional(&mut *transaction)
        .await?;
        let Some((build, fresh)) = next else {
            return Ok(None);
        };
        let fence: i64 = sqlx::query_scalar("update fences set last = last + 1 returning last")
            .fetch_one(&mut *transaction)
            .await?;
        sqlx::query("insert into leases (build, worker, fence, heartbeat_at) values (?, ?, ?, ?)")
            .bind(&build)
            .bind(worker)
            .bind(fence)
            .bind(now())
            .execute(&mut *transaction)
            .await?;
        let attempt: i64 = sqlx::query_scalar(
            "update builds set state = 'running', attempt = attempt + 1, started_at = coalesce(started_at, ?2) \
             where id = ?1 returning attempt",
        )
        .bind(&build)
        .bind(now())
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        self.announce(&build);
        Ok(Some(Claim {
            build,
            fence,
            fresh,
            attempt,
        }))
    }

    /// Ends the leases of workers that are gone. One data folder has one process, so at its start all others are.
    ///
    /// Answers with the builds that will be claimed again.
    pub(crate) async fn take_over(&self) -> Result<Vec<String>, JournalError> {
        let mut transaction = self.pool.begin_with("begin immediate").await?;
        let builds: Vec<String> = sqlx::query_scalar("delete from leases returning build")
            .fetch_all(&mut *transaction)
            .await?;
        sqlx::query("update builds set state = 'queued' where state = 'running'")
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(builds)
    }

    /// Marks a build for cancelling; false where it has ended or never was.
    pub(crate) async fn request_cancel(&self, build: &str) -> Result<bool, JournalError> {
        let marked = sqlx::query("update queue set cancel_requested = 1 where build = ?")
            .bind(build)
            .execute(&self.pool)
            .await?;
        self.announce(build);
        Ok(marked.rows_affected() > 0)
    }

    /// Ends builds that are to be cancelled and that nobody works on; answers with their ids.
    pub(crate) async fn drop_cancelled(&self) -> Result<Vec<String>, JournalError> {
        let mut transaction = self.pool.begin_with("begin immediate").await?;
        let builds: Vec<String> = sqlx::query_scalar(
            "delete from queue where cancel_requested = 1 \
             and not exists (select 1 from leases where leases.build = queue.build) returning build",
        )
        .fetch_all(&mut *transaction)
        .await?;
        for build in &builds {
            sqlx::query("update builds set state = 'cancelled', reason = 'Cancelled', message = ?2, ended_at = ?3 where id = ?1")
                .bind(build)
                .bind("cancelled before a worker took it up")
                .bind(now())
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        builds.iter().for_each(|build| self.announce(build));
        Ok(builds)
    }
}

impl BuildJournal {
    /// Says that this worker is alive, and hears whether the build is to be cancelled.
    pub(crate) async fn heartbeat(&self) -> Result<bool, JournalError> {
        let beat =
            sqlx::query("update leases set heartbeat_at = ?3 where build = ?1 and fence = ?2")
                .bind(&self.build)
                .bind(self.fence)
                .bind(now())
                .execute(&self.journal.pool)
                .await?;
        if beat.rows_affected() == 0 {
            return Err(JournalError::LeaseLost {
                build: self.build.clone(),
            });
        }
        Ok(
            sqlx::query_scalar("select cancel_requested from queue where build = ?")
                .bind(&self.build)
                .fetch_optional(&self.journal.pool)
                .await?
                .unwrap_or(true),
        )
    }

    /// Gives the build back to the queue; the next worker goes on from the journal.
    pub(crate) async fn release(&self) -> Result<(), JournalError> {
        let mut transaction = self.journal.pool.begin_with("begin immediate").await?;
        let released = sqlx::query("delete from leases where build = ? and fence = ?")
            .bind(&self.build)
            .bind(self.fence)
            .execute(&mut *transaction)
            .await?;
        if released.rows_affected() > 0 {
            sqlx::query("update builds set state = 'queued' where id = ?")
                .bind(&self.build)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        self.journal.announce(&self.build);
        Ok(())
    }
}
