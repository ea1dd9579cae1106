//! The stages that this place holds, and which of them the registry has as well.

use database::{FromRow, statements, values};

use crate::journal::{Journal, JournalError, now};

statements! {
    PUT: "keep a stage" = "insert into stages (id, parent, name, provider, disk, inputs, size_bytes, \
        seconds, build, project, pushed, created_at, last_used_at, place) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13) \
        on conflict (place, id) do update set parent = excluded.parent, name = excluded.name, \
        provider = excluded.provider, disk = excluded.disk, inputs = excluded.inputs, \
        size_bytes = excluded.size_bytes, seconds = excluded.seconds, build = excluded.build, \
        project = excluded.project, pushed = excluded.pushed, created_at = excluded.created_at, \
        last_used_at = excluded.last_used_at";
    USE: "note that a stage is used" =
        "update stages set last_used_at = $3 where place = $1 and id = $2";
    GET: "read a stage" = "select id, parent, name, provider, disk, inputs, size_bytes, seconds, \
        build, project, pushed from stages where place = $1 and id = $2";
    LIST: "list stages" = "select id, parent, name, provider, disk, inputs, size_bytes, seconds, \
        build, project, pushed from stages where place = $1 order by created_at";
    UNPUSHED: "find a stage to push" = "select id, parent, name, provider, disk, inputs, size_bytes, \
        seconds, build, project, pushed from stages where place = $1 and pushed is null \
        order by created_at limit 1";
    PUSHED: "note that a stage is pushed" =
        "update stages set pushed = $3 where place = $1 and id = $2";
    FORGET: "forget a stage" = "delete from stages where place = $1 and id = $2";
}

/// A stage as it is kept.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct StageRow {
    pub(crate) id: String,
    pub(crate) parent: Option<String>,
    pub(crate) name: String,
    pub(crate) provider: String,
    /// The provider's name for the disk.
    pub(crate) disk: String,
    /// What the stage's id was computed from.
    pub(crate) inputs: String,
    pub(crate) size_bytes: i64,
    /// How long the stage took to make.
    pub(crate) seconds: f64,
    pub(crate) build: Option<String>,
    pub(crate) project: String,
    /// The digest of the artifact, once the registry has this very disk; empty where it has
    /// or will have another disk of the stage, and this one is not to be pushed.
    pub(crate) pushed: Option<String>,
}

impl Journal {
    fn place(&self) -> &str {
        &self.here.place
    }

    /// Keeps a stage, over an older one.
    pub(crate) async fn put_stage(&self, stage: &StageRow) -> Result<(), JournalError> {
        let now = now();
        let values = values![
            &stage.id,
            &stage.parent,
            &stage.name,
            &stage.provider,
            &stage.disk,
            &stage.inputs,
            stage.size_bytes,
            stage.seconds,
            &stage.build,
            &stage.project,
            &stage.pushed,
            &now,
            self.place()
        ];
        self.pool.execute(&PUT, values).await?;
        Ok(())
    }

    /// One stage; notes that it is used.
    pub(crate) async fn stage(&self, id: &str) -> Result<Option<StageRow>, JournalError> {
        let now = now();
        let used = values![self.place(), id, &now];
        if self.pool.execute(&USE, used).await? == 0 {
            return Ok(None);
        }
        let values = values![self.place(), id];
        Ok(self.pool.optional(&GET, values).await?)
    }

    /// All stages of this place.
    pub(crate) async fn stages(&self) -> Result<Vec<StageRow>, JournalError> {
        Ok(self.pool.all(&LIST, values![self.place()]).await?)
    }

    /// The oldest stage that the registry does not have yet.
    pub(crate) async fn unpushed_stage(&self) -> Result<Option<StageRow>, JournalError> {
        Ok(self.pool.optional(&UNPUSHED, values![self.place()]).await?)
    }

    /// The registry has it now.
    pub(crate) async fn stage_pushed(&self, id: &str, digest: &str) -> Result<(), JournalError> {
        let values = values![self.place(), id, digest];
        self.pool.execute(&PUSHED, values).await?;
        Ok(())
    }

    /// The disk is gone from this place.
    pub(crate) async fn forget_stage(&self, id: &str) -> Result<(), JournalError> {
        let values = values![self.place(), id];
        self.pool.execute(&FORGET, values).await?;
        Ok(())
    }
}
