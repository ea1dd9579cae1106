//! The metadata: which repository has what. The database is the truth.
//!
//! All SQL of the store is below this module and its callers know none of it:
//! they give and get plain types. It knows nothing of files or caches; how two databases
//! are spoken to is the crate `database`'s matter.
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

/// The annotations of the latest deprecation of the manifest `m`, if there is one.
macro_rules! deprecation {
    ($artifact_type:literal) => {
        concat!(
            " (SELECT coalesce(d.annotations, '') FROM manifests d
               WHERE d.repository_id = m.repository_id AND d.subject = m.digest
               AND d.artifact_type = ",
            $artifact_type,
            " ORDER BY d.id DESC LIMIT 1) AS deprecation "
        )
    };
}

mod blobs;
mod claim;
mod collector;
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
mod profiles;
mod references;
mod referrers;
mod repositories;
mod rows;
mod schema;
mod tags;
#[cfg(test)]
mod tests;
mod transaction;
mod unreachable;
mod uploads;

use std::path::Path;
use std::sync::Arc;

use database::{Pool, Record, Statement, Value, statements, values};
use uuid::Uuid;

use self::claim::DigestLocks;
use self::rows::{json_array, json_list, timestamp};
use self::schema::SCHEMA;
use crate::crash;
use crate::error::Result;

pub(crate) use database::retry;
pub use database::{Database, DatabaseUrl, PostgresConfig, WAIT};

pub(crate) use self::blobs::{BlobRow, ensure_blob, held_blob, link_blob, unlink_blob};
pub(crate) use self::claim::DigestClaim;
pub(crate) use self::collector::Progress;
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

/// Access to the database.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pool: Pool,
    digests: Arc<DigestLocks>,
    /// This server among those that share the database.
    server: Uuid,
}

impl Metadata {
    /// Opens the database, creating and migrating what is needed. SQLite lies in `folder`.
    pub(crate) async fn open(database: &Database, folder: &Path) -> Result<Self> {
        let pool = Pool::open(database, &folder.join("registry.db"), &SCHEMA).await?;
        Ok(Self {
            pool,
            digests: Arc::default(),
            server: Uuid::new_v4(),
        })
    }

    /// Whether other servers may write to the database too.
    pub(crate) fn is_shared(&self) -> bool {
        self.pool.is_shared()
    }

    /// Ends all connections, and with them what this server held.
    pub(crate) async fn close(&self) {
        self.let_all_go().await;
        self.pool.close().await;
    }

    /// Whether the database answers.
    pub(crate) async fn ping(&self) -> Result<()> {
        Ok(self.pool.ping().await?)
    }

    /// A transaction that writes.
    pub(crate) async fn begin(&self) -> Result<Transaction> {
        Ok(Transaction(self.pool.begin().await?))
    }

    /// Reads the rows of a statement.
    async fn all<T: Record>(
        &self,
        statement: &'static Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<T>> {
        Ok(self.pool.all(statement, values).await?)
    }

    /// Reads the row of a statement, if there is one.
    async fn optional<T: Record>(
        &self,
        statement: &'static Statement,
        values: &[Value<'_>],
    ) -> Result<Option<T>> {
        Ok(self.pool.optional(statement, values).await?)
    }

    /// Runs a statement that writes, alone; says how many rows it changed.
    async fn execute(&self, statement: &'static Statement, values: &[Value<'_>]) -> Result<u64> {
        let changed = self.pool.execute(statement, values).await;
        crash::point();
        Ok(changed?)
    }
}
