//! Leases: kept by heartbeats, given back, ended where their worker died.
//!
//! All times are the database's. A lease is ended by deleting its row: that waits for the
//! writes of its holder that are under way, and makes all later ones change nothing.

use std::time::Duration;

use database::{Transaction, retry, statements, values};

use crate::journal::{BuildJournal, Journal, JournalError, usage};

statements! {
    EXPIRED: "find leases that ran out" = "select build from leases where expires_at < " now "" for_update_skip_locked;
    OF_HOST: "find leases of a dead process" = "select build from leases where host = $1" for_update;
    END: "end a lease" = "delete from leases where build = $1";
    BACK: "put a build back into the queue" = "update builds set state = 'queued' \
        where id = $1 and state = 'running'";
    LOOSE: "put builds that nobody has back" = "update builds set state = 'queued' \
        where state = 'running' and exists (select 1 from queue where build = builds.id) \
        and not exists (select 1 from leases where build = builds.id)";
    BEAT: "say that a worker is alive" = "update leases set expires_at = " now " + $2 \
        where worker = $1 returning build, fence";
    GIVE_BACK: "give a build back" = "select build from leases where build = $1 and fence = $2" for_update;
    LIVE: "list who works" = "select build from leases where place = $1";
}

/// A worker that gives no sign of life for so long has lost its builds.
pub(crate) const LEASE: Duration = Duration::from_secs(30);
pub(super) const LEASE_MILLISECONDS: i64 = 30_000;

impl Journal {
    /// Ends the leases of earlier processes on this data folder: it has one process at a
    /// time, so they are dead.
    ///
    /// Answers with the builds that will be claimed again.
    pub(crate) async fn take_over(&self) -> Result<Vec<String>, JournalError> {
        let builds = retry(|| self.try_take_over()).await?;
        builds.iter().for_each(|build| self.announce(build));
        Ok(builds)
    }

    async fn try_take_over(&self) -> Result<Vec<String>, JournalError> {
        let mut transaction = self.pool.begin().await?;
        let values = values![&self.here.host];
        let builds: Vec<(String,)> = transaction.all(&OF_HOST, values).await?;
        let builds = end(&mut transaction, builds).await?;
        transaction.execute(&LOOSE, values![]).await?;
        usage::expire(&mut transaction).await?;
        transaction.commit().await?;
        Ok(builds)
    }

    /// Says that a worker is alive; answers with the builds that it still has, and their fences.
    pub(crate) async fn beat(&self, worker: &str) -> Result<Vec<(String, i64)>, JournalError> {
        let mut transaction = self.pool.begin().await?;
        let values = values![worker, LEASE_MILLISECONDS];
        let held = transaction.all(&BEAT, values).await?;
        transaction.commit().await?;
        Ok(held)
    }

    /// The builds of this place that some worker has, here or in another process.
    pub(crate) async fn busy(&self) -> Result<Vec<String>, JournalError> {
        let values = values![&self.here.place];
        let builds: Vec<(String,)> = self.pool.all(&LIVE, values).await?;
        Ok(builds.into_iter().map(|(build,)| build).collect())
    }
}

/// Ends leases that ran out; answers with their builds.
pub(super) async fn end_expired(
    transaction: &mut Transaction,
) -> Result<Vec<String>, JournalError> {
    let builds: Vec<(String,)> = transaction.all(&EXPIRED, values![]).await?;
    end(transaction, builds).await
}

async fn end(
    transaction: &mut Transaction,
    builds: Vec<(String,)>,
) -> Result<Vec<String>, JournalError> {
    let mut ended = Vec::with_capacity(builds.len());
    for (build,) in builds {
        usage::account(transaction, &build).await?;
        transaction.execute(&END, values![&build]).await?;
        transaction.execute(&BACK, values![&build]).await?;
        ended.push(build);
    }
    Ok(ended)
}

impl BuildJournal {
    /// Gives the build back to the queue; the next worker goes on from the journal.
    pub(crate) async fn release(&self) -> Result<(), JournalError> {
        retry(|| self.try_release()).await?;
        self.journal.announce(&self.build);
        self.journal.ring();
        Ok(())
    }

    async fn try_release(&self) -> Result<(), JournalError> {
        let mut transaction = self.journal.pool.begin().await?;
        let values = values![&self.build, self.fence];
        let held: Vec<(String,)> = transaction.all(&GIVE_BACK, values).await?;
        end(&mut transaction, held).await?;
        Ok(transaction.commit().await?)
    }
}
