//! What a check of all blobs asks and notes.

use std::collections::BTreeMap;

use super::{Metadata, now, statements, values};
use crate::error::Result;
use crate::fsck::{Extent, Hit, Progress};

statements! {
    AFTER: "list blobs" =
        "SELECT id, digest, object_key, size_bytes FROM blobs
         WHERE id > $1 AND damaged_at IS NULL ORDER BY id LIMIT $2";
    ONE: "look up a blob" =
        "SELECT id, digest, object_key, size_bytes FROM blobs
         WHERE id = $1 AND object_key = $2 AND damaged_at IS NULL";
    DAMAGED: "list damaged blobs" =
        "SELECT id, digest, object_key, size_bytes FROM blobs
         WHERE damaged_at IS NOT NULL ORDER BY id LIMIT $1";
    EXTENT: "count blobs" =
        "SELECT count(*), CAST(coalesce(sum(size_bytes), 0) AS BIGINT) FROM blobs";
    MARK: "mark a blob as damaged" =
        "UPDATE blobs SET damaged_at = $1 WHERE id = $2 AND object_key = $3";
    HITS: "look for a blob's manifests" =
        "SELECT r.name, m.digest, t.name FROM repository_blobs rb
         JOIN repositories r ON r.id = rb.repository_id
         LEFT JOIN manifest_blobs mb
                ON mb.repository_id = rb.repository_id AND mb.blob_id = rb.blob_id
         LEFT JOIN manifests m ON m.id = mb.manifest_id
         LEFT JOIN tags t ON t.repository_id = m.repository_id AND t.manifest_id = m.id
         WHERE rb.blob_id = $1 ORDER BY r.name, m.digest, t.name";
    LAST: "look up the last check" =
        "SELECT started_at, finished_at, last_blob_id, checked_blobs, checked_bytes FROM checks";
    NOTE: "note how far a check got" =
        "INSERT INTO checks (id, started_at, updated_at, finished_at, last_blob_id,
                             checked_blobs, checked_bytes)
         VALUES (1, $1, $2, nullif(CAST($3 AS BIGINT), 0), $4, $5, $6)
         ON CONFLICT (id) DO UPDATE SET
             started_at = excluded.started_at, updated_at = excluded.updated_at,
             finished_at = excluded.finished_at, last_blob_id = excluded.last_blob_id,
             checked_blobs = excluded.checked_blobs, checked_bytes = excluded.checked_bytes";
}

/// A blob, whoever holds it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct StoredBlob {
    pub(crate) id: i64,
    pub(crate) digest: String,
    pub(crate) object_key: String,
    pub(crate) size_bytes: i64,
}

impl Metadata {
    /// Blobs in the order in which they came, after one of them; those known to be damaged are
    /// left out.
    pub(crate) async fn blobs_after(&self, id: i64, limit: u32) -> Result<Vec<StoredBlob>> {
        self.all(&AFTER, values![id, limit]).await
    }

    /// A blob, if it still has this object and is not known to be damaged.
    pub(crate) async fn stored_blob(&self, id: i64, key: &str) -> Result<Option<StoredBlob>> {
        self.optional(&ONE, values![id, key]).await
    }

    /// Blobs known to be damaged.
    pub(crate) async fn damaged_blobs(&self, limit: u32) -> Result<Vec<StoredBlob>> {
        self.all(&DAMAGED, values![limit]).await
    }

    /// How many blobs and bytes there are.
    pub(crate) async fn extent(&self) -> Result<Extent> {
        let found: Option<(i64, i64)> = self.optional(&EXTENT, values![]).await?;
        let (blobs, bytes) = found.unwrap_or_default();
        Ok(Extent {
            blobs: u64::try_from(blobs).unwrap_or(0),
            bytes: u64::try_from(bytes).unwrap_or(0),
        })
    }

    /// Notes that a blob's bytes cannot be used, if it still has this object.
    pub(crate) async fn mark_damaged(&self, id: i64, key: &str) -> Result<()> {
        self.execute(&MARK, values![now(), id, key]).await.map(drop)
    }

    /// The repositories that hold a blob, with the manifests that name it and their tags.
    pub(crate) async fn hits(&self, blob_id: i64) -> Result<Vec<Hit>> {
        let rows: Vec<(String, Option<String>, Option<String>)> =
            self.all(&HITS, values![blob_id]).await?;
        let mut hits: BTreeMap<String, Hit> = BTreeMap::new();
        for (repository, manifest, tag) in rows {
            let hit = hits.entry(repository.clone()).or_insert_with(|| Hit {
                repository,
                manifests: Vec::new(),
                tags: Vec::new(),
            });
            hit.manifests.extend(manifest);
            hit.tags.extend(tag);
        }
        for hit in hits.values_mut() {
            hit.manifests.dedup();
        }
        Ok(hits.into_values().collect())
    }

    /// The check that was begun last.
    pub(crate) async fn last_check(&self) -> Result<Option<Progress>> {
        let row: Option<(i64, Option<i64>, i64, i64, i64)> =
            self.optional(&LAST, values![]).await?;
        Ok(row.map(
            |(started_at, finished_at, last_blob, blobs, bytes)| Progress {
                started_at,
                last_blob,
                blobs: u64::try_from(blobs).unwrap_or(0),
                bytes: u64::try_from(bytes).unwrap_or(0),
                finished: finished_at.is_some(),
            },
        ))
    }

    /// Notes how far a check got.
    pub(crate) async fn save_check(&self, progress: &Progress) -> Result<()> {
        let now = now();
        let values = values![
            progress.started_at,
            now,
            if progress.finished { now } else { 0 },
            progress.last_blob,
            i64::try_from(progress.blobs).unwrap_or(i64::MAX),
            i64::try_from(progress.bytes).unwrap_or(i64::MAX),
        ];
        self.execute(&NOTE, values).await.map(drop)
    }
}
