//! The record of a build: asked for, running, ended.

use sqlx::{FromRow, SqliteConnection};
use uuid::Uuid;

use crate::journal::{BuildJournal, Journal, JournalError, now};

/// A build to be done.
#[derive(Debug, Clone)]
pub(crate) struct NewBuild {
    pub(crate) signature: String,
    pub(crate) profile: String,
    pub(crate) request: String,
    pub(crate) pins: String,
    pub(crate) chain: String,
    pub(crate) fresh: bool,
}

/// Which build does what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Submitted {
    pub(crate) build: String,
    /// False where another request had asked for the same before.
    pub(crate) created: bool,
}

/// A build as it is kept.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct BuildRow {
    pub(crate) id: String,
    pub(crate) signature: String,
    pub(crate) profile: String,
    pub(crate) request: String,
    pub(crate) pins: String,
    pub(crate) chain: String,
    pub(crate) state: String,
    pub(crate) attempt: i64,
    pub(crate) reason: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) created_at: String,
    pub(crate) started_at: Option<String>,
    pub(crate) ended_at: Option<String>,
}

impl Journal {
    /// Queues a build, or finds the one that is already under way for this signature.
    pub(crate) async fn submit(&self, new: &NewBuild) -> Result<Submitted, JournalError> {
        let mut transaction = self.pool.begin_with("begin immediate").await?;
        if let Some(build) = under_way(&mut transaction, &new.signature).await? {
            // A build that has not begun can still become a fresh one.
            sqlx::query(
                "update queue set fresh = max(fresh, ?2) where build = ?1 and not exists (select 1 from leases where build = ?1)",
            )
            .bind(&build)
            .bind(new.fresh)
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            return Ok(Submitted {
                build,
                created: false,
            });
        }
        let build = Uuid::now_v7().to_string();
        sqlx::query(
            "insert into builds (id, signature, profile, request, pins, chain, state, created_at) \
             values (?, ?, ?, ?, ?, ?, 'queued', ?)",
        )
        .bind(&build)
        .bind(&new.signature)
        .bind(&new.profile)
        .bind(&new.request)
        .bind(&new.pins)
        .bind(&new.chain)
        .bind(now())
        .execute(&mut *transaction)
        .await?;
        sqlx::query("insert into queue (build, signature, fresh) values (?, ?, ?)")
            .bind(&build)
            .bind(&new.signature)
            .bind(new.fresh)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        self.announce(&build);
        Ok(Submitted {
            build,
            created: true,
        })
    }

    /// One build.
    pub(crate) async fn build(&self, id: &str) -> Result<Option<BuildRow>, JournalError> {
        Ok(sqlx::query_as("select * from builds where id = ?")
            .bind(id)
            .fetch_optional(&self.pool)
            .await?)
    }

    /// Builds, newest first, those before `last`.
    pub(crate) async fn builds(
        &self,
        limit: u32,
        last: Option<&str>,
    ) -> Result<Vec<BuildRow>, JournalError> {
        // Ids are UUIDs of version 7: their order is the order of creation.
        Ok(sqlx::query_as(
            "select * from builds where ?1 is null or id < ?1 order by id desc limit ?2",
        )
        .bind(last)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?)
    }

    /// The newest build of a signature.
    pub(crate) async fn build_of(&self, signature: &str) -> Result<Option<BuildRow>, JournalError> {
        Ok(
            sqlx::query_as("select * from builds where signature = ? order by id desc limit 1")
                .bind(signature)
                .fetch_optional(&self.pool)
                .await?,
        )
    }

    /// The builds that have not ended.
    pub(crate) async fn unfinished(&self) -> Result<Vec<String>, JournalError> {
        Ok(sqlx::query_scalar("select build from queue")
            .fetch_all(&self.pool)
            .await?)
    }
}

impl BuildJournal {
    /// The build ended for good: the record keeps why, the queue forgets it.
    pub(crate) async fn finish(
        &self,
        state: &str,
        reason: Option<&str>,
        message: Option<&str>,
    ) -> Result<(), JournalError> {
        let mut transaction = self.journal.pool.begin_with("begin immediate").await?;
        let ended = sqlx::query(
            "update builds set state = ?3, reason = ?4, message = ?5, ended_at = ?6 \
             where id = ?1 and exists (select 1 from leases where build = ?1 and fence = ?2)",
        )
        .bind(&self.build)
        .bind(self.fence)
        .bind(state)
        .bind(reason)
        .bind(message)
        .bind(now())
        .execute(&mut *transaction)
        .await?;
        if ended.rows_affected() == 0 {
            return Err(JournalError::LeaseLost {
                build: self.build.clone(),
            });
        }
        sqlx::query("delete from queue where build = ?")
            .bind(&self.build)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        self.journal.announce(&self.build);
        Ok(())
    }
}

async fn under_way(
    connection: &mut SqliteConnection,
    signature: &str,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("select build from queue where signature = ? and cancel_requested = 0")
        .bind(signature)
        .fetch_optional(connection)
        .await
}
