//! Repositories: found, made on first use, locked, listed.

use registry_pack::RepositoryName;

use super::{Metadata, Transaction, now, statements, values};
use crate::error::Result;

statements! {
    FIND: "look up a repository" = "SELECT id FROM repositories WHERE name = $1";
    CREATE: "create a repository" =
        "INSERT INTO repositories (name, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    SHARE: "lock a repository" = "SELECT id FROM repositories WHERE id = $1" for_share;
    CHANGE: "lock a repository" = "SELECT id FROM repositories WHERE id = $1" for_no_key_update;
    LIST: "list repositories" =
        "SELECT name FROM repositories WHERE name > $1
         AND EXISTS (SELECT 1 FROM manifests m WHERE m.repository_id = repositories.id)
         ORDER BY name LIMIT $2";
}

impl Metadata {
    /// A page of repositories that have content, in lexical order, after `last`.
    pub(crate) async fn repositories(&self, last: &str, limit: u32) -> Result<Vec<String>> {
        let rows: Vec<(String,)> = self.all(&LIST, values![last, limit]).await?;
        Ok(rows.into_iter().map(|(name,)| name).collect())
    }

    pub(super) async fn repository(&self, name: &RepositoryName) -> Result<Option<i64>> {
        let row: Option<(i64,)> = self.optional(&FIND, values![name.as_str()]).await?;
        Ok(row.map(|(id,)| id))
    }
}

/// The row of a repository, made on first use.
pub(crate) async fn ensure_repository(
    transaction: &mut Transaction,
    name: &RepositoryName,
) -> Result<i64> {
    if let Some(id) = find_repository(transaction, name).await? {
        return Ok(id);
    }
    let values = values![name.as_str(), now()];
    transaction.execute(&CREATE, values).await?;
    let (id,) = transaction.one(&FIND, values![name.as_str()]).await?;
    Ok(id)
}

pub(crate) async fn find_repository(
    transaction: &mut Transaction,
    name: &RepositoryName,
) -> Result<Option<i64>> {
    let row: Option<(i64,)> = transaction.optional(&FIND, values![name.as_str()]).await?;
    Ok(row.map(|(id,)| id))
}

/// The repository, in which no manifest or tag changes until the end of the transaction.
pub(crate) async fn share_repository(
    transaction: &mut Transaction,
    name: &RepositoryName,
) -> Result<i64> {
    let id = ensure_repository(transaction, name).await?;
    transaction.lock(&SHARE, values![id]).await?;
    Ok(id)
}

/// Makes this transaction the only one that changes the repository's manifests and tags.
pub(super) async fn change_repository(transaction: &mut Transaction, id: i64) -> Result<()> {
    transaction.lock(&CHANGE, values![id]).await
}
