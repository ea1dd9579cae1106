//! What a build has created at a provider: intent before the call, id after it.

use sqlx::FromRow;

use crate::journal::{BuildJournal, Journal, JournalError, now};

/// A resource as it is kept.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct ResourceRow {
    pub(crate) intent: String,
    pub(crate) build: String,
    pub(crate) kind: String,
    pub(crate) purpose: String,
    pub(crate) id: Option<String>,
}

impl Journal {
    /// Resources that may still exist, of all builds.
    pub(crate) async fn live_resources(&self) -> Result<Vec<ResourceRow>, JournalError> {
        Ok(sqlx::query_as(
            "select intent, build, kind, purpose, id from resources where state <> 'gone'",
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Resources of one build that may still exist, newest first.
    pub(crate) async fn resources_of(&self, build: &str) -> Result<Vec<ResourceRow>, JournalError> {
        Ok(sqlx::query_as(
            "select intent, build, kind, purpose, id from resources \
             where build = ? and state <> 'gone' order by created_at desc, intent desc",
        )
        .bind(build)
        .fetch_all(&self.pool)
        .await?)
    }

    /// How many resources a build ever intended.
    pub(crate) async fn resource_count(&self, build: &str) -> Result<u32, JournalError> {
        Ok(
            sqlx::query_scalar("select count(*) from resources where build = ?")
                .bind(build)
                .fetch_one(&self.pool)
                .await?,
        )
    }

    /// The provider no longer holds it. Needs no lease: the reaper says so as well.
    pub(crate) async fn resource_gone(&self, intent: &str) -> Result<(), JournalError> {
        sqlx::query("update resources set state = 'gone', gone_at = ? where intent = ?")
            .bind(now())
            .bind(intent)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

impl BuildJournal {
    /// Says what is about to be created. The same intent twice is one.
    pub(crate) async fn intend(
        &self,
        intent: &str,
        kind: &str,
        purpose: &str,
        provider: &str,
        deadline: &str,
    ) -> Result<(), JournalError> {
        let written = sqlx::query(
            "insert into resources (intent, build, kind, purpose, provider, state, created_at, deadline) \
             select ?3, ?1, ?4, ?5, ?6, 'intended', ?7, ?8 where exists (select 1 from leases where build = ?1 and fence = ?2) \
             on conflict (intent) do update set state = 'intended', gone_at = null",
        )
        .bind(&self.build)
        .bind(self.fence)
        .bind(intent)
        .bind(kind)
        .bind(purpose)
        .bind(provider)
        .bind(now())
        .bind(deadline)
        .execute(&self.journal.pool)
        .await?;
        self.fenced(&written)
    }

    /// The provider answered with an id.
    pub(crate) async fn created(&self, intent: &str, id: &str) -> Result<(), JournalError> {
        let written = sqlx::query(
            "update resources set state = 'created', id = ?4 where intent = ?3 \
             and exists (select 1 from leases where build = ?1 and fence = ?2)",
        )
        .bind(&self.build)
        .bind(self.fence)
        .bind(intent)
        .bind(id)
        .execute(&self.journal.pool)
        .await?;
        self.fenced(&written)
    }
}
