//! What the stage store needs to know of stages: their digests, and which are used least.

use crate::journal::{Journal, JournalError, StageRow, now};

impl Journal {
    /// What a disk must be, and how large; `None` where it was never read whole.
    pub(crate) async fn disk_digest(
        &self,
        disk: &str,
    ) -> Result<Option<(String, i64)>, JournalError> {
        Ok(
            sqlx::query_as("select digest, size_bytes from disk_digests where disk = ?1")
                .bind(disk)
                .fetch_optional(&self.pool)
                .await?,
        )
    }

    /// Notes what a disk is.
    pub(crate) async fn put_disk_digest(
        &self,
        disk: &str,
        digest: &str,
        size_bytes: i64,
    ) -> Result<(), JournalError> {
        sqlx::query(
            "insert into disk_digests (disk, digest, size_bytes, checked_at) values (?1, ?2, ?3, ?4) \
             on conflict (disk) do update set digest = excluded.digest, \
             size_bytes = excluded.size_bytes, checked_at = excluded.checked_at",
        )
        .bind(disk)
        .bind(digest)
        .bind(size_bytes)
        .bind(now())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The disk is gone, and another may get its name.
    pub(crate) async fn forget_disk_digest(&self, disk: &str) -> Result<(), JournalError> {
        sqlx::query("delete from disk_digests where disk = ?1")
            .bind(disk)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Notes that stages are used: those on which a build stands.
    pub(crate) async fn touch_stages(&self, ids: &[String]) -> Result<(), JournalError> {
        for id in ids {
            sqlx::query("update stages set last_used_at = ?2 where id = ?1")
                .bind(id)
                .bind(now())
                .execute(&self.pool)
                .await?;
        }
        Ok(())
    }

    /// The stages of this host, those first that were not used for longest.
    pub(crate) async fn stages_by_use(&self) -> Result<Vec<StageRow>, JournalError> {
        Ok(sqlx::query_as(
            "select id, parent, name, provider, disk, inputs, size_bytes, seconds, build, project, pushed \
             from stages order by last_used_at, id",
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// The chains of builds that have not ended.
    pub(crate) async fn unfinished_chains(&self) -> Result<Vec<String>, JournalError> {
        Ok(sqlx::query_scalar(
            "select builds.chain from builds join queue on queue.build = builds.id",
        )
        .fetch_all(&self.pool)
        .await?)
    }
}
