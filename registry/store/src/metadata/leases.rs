//! Leases: a right that no manifest needs lasts as long as its lease, and no longer.
//!
//! Every right has a lease or a manifest: a push gives a lease, and a manifest that goes
//! leaves one for each of its blobs. So the leases that ended are all that a collection
//! of rights has to look at.

use std::time::Duration;

use registry_pack::{Digest, RepositoryName};

use super::{BlobRow, Metadata, Transaction, blobs, milliseconds, statements, values};
use crate::error::Result;

statements! {
    HELD: "look up a blob" =
        "SELECT b.id, b.size_bytes, b.object_key, l.expires_at - " now " AS remaining FROM blobs b
         JOIN repository_blobs rb ON rb.blob_id = b.id
         JOIN repositories r ON r.id = rb.repository_id
         LEFT JOIN leases l ON l.repository_id = rb.repository_id AND l.blob_id = rb.blob_id
         WHERE b.digest = $1 AND r.name = $2";
    EXTEND: "lease a blob" =
        "UPDATE leases SET expires_at = " now " + $1
         WHERE blob_id = $2 AND repository_id = (SELECT id FROM repositories WHERE name = $3)
         AND expires_at < " now " + $1";
    EXPIRED: "list leases that ended" =
        "SELECT l.expires_at, l.repository_id, l.blob_id, r.name AS repository FROM leases l
         JOIN repositories r ON r.id = l.repository_id
         WHERE l.expires_at <= " now "
         AND (l.expires_at, l.repository_id, l.blob_id) > ($1, $2, $3)
         ORDER BY l.expires_at, l.repository_id, l.blob_id LIMIT $4";
    END_LEASE: "end a lease" =
        "DELETE FROM leases WHERE repository_id = $1 AND blob_id = $2 AND expires_at <= " now;
    END_RIGHT: "end the right to a blob" =
        "DELETE FROM repository_blobs WHERE repository_id = $1 AND blob_id = $2
         AND NOT EXISTS (SELECT 1 FROM manifest_blobs mb WHERE mb.repository_id = $1
                         AND mb.blob_id = $2)";
    UNUSED: "count rights that nothing needs" =
        "SELECT count(*) FROM leases l WHERE l.expires_at <= " now "
         AND NOT EXISTS (SELECT 1 FROM manifest_blobs mb
                         WHERE mb.repository_id = l.repository_id AND mb.blob_id = l.blob_id)";
    RELY: "lock the blobs of manifests" =
        "SELECT id FROM blobs WHERE id IN (
             SELECT mb.blob_id FROM manifest_blobs mb WHERE mb.manifest_id IN (
                 SELECT CAST(j.value AS BIGINT) FROM" list["$1"] "))
         ORDER BY id" for_key_share;
    LEAVE: "lease the blobs of manifests that go" =
        "INSERT INTO leases (repository_id, blob_id, expires_at)
         SELECT DISTINCT mb.repository_id, mb.blob_id, " now " + $2 FROM" list["$1"]
        "CROSS JOIN manifest_blobs mb
         WHERE mb.manifest_id = CAST(j.value AS BIGINT) ON CONFLICT (repository_id, blob_id) DO UPDATE
         SET expires_at = excluded.expires_at WHERE leases.expires_at < excluded.expires_at";
}

/// A lease that ended.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Expired {
    pub(crate) expires_at: i64,
    pub(crate) repository_id: i64,
    pub(crate) blob_id: i64,
    pub(crate) repository: String,
}

#[derive(sqlx::FromRow)]
struct Leased {
    id: i64,
    size_bytes: i64,
    object_key: String,
    remaining: Option<i64>,
}

impl Metadata {
    /// The blob, when the repository holds it, and holds it for another while: for a client
    /// that asks whether it need push it.
    pub(crate) async fn keep_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        lease: Duration,
    ) -> Result<Option<BlobRow>> {
        let values = values![digest.as_str(), repository.as_str()];
        let Some(found) = self.optional::<Leased>(&HELD, values).await? else {
            return Ok(None);
        };
        let lease = milliseconds(lease);
        if found.remaining.is_some_and(|left| left < lease / 2) {
            let mut transaction = self.begin().await?;
            // A collection may have been faster.
            let held = blobs::held_blob(&mut transaction, repository, digest).await?;
            if held.is_some() {
                let values = values![lease, found.id, repository.as_str()];
                transaction.execute(&EXTEND, values).await?;
                transaction.commit().await?;
            }
            return Ok(held);
        }
        Ok(Some(BlobRow {
            id: found.id,
            size_bytes: found.size_bytes,
            object_key: found.object_key,
        }))
    }

    /// A page of leases that ended, after one of them.
    pub(crate) async fn expired_leases(
        &self,
        after: Option<&Expired>,
        limit: u32,
    ) -> Result<Vec<Expired>> {
        let (at, repository, blob) = after.map_or((i64::MIN, 0, 0), |last| {
            (last.expires_at, last.repository_id, last.blob_id)
        });
        let values = values![at, repository, blob, limit];
        self.all(&EXPIRED, values).await
    }

    /// How many rights go with the leases that ended.
    pub(crate) async fn unused_rights(&self) -> Result<u64> {
        let (count,): (i64,) = self.optional(&UNUSED, values![]).await?.unwrap_or_default();
        Ok(count.unsigned_abs())
    }

    /// Ends leases that ended, and the rights that nothing else holds; says how many rights.
    ///
    /// Blobs that somebody works with at this moment are left for another time.
    pub(crate) async fn end_leases(&self, expired: &[Expired]) -> Result<u64> {
        let mut transaction = self.begin().await?;
        let ids: Vec<i64> = expired.iter().map(|lease| lease.blob_id).collect();
        let free = blobs::take_free(&mut transaction, &ids).await?;
        let mut ended = 0;
        for lease in expired {
            if !free.contains(&lease.blob_id) {
                continue;
            }
            // Under the blob's lock: nobody extends the lease or names the blob meanwhile.
            let right = values![lease.repository_id, lease.blob_id];
            if transaction.execute(&END_LEASE, right).await? == 1
                && transaction.execute(&END_RIGHT, right).await? == 1
            {
                blobs::release(&mut transaction, lease.blob_id).await?;
                ended += 1;
            }
        }
        transaction.commit().await?;
        Ok(ended)
    }
}

/// Leases the blobs of manifests that are about to go, for those who just found them there.
pub(super) async fn leave(
    transaction: &mut Transaction,
    manifests: &[i64],
    lease: Duration,
) -> Result<()> {
    let list = super::json_list(manifests);
    transaction.lock(&RELY, values![&list]).await?;
    let values = values![&list, milliseconds(lease)];
    transaction.execute(&LEAVE, values).await.map(drop)
}
