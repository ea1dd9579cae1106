//! What the stage store of this place needs to know of stages: their digests, and which are
//! used least.

use database::{statements, values};

use crate::journal::{Journal, JournalError, StageRow, now};

statements! {
    DIGEST: "read a disk's digest" =
        "select digest, size_bytes from disk_digests where place = $1 and disk = $2";
    PUT: "note a disk's digest" = "insert into disk_digests (place, disk, digest, size_bytes, checked_at) \
        values ($1, $2, $3, $4, $5) on conflict (place, disk) do update set digest = excluded.digest, \
        size_bytes = excluded.size_bytes, checked_at = excluded.checked_at";
    FORGET: "forget a disk's digest" = "delete from disk_digests where place = $1 and disk = $2";
    TOUCH: "note that stages are used" = "update stages set last_used_at = $2 \
        where place = $1 and id in (select j.value from " list["$3"] ")";
    BY_USE: "list stages by their use" = "select id, parent, name, provider, disk, inputs, size_bytes, \
        seconds, build, project, pushed from stages where place = $1 order by last_used_at, id";
    CHAINS: "list what builds stand on" =
        "select builds.chain from builds join queue on queue.build = builds.id";
}

impl Journal {
    /// What a disk must be, and how large; `None` where it was never read whole.
    pub(crate) async fn disk_digest(
        &self,
        disk: &str,
    ) -> Result<Option<(String, i64)>, JournalError> {
        let values = values![&self.here.place, disk];
        Ok(self.pool.optional(&DIGEST, values).await?)
    }

    /// Notes what a disk is.
    pub(crate) async fn put_disk_digest(
        &self,
        disk: &str,
        digest: &str,
        size_bytes: i64,
    ) -> Result<(), JournalError> {
        let now = now();
        let values = values![&self.here.place, disk, digest, size_bytes, &now];
        self.pool.execute(&PUT, values).await?;
        Ok(())
    }

    /// The disk is gone, and another may get its name.
    pub(crate) async fn forget_disk_digest(&self, disk: &str) -> Result<(), JournalError> {
        let values = values![&self.here.place, disk];
        self.pool.execute(&FORGET, values).await?;
        Ok(())
    }

    /// Notes that stages are used: those on which a build stands.
    pub(crate) async fn touch_stages(&self, ids: &[String]) -> Result<(), JournalError> {
        let (now, list) = (now(), serde_json::json!(ids).to_string());
        let values = values![&self.here.place, &now, &list];
        self.pool.execute(&TOUCH, values).await?;
        Ok(())
    }

    /// The stages of this place, those first that were not used for longest.
    pub(crate) async fn stages_by_use(&self) -> Result<Vec<StageRow>, JournalError> {
        Ok(self.pool.all(&BY_USE, values![&self.here.place]).await?)
    }

    /// The chains of builds that have not ended.
    pub(crate) async fn unfinished_chains(&self) -> Result<Vec<String>, JournalError> {
        let chains: Vec<(String,)> = self.pool.all(&CHAINS, values![]).await?;
        Ok(chains.into_iter().map(|(chain,)| chain).collect())
    }
}
