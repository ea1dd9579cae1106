//! The record of a build: asked for, running, ended.

use database::{FromRow, Transaction, retry, statements, values};
use uuid::Uuid;

use crate::journal::{BuildJournal, Journal, JournalError, now, usage};

statements! {
    SHARE: "join a build that is under way" = "update queue set \
        fresh = fresh or ($2 and not exists (select 1 from leases where leases.build = queue.build)), \
        priority = case when priority < $3 then $3 else priority end, \
        deadline = case when deadline is null or CAST($4 AS BIGINT) is null then null \
            when deadline < $4 then $4 else deadline end \
        where signature = $1 and not cancel_requested returning build";
    CREATE: "write a build" = "insert into builds \
        (id, signature, profile, project, request, pins, chain, state, created_at, trace) \
        values ($1, $2, $3, $4, $5, $6, $7, 'queued', $8, $9)";
    QUEUE: "queue a build" = "insert into queue \
        (build, signature, project, provider, region, size, priority, fresh, deadline) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing";
    COUNT: "count the builds of a project" = "select count(*) from queue where project = $1";
    BUILD: "read a build" = "select id, signature, profile, request, pins, chain, state, \
        attempt, reason, message, created_at, started_at, ended_at, trace from builds where id = $1";
    BUILDS: "list builds" = "select id, signature, profile, request, pins, chain, state, \
        attempt, reason, message, created_at, started_at, ended_at, trace from builds \
        where CAST($1 AS TEXT) is null or id < $1 order by id desc limit $2";
    BUILD_OF: "find a build by signature" = "select id, signature, profile, request, pins, \
        chain, state, attempt, reason, message, created_at, started_at, ended_at, trace from builds \
        where signature = $1 order by id desc limit 1";
    UNFINISHED: "list the builds that have not ended" = "select build from queue";
    END: "end a build" = "update builds set state = $3, reason = $4, message = $5, ended_at = $6 \
        where id = $1 and exists (select 1 from leases where build = $1 and fence = $2" for_key_share ")";
    FORGET: "take a build out of the queue" = "delete from queue where build = $1";
}

/// A build to be done.
#[derive(Debug, Clone)]
pub(crate) struct NewBuild {
    pub(crate) signature: String,
    pub(crate) profile: String,
    pub(crate) project: String,
    pub(crate) request: String,
    pub(crate) pins: String,
    pub(crate) chain: String,
    pub(crate) fresh: bool,
    pub(crate) provider: String,
    pub(crate) region: String,
    /// Of the build machine, as [`crate::size::MachineSize`] writes it.
    pub(crate) size: String,
    pub(crate) priority: i64,
    /// Milliseconds since 1970.
    pub(crate) deadline: Option<i64>,
    /// The span that asks for it.
    pub(crate) trace: Option<String>,
}

/// What became of a request for a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Submitted {
    /// It waits for a worker.
    Created(String),
    /// Another request had asked for the same before.
    Shared(String),
    /// The project has as many builds that have not ended as it may have.
    Full,
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
    pub(crate) trace: Option<String>,
}

impl Journal {
    /// Queues a build, or finds the one that is already under way for this signature.
    /// A project has at most `most` that have not ended.
    pub(crate) async fn submit(
        &self,
        new: &NewBuild,
        most: u32,
    ) -> Result<Submitted, JournalError> {
        let submitted = loop {
            // Nothing was written where another process queued the same just now: it is there to join.
            if let Some(submitted) = retry(|| self.try_submit(new, most)).await? {
                break submitted;
            }
        };
        if let Submitted::Created(build) | Submitted::Shared(build) = &submitted {
            self.announce(build);
            self.ring();
        }
        Ok(submitted)
    }

    async fn try_submit(
        &self,
        new: &NewBuild,
        most: u32,
    ) -> Result<Option<Submitted>, JournalError> {
        let mut transaction = self.pool.begin().await?;
        let shared = values![&new.signature, new.fresh, new.priority, new.deadline];
        if let Some((build,)) = transaction.optional::<(String,)>(&SHARE, shared).await? {
            transaction.commit().await?;
            return Ok(Some(Submitted::Shared(build)));
        }
        let (waiting,): (i64,) = transaction.one(&COUNT, values![&new.project]).await?;
        if waiting >= i64::from(most) {
            return Ok(Some(Submitted::Full));
        }
        let build = Uuid::now_v7().to_string();
        if !insert(&mut transaction, &build, new).await? {
            return Ok(None);
        }
        transaction.commit().await?;
        Ok(Some(Submitted::Created(build)))
    }

    /// One build.
    pub(crate) async fn build(&self, id: &str) -> Result<Option<BuildRow>, JournalError> {
        Ok(self.pool.optional(&BUILD, values![id]).await?)
    }

    /// Builds, newest first, those before `last`.
    pub(crate) async fn builds(
        &self,
        limit: u32,
        last: Option<&str>,
    ) -> Result<Vec<BuildRow>, JournalError> {
        // Ids are UUIDs of version 7: their order is the order of creation.
        Ok(self.pool.all(&BUILDS, values![last, limit]).await?)
    }

    /// The newest build of a signature.
    pub(crate) async fn build_of(&self, signature: &str) -> Result<Option<BuildRow>, JournalError> {
        Ok(self.pool.optional(&BUILD_OF, values![signature]).await?)
    }

    /// The builds that have not ended.
    pub(crate) async fn unfinished(&self) -> Result<Vec<String>, JournalError> {
        let builds: Vec<(String,)> = self.pool.all(&UNFINISHED, values![]).await?;
        Ok(builds.into_iter().map(|(build,)| build).collect())
    }
}

/// Writes both rows; false where another process queued the signature meanwhile.
async fn insert(
    transaction: &mut Transaction,
    build: &str,
    new: &NewBuild,
) -> Result<bool, JournalError> {
    let now = now();
    let record = values![
        build,
        &new.signature,
        &new.profile,
        &new.project,
        &new.request,
        &new.pins,
        &new.chain,
        &now,
        &new.trace
    ];
    transaction.execute(&CREATE, record).await?;
    let queued = values![
        build,
        &new.signature,
        &new.project,
        &new.provider,
        &new.region,
        &new.size,
        new.priority,
        new.fresh,
        new.deadline
    ];
    Ok(transaction.execute(&QUEUE, queued).await? == 1)
}

impl BuildJournal {
    /// The build ended for good: the record keeps why, the queue forgets it.
    pub(crate) async fn finish(
        &self,
        state: &str,
        reason: Option<&str>,
        message: Option<&str>,
    ) -> Result<(), JournalError> {
        retry(|| self.try_finish(state, reason, message)).await?;
        self.journal.announce(&self.build);
        self.journal.ring();
        Ok(())
    }

    async fn try_finish(
        &self,
        state: &str,
        reason: Option<&str>,
        message: Option<&str>,
    ) -> Result<(), JournalError> {
        let mut transaction = self.journal.pool.begin().await?;
        let now = now();
        let end = values![&self.build, self.fence, state, reason, message, &now];
        if transaction.execute(&END, end).await? == 0 {
            return Err(self.lost());
        }
        usage::account(&mut transaction, &self.build).await?;
        transaction.execute(&FORGET, values![&self.build]).await?;
        Ok(transaction.commit().await?)
    }
}
