//! What is to be done and what has happened, in SQLite. The only place with SQL.
//!
//! Every change is durable before the next action. No transaction is held while a step runs.

mod builds;
mod conditions;
mod deliveries;
mod events;
mod images;
mod load;
mod operators;
mod queue;
mod resources;
mod retention;
mod stage_store;
mod stages;
mod steps;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::sync::broadcast;

pub(crate) use builds::{BuildRow, NewBuild};
pub(crate) use deliveries::DeliveryRow;
pub(crate) use events::EVENTS_KEPT;
pub(crate) use images::ImageRow;
pub(crate) use operators::HoldRow;
pub(crate) use queue::Claim;
pub(crate) use stages::StageRow;
pub(crate) use steps::{StepEnd, StepRow};

/// Why the journal could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be opened.
    #[error("cannot open the journal {}", path.display())]
    Open {
        /// The database file.
        path: PathBuf,
        /// What the database said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A statement failed.
    #[error("cannot use the journal")]
    Database(#[from] sqlx::Error),
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

/// The journal of all builds of one data folder.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    pool: SqlitePool,
    changed: broadcast::Sender<String>,
}

/// The journal of one build, for the worker that holds its lease.
#[derive(Debug, Clone)]
pub(crate) struct BuildJournal {
    pub(crate) journal: Journal,
    pub(crate) build: String,
    pub(crate) fence: i64,
}

impl Journal {
    /// Opens the database, and brings it to the newest schema.
    pub(crate) async fn open(path: &Path) -> Result<Self, JournalError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // Intent has to survive a power cut, or a machine could leak.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(20));
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| JournalError::Open {
            path: path.to_owned(),
            source,
        };
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_with(options)
            .await
            .map_err(|error| failed(error.into()))?;
        sqlx::migrate!()
            .run(&pool)
            .await
            .map_err(|error| failed(error.into()))?;
        let (changed, _) = broadcast::channel(256);
        Ok(Self { pool, changed })
    }

    /// The journal of one build under a claim.
    pub(crate) fn of(&self, claim: &Claim) -> BuildJournal {
        BuildJournal {
            journal: self.clone(),
            build: claim.build.clone(),
            fence: claim.fence,
        }
    }

    /// Hears the id of every build that changes. Who lags reads the journal again.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<String> {
        self.changed.subscribe()
    }

    /// Closes the database after all writes.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    fn announce(&self, build: &str) {
        // Nobody listens most of the time.
        drop(self.changed.send(build.to_owned()));
    }
}

impl BuildJournal {
    /// A write under a fence changed no row: the lease went to somebody else.
    fn fenced(&self, result: &sqlx::sqlite::SqliteQueryResult) -> Result<(), JournalError> {
        if result.rows_affected() == 0 {
            return Err(JournalError::LeaseLost {
                build: self.build.clone(),
            });
        }
        self.journal.announce(&self.build);
        Ok(())
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
