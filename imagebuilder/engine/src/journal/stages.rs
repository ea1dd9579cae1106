//! The stages that this host holds, and which of them the registry has as well.

use sqlx::FromRow;

use crate::journal::{Journal, JournalError, now};

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
    /// The digest of the artifact, once the registry has it.
    pub(crate) pushed: Option<String>,
}

const COLUMNS: &str =
    "id, parent, name, provider, disk, inputs, size_bytes, seconds, build, project, pushed";

impl Journal {
    /// Keeps a stage, over an older one.
    pub(crate) async fn put_stage(&self, stage: &StageRow) -> Result<(), JournalError> {
        sqlx::query(
            "insert or replace into stages (id, parent, name, provider, disk, inputs, size_bytes, seconds, build, \
             project, pushed, created_at, last_used_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?12, ?12)",
        )
        .bind(&stage.id)
        .bind(&stage.parent)
        .bind(&stage.name)
        .bind(&stage.provider)
        .bind(&stage.disk)
        .bind(&stage.inputs)
        .bind(stage.size_bytes)
        .bind(stage.seconds)
        .bind(&stage.build)
        .bind(&stage.project)
        .bind(&stage.pushed)
        .bind(now())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// One stage; notes that it is used.
    pub(crate) async fn stage(&self, id: &str) -> Result<Option<StageRow>, JournalError> {
        sqlx::query("update stages set last_used_at = ? where id = ?")
            .bind(now())
            .bind(id)
            .execute(&self.pool)
            .await?;
        let sql = format!("select {COLUMNS} from stages where id = ?");
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(id)
            .fetch_optional(&self.pool)
            .await?)
    }

    /// All stages of this host.
    pub(crate) async fn stages(&self) -> Result<Vec<StageRow>, JournalError> {
        let sql = format!("select {COLUMNS} from stages order by created_at");
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .fetch_all(&self.pool)
            .await?)
    }

    /// The oldest stage that the registry does not have yet.
    pub(crate) async fn unpushed_stage(&self) -> Result<Option<StageRow>, JournalError> {
        let sql = format!(
            "select {COLUMNS} from stages where pushed is null order by created_at limit 1"
        );
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .fetch_optional(&self.pool)
            .await?)
    }

    /// The registry has it now.
    pub(crate) async fn stage_pushed(&self, id: &str, digest: &str) -> Result<(), JournalError> {
        sqlx::query("update stages set pushed = ? where id = ?")
            .bind(digest)
            .bind(id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The disk is gone from this host.
    pub(crate) async fn forget_stage(&self, id: &str) -> Result<(), JournalError> {
        sqlx::query("delete from stages where id = ?")
            .bind(id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
