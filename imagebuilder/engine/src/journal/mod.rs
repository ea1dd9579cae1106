//! What is to be done and what has happened, in SQLite or PostgreSQL. The only place with SQL.
//!
//! Every change is durable before the next action. No transaction is held while a step runs.
//! SQLite has one process; on PostgreSQL several processes work on one journal, and these
//! things keep them apart:
//!
//! | what | how |
//! |---|---|
//! | a claim | `fences` is locked for the time of a claim: limits are counted by one at a time |
//! | a build's writes | each names the fence of its lease, and locks the lease's row against its end |
//! | the end of a lease | its row is deleted, which waits for writes that are under way |
//! | two requests for one signature | one row of the queue for each signature |
//! | who watches | changes are announced to all processes, see `announce` |

mod announce;
mod builds;
mod conditions;
mod control;
mod deliveries;
mod events;
mod images;
mod leases;
mod load;
mod operators;
mod queue;
mod resources;
mod retention;
mod schema;
mod stage_store;
mod stages;
mod steps;
#[cfg(test)]
mod tests;
mod usage;
mod workers;

use std::path::Path;
use std::sync::Arc;

use database::{Collides, Database, DatabaseError, Pool};
use jiff::Timestamp;
use tokio::sync::{Mutex, Notify, broadcast};

use self::announce::Announcer;
use self::schema::SCHEMA;

pub(crate) use builds::{BuildRow, NewBuild, Submitted};
pub(crate) use control::{InQueue, LATE, Wish};
pub(crate) use deliveries::DeliveryRow;
pub(crate) use events::EVENTS_KEPT;
pub(crate) use images::ImageRow;
pub(crate) use leases::LEASE;
pub(crate) use operators::HoldRow;
pub(crate) use queue::Claim;
pub(crate) use resources::ResourceRow;
pub(crate) use stages::StageRow;
pub(crate) use steps::{StepEnd, StepRow};
pub(crate) use workers::{Draining, NewWorker, WorkerRow};

/// Why the journal could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It cannot be opened.
    #[error("cannot open the journal in {place}")]
    Open {
        /// The file, or the server's address without its password.
        place: String,
        /// What the database said.
        source: DatabaseError,
    },
    /// A statement failed.
    #[error("cannot use the journal")]
    Database(#[from] DatabaseError),
    /// Another worker has taken the build over: this one must stop and write nothing more.
    #[error("the lease on build {build} is lost")]
    LeaseLost {
        /// The build.
        build: String,
    },
    /// A row holds what this program did not write.
    #[error("the journal holds {what} that does not parse: {message}")]
    Corrupt {
        /// Which kind of row.
        what: &'static str,
        /// Why.
        message: String,
    },
}

impl Collides for JournalError {
    fn is_collision(&self) -> bool {
        matches!(self, Self::Database(error) if error.is_collision())
    }
}

/// Who this process is among those that share the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Here {
    /// This data folder. One process at a time has it.
    pub(crate) host: String,
    /// What this process's provider can see: its host, or a cloud that others see too.
    pub(crate) place: String,
}

/// The journal of all builds.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    pool: Pool,
    here: Here,
    changed: broadcast::Sender<String>,
    announcer: Arc<Announcer>,
    /// Rung when there may be a build to claim.
    work: Arc<Notify>,
}

/// The journal of one build, for the worker that holds its lease.
#[derive(Debug, Clone)]
pub(crate) struct BuildJournal {
    pub(crate) journal: Journal,
    pub(crate) build: String,
    pub(crate) fence: i64,
    /// Events get their numbers one after the other.
    counting: Arc<Mutex<()>>,
}

impl Journal {
    /// Opens the database, and brings it to the newest schema. SQLite lies in `file`.
    pub(crate) async fn open(
        database: &Database,
        file: &Path,
        here: Here,
    ) -> Result<Self, JournalError> {
        let place = match database {
            Database::Sqlite => file.display().to_string(),
            Database::Postgres(config) => config.url.to_string(),
        };
        let pool = Pool::open(database, file, &SCHEMA)
            .await
            .map_err(|source| JournalError::Open { place, source })?;
        let (changed, _) = broadcast::channel(256);
        let work = Arc::new(Notify::new());
        let announcer = Announcer::start(&pool, &changed, &work);
        let journal = Self {
            pool,
            here,
            changed,
            announcer: Arc::new(announcer),
            work,
        };
        journal.name_the_place().await?;
        Ok(journal)
    }

    /// Whether other processes may work on the same journal.
    pub(crate) fn is_shared(&self) -> bool {
        self.pool.is_shared()
    }

    /// The journal of one build under a claim.
    pub(crate) fn of(&self, claim: &Claim) -> BuildJournal {
        BuildJournal {
            journal: self.clone(),
            build: claim.build.clone(),
            fence: claim.fence,
            counting: Arc::default(),
        }
    }

    /// Hears the id of every build that changes, in whichever process. Who lags reads the
    /// journal again.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<String> {
        self.changed.subscribe()
    }

    /// Resolves once there may be a build to claim.
    pub(crate) async fn work(&self) {
        self.work.notified().await;
    }

    /// Closes the database after all writes.
    pub(crate) async fn close(&self) {
        self.announcer.stop().await;
        self.pool.close().await;
    }

    fn announce(&self, build: &str) {
        // Nobody listens most of the time.
        drop(self.changed.send(build.to_owned()));
        self.announcer.changed(build);
    }

    /// Says that there may be a build to claim.
    pub(crate) fn ring(&self) {
        self.work.notify_one();
        self.announcer.ring();
    }
}

impl BuildJournal {
    /// A write under a fence changed no row: the lease went to somebody else.
    fn fenced(&self, rows: u64) -> Result<(), JournalError> {
        if rows == 0 {
            return Err(self.lost());
        }
        self.journal.announce(&self.build);
        Ok(())
    }

    fn lost(&self) -> JournalError {
        JournalError::LeaseLost {
            build: self.build.clone(),
        }
    }
}

/// Now, in the one form in which times are kept: RFC 3339 in UTC with milliseconds, which sorts as text.
pub(crate) fn now() -> String {
    stamp(Timestamp::now())
}

/// A time as it is kept.
pub(crate) fn stamp(time: Timestamp) -> String {
    format!("{time:.3}")
}
