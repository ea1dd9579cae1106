//! Tags: names that move, except where versions are published for good.

use registry_pack::{RepositoryName, Tag};
use sqlx::sqlite::SqliteConnection;

use super::{Metadata, commit, find_repository, now, parents};
use crate::error::{Result, StoreError, database};

const PUSHED: &str = "pushed";
const PARENT: &str = "parent";

impl Metadata {
    /// A page of tags in lexical order, after `last`.
    pub(crate) async fn tags(
        &self,
        repository: &RepositoryName,
        last: &str,
        limit: u32,
    ) -> Result<Vec<String>> {
        let mut connection = self
            .readers
            .acquire()
            .await
            .map_err(database("list tags"))?;
        let repository_id = find_repository(&mut connection, repository)
            .await?
            .ok_or_else(|| StoreError::repository_unknown(repository))?;
        sqlx::query_scalar(
            "SELECT name FROM tags WHERE repository_id = ? AND name > ? ORDER BY name LIMIT ?",
        )
        .bind(repository_id)
        .bind(last)
        .bind(limit)
        .fetch_all(&mut *connection)
        .await
        .map_err(database("list tags"))
    }

    /// Deletes one tag and nothing else.
    pub(crate) async fn delete_tag(&self, repository: &RepositoryName, tag: &Tag) -> Result<()> {
        let unknown = || StoreError::manifest_unknown(repository, tag.as_str());
        let mut transaction = self.begin().await?;
        let repository_id = find_repository(&mut transaction, repository)
            .await?
            .ok_or_else(unknown)?;
        let current = current(&mut transaction, repository_id, tag)
            .await?
            .ok_or_else(unknown)?;
        if current.kind == PARENT {
            return Err(reserved(repository, tag));
        }
        remove(&mut transaction, repository_id, tag.as_str()).await?;
        if repository.pack_name().is_some() {
            parents::refresh(&mut transaction, repository_id, &[tag.to_string()]).await?;
        }
        commit(transaction).await
    }

    /// Says whether published tags of a repository may move; `None` goes by the configuration.
    pub(crate) async fn set_immutable_tags(
        &self,
        repository: &RepositoryName,
        immutable: Option<bool>,
    ) -> Result<()> {
        let mut transaction = self.begin().await?;
        let id = super::ensure_repository(&mut transaction, repository).await?;
        sqlx::query("UPDATE repositories SET immutable_tags = ? WHERE id = ?")
            .bind(immutable)
            .bind(id)
            .execute(&mut *transaction)
            .await
            .map_err(database("change a repository"))?;
        commit(transaction).await
    }
}

#[derive(sqlx::FromRow)]
struct Current {
    manifest_id: i64,
    digest: String,
    kind: String,
}

/// Points a tag at a manifest, within the rules of the repository.
pub(crate) async fn set(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    repository_id: i64,
    tag: &Tag,
    manifest_id: i64,
    immutable_packs: bool,
) -> Result<()> {
    if let Some(current) = current(connection, repository_id, tag).await? {
        if current.manifest_id == manifest_id {
            return Ok(());
        }
        if current.kind == PARENT {
            return Err(reserved(repository, tag));
        }
        if is_immutable(connection, repository_id, tag, immutable_packs).await? {
            return Err(StoreError::TagImmutable {
                repository: repository.to_string(),
                tag: tag.to_string(),
                current: current.digest,
            });
        }
    }
    upsert(connection, repository_id, tag.as_str(), manifest_id, PUSHED).await
}

/// Points a parent tag at the newest version; a pushed tag of that name stays as it is.
pub(crate) async fn set_parent(
    connection: &mut SqliteConnection,
    repository_id: i64,
    name: &str,
    manifest_id: Option<i64>,
) -> Result<()> {
    let kind: Option<String> =
        sqlx::query_scalar("SELECT kind FROM tags WHERE repository_id = ? AND name = ?")
            .bind(repository_id)
            .bind(name)
            .fetch_optional(&mut *connection)
            .await
            .map_err(database("look up a tag"))?;
    match (kind.as_deref(), manifest_id) {
        (Some(PUSHED), _) | (None, None) => Ok(()),
        (_, Some(manifest_id)) => {
            upsert(connection, repository_id, name, manifest_id, PARENT).await
        }
        (_, None) => remove(connection, repository_id, name).await,
    }
}

async fn current(
    connection: &mut SqliteConnection,
    repository_id: i64,
    tag: &Tag,
) -> Result<Option<Current>> {
    sqlx::query_as(
        "SELECT t.manifest_id, m.digest, t.kind FROM tags t JOIN manifests m ON m.id = t.manifest_id
         WHERE t.repository_id = ? AND t.name = ?",
    )
    .bind(repository_id)
    .bind(tag.as_str())
    .fetch_optional(connection)
    .await
    .map_err(database("look up a tag"))
}

/// What the repository says holds for all its tags; otherwise a version that
/// is published as a pack is immutable, and a signature beside it is not.
async fn is_immutable(
    connection: &mut SqliteConnection,
    repository_id: i64,
    tag: &Tag,
    immutable_packs: bool,
) -> Result<bool> {
    sqlx::query_scalar(
        "SELECT coalesce(r.immutable_tags, ? AND EXISTS (
             SELECT 1 FROM packs p WHERE p.repository_id = r.id AND p.version = ?))
         FROM repositories r WHERE r.id = ?",
    )
    .bind(immutable_packs)
    .bind(tag.as_str())
    .bind(repository_id)
    .fetch_one(connection)
    .await
    .map_err(database("look up a repository"))
}

async fn upsert(
    connection: &mut SqliteConnection,
    repository_id: i64,
    name: &str,
    manifest_id: i64,
    kind: &str,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO tags (repository_id, name, manifest_id, kind, updated_at)
         VALUES (?, ?, ?, ?, ?) ON CONFLICT (repository_id, name) DO UPDATE SET
         manifest_id = excluded.manifest_id, updated_at = excluded.updated_at",
    )
    .bind(repository_id)
    .bind(name)
    .bind(manifest_id)
    .bind(kind)
    .bind(now())
    .execute(connection)
    .await
    .map_err(database("set a tag"))?;
    Ok(())
}

async fn remove(connection: &mut SqliteConnection, repository_id: i64, name: &str) -> Result<()> {
    sqlx::query("DELETE FROM tags WHERE repository_id = ? AND name = ?")
        .bind(repository_id)
        .bind(name)
        .execute(connection)
        .await
        .map_err(database("delete a tag"))?;
    Ok(())
}

fn reserved(repository: &RepositoryName, tag: &Tag) -> StoreError {
    StoreError::TagReserved {
        repository: repository.to_string(),
        tag: tag.to_string(),
    }
}
