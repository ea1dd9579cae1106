//! Objects on their way out: first the blob's row becomes a note that its bytes go, then
//! the bytes, then the note. So a kill in between leaves the note, and never a row
//! without bytes.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Metadata, blobs, json_list, milliseconds, now, statements, values};
use crate::error::Result;

statements! {
    RELEASED: "list released blobs" =
        "SELECT id, digest, object_key, size_bytes, released_at FROM blobs
         WHERE released_at <= " now " - $1 AND (released_at, id) > ($2, $3)
         ORDER BY released_at, id LIMIT $4";
    COUNT: "count released blobs" =
        "SELECT count(*), CAST(coalesce(sum(size_bytes), 0) AS BIGINT) FROM blobs
         WHERE released_at <= " now " - $1";
    FORGET: "forget a blob" =
        "DELETE FROM blobs WHERE id = $1 AND released_at <= " now " - $2
         AND NOT EXISTS (SELECT 1 FROM repository_blobs WHERE blob_id = blobs.id)";
    DOOM: "note an object that goes" =
        "INSERT INTO doomed_objects (object_key, digest, size_bytes, doomed_at)
         VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    LIST: "list objects that go" =
        "SELECT object_key, digest, size_bytes FROM doomed_objects
         WHERE object_key > $1 ORDER BY object_key LIMIT $2";
    IN_USE: "look for the blob of an object" = "SELECT 1 FROM blobs WHERE object_key = $1";
    GONE: "strike objects that are gone" =
        "DELETE FROM doomed_objects WHERE object_key IN (SELECT j.value FROM" list["$1"] ")";
    KNOWN: "look for the blobs of objects" =
        "SELECT b.object_key FROM blobs b WHERE b.object_key IN (SELECT j.value FROM" list["$1"] ")
         UNION ALL
         SELECT d.object_key FROM doomed_objects d
         WHERE d.object_key IN (SELECT j.value FROM" list["$1"] ")";
}

/// A blob that nobody holds any more.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Released {
    id: i64,
    digest: String,
    object_key: String,
    size_bytes: i64,
    released_at: i64,
}

/// An object that goes.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Doomed {
    pub(crate) object_key: String,
    pub(crate) digest: String,
    pub(crate) size_bytes: i64,
}

impl Metadata {
    /// A page of blobs that nobody has held for longer than `grace`, after one of them.
    pub(crate) async fn released_blobs(
        &self,
        grace: Duration,
        after: Option<&Released>,
        limit: u32,
    ) -> Result<Vec<Released>> {
        let (at, id) = after.map_or((i64::MIN, 0), |last| (last.released_at, last.id));
        let values = values![milliseconds(grace), at, id, limit];
        self.all(&RELEASED, values).await
    }

    /// How many those are, and their bytes.
    pub(crate) async fn count_released(&self, grace: Duration) -> Result<(u64, u64)> {
        let values = values![milliseconds(grace)];
        let (count, bytes): (i64, i64) = self.optional(&COUNT, values).await?.unwrap_or_default();
        Ok((count.unsigned_abs(), bytes.unsigned_abs()))
    }

    /// Turns rows of blobs that still nobody holds into notes; says how many.
    pub(crate) async fn doom(&self, released: &[Released], grace: Duration) -> Result<u64> {
        let mut transaction = self.begin().await?;
        let ids: Vec<i64> = released.iter().map(|blob| blob.id).collect();
        let free = blobs::take_free(&mut transaction, &ids).await?;
        let mut doomed = 0;
        for blob in released.iter().filter(|blob| free.contains(&blob.id)) {
            let values = values![blob.id, milliseconds(grace)];
            if transaction.execute(&FORGET, values).await? == 1 {
                let values = values![&blob.object_key, &blob.digest, blob.size_bytes, now()];
                transaction.execute(&DOOM, values).await?;
                doomed += 1;
            }
        }
        transaction.commit().await?;
        Ok(doomed)
    }

    /// A page of objects that go, by key.
    pub(crate) async fn doomed(&self, after: &str, limit: u32) -> Result<Vec<Doomed>> {
        self.all(&LIST, values![after, limit]).await
    }

    /// Whether a blob has this object, be it again.
    pub(crate) async fn is_in_use(&self, object_key: &str) -> Result<bool> {
        let found: Option<(i32,)> = self.optional(&IN_USE, values![object_key]).await?;
        Ok(found.is_some())
    }

    /// Strikes the notes of objects that are gone, or in use again.
    pub(crate) async fn strike(&self, object_keys: &[String]) -> Result<()> {
        let list = json_list(object_keys);
        self.execute(&GONE, values![&list]).await.map(drop)
    }

    /// Which of these objects some row speaks of.
    pub(crate) async fn known_objects(&self, object_keys: &[String]) -> Result<BTreeSet<String>> {
        let list = json_list(object_keys);
        let rows: Vec<(String,)> = self.all(&KNOWN, values![&list]).await?;
        Ok(rows.into_iter().map(|(key,)| key).collect())
    }
}
