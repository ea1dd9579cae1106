//! Tags: names that move, except where versions are published for good.

use registry_pack::{RepositoryName, Tag};

use super::{
    Metadata, Transaction, ensure_repository, find_repository, now, parents, repositories, retry,
    statements, values,
};
use crate::error::{Result, StoreError};
use crate::manifests::Condition;

const PUSHED: &str = "pushed";
const PARENT: &str = "parent";

statements! {
    LIST: "list tags" =
        "SELECT name FROM tags WHERE repository_id = $1 AND name > $2 ORDER BY name LIMIT $3";
    SET_IMMUTABLE: "change a repository" =
        "UPDATE repositories SET immutable_tags = $1 WHERE id = $2";
    KIND: "look up a tag" = "SELECT kind FROM tags WHERE repository_id = $1 AND name = $2";
    CURRENT: "look up a tag" =
        "SELECT t.manifest_id, m.digest, t.kind FROM tags t JOIN manifests m ON m.id = t.manifest_id
         WHERE t.repository_id = $1 AND t.name = $2";
    IS_IMMUTABLE: "look up a repository" =
        "SELECT coalesce(r.immutable_tags, $1 AND EXISTS (
             SELECT 1 FROM packs p WHERE p.repository_id = r.id AND p.version = $2))
         FROM repositories r WHERE r.id = $3";
    SET: "set a tag" =
        "INSERT INTO tags (repository_id, name, manifest_id, kind, updated_at)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (repository_id, name) DO UPDATE SET
         manifest_id = excluded.manifest_id, updated_at = excluded.updated_at";
    REMOVE: "delete a tag" = "DELETE FROM tags WHERE repository_id = $1 AND name = $2";
}

impl Metadata {
    /// A page of tags in lexical order, after `last`.
    pub(crate) async fn tags(
        &self,
        repository: &RepositoryName,
        last: &str,
        limit: u32,
    ) -> Result<Vec<String>> {
        let repository_id = self
            .repository(repository)
            .await?
            .ok_or_else(|| StoreError::repository_unknown(repository))?;
        let values = values![repository_id, last, limit];
        let rows: Vec<(String,)> = self.all(&LIST, values).await?;
        Ok(rows.into_iter().map(|(name,)| name).collect())
    }

    /// Deletes one tag and nothing else.
    pub(crate) async fn delete_tag(&self, repository: &RepositoryName, tag: &Tag) -> Result<()> {
        retry(|| self.try_delete_tag(repository, tag)).await
    }

    async fn try_delete_tag(&self, repository: &RepositoryName, tag: &Tag) -> Result<()> {
        let unknown = || StoreError::manifest_unknown(repository, tag.as_str());
        let mut transaction = self.begin().await?;
        let repository_id = find_repository(&mut transaction, repository)
            .await?
            .ok_or_else(unknown)?;
        repositories::change_repository(&mut transaction, repository_id).await?;
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
        transaction.commit().await
    }

    /// Says whether published tags of a repository may move; `None` goes by the configuration.
    pub(crate) async fn set_immutable_tags(
        &self,
        repository: &RepositoryName,
        immutable: Option<bool>,
    ) -> Result<()> {
        let mut transaction = self.begin().await?;
        let id = ensure_repository(&mut transaction, repository).await?;
        repositories::change_repository(&mut transaction, id).await?;
        let values = values![immutable, id];
        transaction.execute(&SET_IMMUTABLE, values).await?;
        transaction.commit().await
    }
}

#[derive(sqlx::FromRow)]
struct Current {
    manifest_id: i64,
    digest: String,
    kind: String,
}

/// Refuses a push whose condition does not hold of the tag.
pub(super) async fn check(
    transaction: &mut Transaction,
    repository: &RepositoryName,
    repository_id: i64,
    tag: &Tag,
    condition: &Condition,
) -> Result<()> {
    if *condition == Condition::None {
        return Ok(());
    }
    let current = current(transaction, repository_id, tag).await?;
    let current = current.map(|current| current.digest);
    if condition.holds(current.as_deref()) {
        return Ok(());
    }
    Err(StoreError::TagDiffers {
        repository: repository.to_string(),
        tag: tag.to_string(),
        current,
    })
}

/// Points a tag at a manifest, within the rules of the repository.
pub(super) async fn set(
    transaction: &mut Transaction,
    repository: &RepositoryName,
    repository_id: i64,
    tag: &Tag,
    manifest_id: i64,
    immutable_packs: bool,
) -> Result<()> {
    if let Some(current) = current(transaction, repository_id, tag).await? {
        if current.manifest_id == manifest_id {
            return Ok(());
        }
        if current.kind == PARENT {
            return Err(reserved(repository, tag));
        }
        // What the repository says holds for all its tags; otherwise a version that is
        // published as a pack is immutable, and a signature beside it is not.
        let values = values![immutable_packs, tag.as_str(), repository_id];
        let (is_immutable,) = transaction.one(&IS_IMMUTABLE, values).await?;
        if is_immutable {
            return Err(StoreError::TagImmutable {
                repository: repository.to_string(),
                tag: tag.to_string(),
                current: current.digest,
            });
        }
    }
    upsert(
        transaction,
        repository_id,
        tag.as_str(),
        manifest_id,
        PUSHED,
    )
    .await
}

/// Points a parent tag at the newest version; a pushed tag of that name stays as it is.
pub(super) async fn set_parent(
    transaction: &mut Transaction,
    repository_id: i64,
    name: &str,
    manifest_id: Option<i64>,
) -> Result<()> {
    let values = values![repository_id, name];
    let row: Option<(String,)> = transaction.optional(&KIND, values).await?;
    let kind = row.as_ref().map(|(kind,)| kind.as_str());
    match (kind, manifest_id) {
        (Some(PUSHED), _) | (None, None) => Ok(()),
        (_, Some(manifest_id)) => {
            upsert(transaction, repository_id, name, manifest_id, PARENT).await
        }
        (_, None) => remove(transaction, repository_id, name).await,
    }
}

async fn current(
    transaction: &mut Transaction,
    repository_id: i64,
    tag: &Tag,
) -> Result<Option<Current>> {
    let values = values![repository_id, tag.as_str()];
    transaction.optional(&CURRENT, values).await
}

async fn upsert(
    transaction: &mut Transaction,
    repository_id: i64,
    name: &str,
    manifest_id: i64,
    kind: &str,
) -> Result<()> {
    let values = values![repository_id, name, manifest_id, kind, now()];
    transaction.execute(&SET, values).await.map(drop)
}

async fn remove(transaction: &mut Transaction, repository_id: i64, name: &str) -> Result<()> {
    let values = values![repository_id, name];
    transaction.execute(&REMOVE, values).await.map(drop)
}

fn reserved(repository: &RepositoryName, tag: &Tag) -> StoreError {
    StoreError::TagReserved {
        repository: repository.to_string(),
        tag: tag.to_string(),
    }
}
