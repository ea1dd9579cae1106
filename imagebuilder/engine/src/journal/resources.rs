//! What a build has created at a provider: intent before the call, id after it.
//!
//! A worker sees the resources of its own place only: those of another host are that
//! host's to remove.

use database::{FromRow, statements, values};

use crate::journal::{BuildJournal, Journal, JournalError, now};

statements! {
    LIVE: "list what may still exist" = "select intent, build, kind, purpose, id from resources \
        where state <> 'gone' and place = $1";
    OF: "list what a build may still hold" = "select intent, build, kind, purpose, id from resources \
        where build = $1 and state <> 'gone' and place = $2 order by created_at desc, intent desc";
    COUNT: "count what a build intended" = "select count(*) from resources where build = $1";
    GONE: "note that a resource is gone" = "update resources set state = 'gone', gone_at = $2 \
        where intent = $1 and state <> 'gone'";
    INTEND: "note an intent" = "insert into resources \
        (intent, build, kind, purpose, provider, state, created_at, deadline, place) \
        select $3, $1, $4, $5, $6, 'intended', $7, $8, $9 \
        where exists (select 1 from leases where build = $1 and fence = $2" for_key_share ") \
        on conflict (intent) do update set state = 'intended', gone_at = null, place = excluded.place";
    CREATED: "note a resource's id" = "update resources set state = 'created', id = $4 where intent = $3 \
        and exists (select 1 from leases where build = $1 and fence = $2" for_key_share ")";
    PLACE: "say where resources are" = "update resources set place = $1 where place = ''";
    PLACE_STAGES: "say where stages are" = "update stages set place = $1 where place = ''";
}

/// A resource as it is kept.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct ResourceRow {
    pub(crate) intent: String,
    pub(crate) build: String,
    pub(crate) kind: String,
    pub(crate) purpose: String,
    pub(crate) id: Option<String>,
}

impl ResourceRow {
    /// What the provider calls it, as far as is known: machines and images are named by their intent.
    pub(crate) fn name(&self) -> &str {
        self.id.as_deref().unwrap_or(&self.intent)
    }
}

impl Journal {
    /// Rows of a time when there was one place only are of this one.
    pub(super) async fn name_the_place(&self) -> Result<(), JournalError> {
        for statement in [&PLACE, &PLACE_STAGES] {
            let values = values![&self.here.place];
            self.pool.execute(statement, values).await?;
        }
        Ok(())
    }

    /// Resources of this place that may still exist, of all builds.
    pub(crate) async fn live_resources(&self) -> Result<Vec<ResourceRow>, JournalError> {
        Ok(self.pool.all(&LIVE, values![&self.here.place]).await?)
    }

    /// Resources of one build in this place that may still exist, newest first.
    pub(crate) async fn resources_of(&self, build: &str) -> Result<Vec<ResourceRow>, JournalError> {
        let values = values![build, &self.here.place];
        Ok(self.pool.all(&OF, values).await?)
    }

    /// How many resources a build ever intended, wherever.
    pub(crate) async fn resource_count(&self, build: &str) -> Result<u32, JournalError> {
        let count: Option<(i64,)> = self.pool.optional(&COUNT, values![build]).await?;
        Ok(count.map_or(0, |(count,)| u32::try_from(count).unwrap_or(u32::MAX)))
    }

    /// The provider no longer holds it. Needs no lease: the reaper says so as well.
    pub(crate) async fn resource_gone(&self, intent: &str) -> Result<(), JournalError> {
        self.pool.execute(&GONE, values![intent, &now()]).await?;
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
        let now = now();
        let values = values![
            &self.build,
            self.fence,
            intent,
            kind,
            purpose,
            provider,
            &now,
            deadline,
            &self.journal.here.place
        ];
        self.fenced(self.journal.pool.execute(&INTEND, values).await?)
    }

    /// The provider answered with an id.
    pub(crate) async fn created(&self, intent: &str, id: &str) -> Result<(), JournalError> {
        let values = values![&self.build, self.fence, intent, id];
        self.fenced(self.journal.pool.execute(&CREATED, values).await?)
    }
}
