//! The list of repositories.

use super::Metadata;
use crate::error::{Result, database};

impl Metadata {
    /// A page of repositories that have content, in lexical order, after `last`.
    pub(crate) async fn repositories(&self, last: &str, limit: u32) -> Result<Vec<String>> {
        sqlx::query_scalar(
            "SELECT name FROM repositories WHERE name > ?
             AND EXISTS (SELECT 1 FROM manifests m WHERE m.repository_id = repositories.id)
             ORDER BY name LIMIT ?",
        )
        .bind(last)
        .bind(limit)
        .fetch_all(&self.readers)
        .await
        .map_err(database("list repositories"))
    }
}
