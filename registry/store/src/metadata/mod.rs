//! The metadata: which repository has what. The database is the truth.
//!
//! All SQL of the store is below this module and its callers know none of it:
//! they give and get plain types. It knows nothing of files or caches.
//!
//! SQLite has one writer, and that is all its locking. On PostgreSQL, where several
//! servers write at once, these rows are locked, always in this order:
//!
//! | lock | taken by | so that |
//! |---|---|---|
//! | the digest (advisory) | who brings or takes its bytes | bytes and row come and go together |
//! | the repository's row, exclusively | who changes manifests or tags | an immutable tag stays, parents follow the newest |
//! | the repository's row, shared | who links a blob | a manifest that waits for the blob sees it |
//! | the blobs' rows, by id, shared | who gives or relies on a right | the right is there at the commit |
//! | a blob's row, exclusively | who takes a right away | nobody relies on it meanwhile |
//!
//! What still collides is tried again, a bounded number of times.

mod address;
mod blobs;
mod claim;
mod collector;
mod conflict;
mod deprecations;
mod doomed;
mod failure;
mod fsck;
mod hold;
mod index;
mod leases;
mod manifests;
mod object_uploads;
mod packs;
mod parents;
mod postgres;
mod profiles;
mod references;
mod referrers;
mod repositories;
mod rows;
mod sqlite;
mod statement;
mod tags;
#[cfg(test)]
mod tests;
mod transaction;
mod unreachable;
mod uploads;
mod value;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use self::claim::DigestLocks;
use self::postgres::PostgresDatabase;
use self::rows::{json_array, json_list, timestamp};
use self::sqlite::SqliteDatabase;
use self::statement::{Statement, statements};
use self::transaction::{Pooled, Record};
use self::value::{Value, values};
use crate::crash;
use crate::error::Result;

pub use self::address::{Database, DatabaseUrl, PostgresConfig};
pub(crate) use self::blobs::{BlobRow, ensure_blob, held_blob, link_blob, unlink_blob};
pub(crate) use self::claim::DigestClaim;
pub(crate) use self::collector::Progress;
pub(crate) use self::conflict::retry;
pub(crate) use self::doomed::{Doomed, Released};
pub(crate) use self::failure::database;
pub(crate) use self::fsck::StoredBlob;
pub(crate) use self::hold::Hold;
pub(crate) use self::leases::Expired;
pub(crate) use self::manifests::Head;
pub(crate) use self::repositories::{ensure_repository, find_repository, share_repository};
pub(crate) use self::rows::{milliseconds, now, parse_digest};
pub(crate) use self::transaction::Transaction;
pub(crate) use self::uploads::{UploadRow, close_upload};

/// How long a request waits for its turn before it fails.
pub const WAIT: Duration = Duration::from_secs(30);

statements! {
    PING: "ask the database" = "SELECT 1";
}

/// Access to the database.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    backend: Backend,
    digests: Arc<DigestLocks>,
    /// This server among those that share the database.
    server: Uuid,
}

/// Which database it is.
#[derive(Clone, Debug)]
enum Backend {
    Sqlite(SqliteDatabase),
    Postgres(PostgresDatabase),
}

impl Metadata {
    /// Opens the database, creating and migrating what is needed. SQLite lies in `folder`.
    pub(crate) async fn open(database: &Database, folder: &Path) -> Result<Self> {
        let backend = match database {
            Database::Sqlite => {
                Backend::Sqlite(SqliteDatabase::open(&folder.join("registry.db")).await?)
            }
            Database::Postgres(config) => Backend::Postgres(PostgresDatabase::open(config).await?),
        };
        Ok(Self::on(backend))
    }

    fn on(backend: Backend) -> Self {
        Self {
            backend,
            digests: Arc::default(),
            server: Uuid::new_v4(),
        }
    }

    /// Whether other servers may write to the database too.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.backend, Backend::Postgres(_))
    }

    /// Ends all connections, and with them what this server held.
    pub(crate) async fn close(&self) {
        self.let_all_go().await;
        match &self.backend {
            Backend::Sqlite(database) => database.close().await,
            Backend::Postgres(database) => database.close().await,
        }
    }

    /// Whether the database answers.
    pub(crate) async fn ping(&self) -> Result<()> {
        self.optional::<(i32,)>(&PING, values![]).await.map(drop)
    }

    /// A transaction that writes.
    pub(crate) async fn begin(&self) -> Result<Transaction> {
        match &self.backend {
            Backend::Sqlite(database) => database.begin().await.map(Transaction::Sqlite),
            Backend::Postgres(database) => database.begin().await.map(Transaction::Postgres),
        }
        .map_err(database("begin a transaction"))
    }

    /// Reads the rows of a statement.
    async fn all<T: Record>(
        &self,
        statement: &'static Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<T>> {
        let mut connection = self.reader().await.map_err(database(statement.what))?;
        connection.target().all(statement, values).await
    }

    /// Reads the row of a statement, if there is one.
    async fn optional<T: Record>(
        &self,
        statement: &'static Statement,
        values: &[Value<'_>],
    ) -> Result<Option<T>> {
        let mut connection = self.reader().await.map_err(database(statement.what))?;
        connection.target().optional(statement, values).await
    }

    /// Runs a statement that writes, alone; says how many rows it changed.
    async fn execute(&self, statement: &'static Statement, values: &[Value<'_>]) -> Result<u64> {
        let mut connection = self.writer().await.map_err(database(statement.what))?;
        let changed = connection.target().execute(statement, values).await;
        crash::point();
        changed
    }

    async fn reader(&self) -> Result<Pooled, sqlx::Error> {
        match &self.backend {
            Backend::Sqlite(database) => database.reader().await.map(Pooled::Sqlite),
            Backend::Postgres(database) => database.connection().await.map(Pooled::Postgres),
        }
    }

    async fn writer(&self) -> Result<Pooled, sqlx::Error> {
        match &self.backend {
            Backend::Sqlite(database) => database.writer().await.map(Pooled::Sqlite),
            Backend::Postgres(database) => database.connection().await.map(Pooled::Postgres),
        }
    }
}
