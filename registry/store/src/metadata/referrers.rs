//! Which manifests have a manifest as their subject, from an index of their own.

use registry_pack::{Digest, RepositoryName};

use super::{Metadata, parse_digest};
use crate::error::{Result, database};
use crate::manifests::Referrer;

#[derive(sqlx::FromRow)]
struct Raw {
    id: i64,
    digest: String,
    media_type: String,
    artifact_type: Option<String>,
    size_bytes: i64,
    annotations: Option<String>,
}

impl Metadata {
    /// A page of referrers in the order in which they came, after the row `last`.
    pub(crate) async fn referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        artifact_type: Option<&str>,
        last: i64,
        limit: u32,
    ) -> Result<Vec<Referrer>> {
        let rows: Vec<Raw> = sqlx::query_as(
            "SELECT m.id, m.digest, m.media_type, m.artifact_type, m.size_bytes, m.annotations
             FROM repositories r JOIN manifests m ON m.repository_id = r.id
             WHERE r.name = ? AND m.subject = ? AND m.id > ?
             AND (? IS NULL OR m.artifact_type = ?) ORDER BY m.id LIMIT ?",
        )
        .bind(repository.as_str())
        .bind(subject.as_str())
        .bind(last)
        .bind(artifact_type)
        .bind(artifact_type)
        .bind(limit)
        .fetch_all(&self.readers)
        .await
        .map_err(database("list referrers"))?;
        rows.into_iter().map(Raw::parse).collect()
    }
}

impl Raw {
    fn parse(self) -> Result<Referrer> {
        Ok(Referrer {
            position: self.id,
            digest: parse_digest(&self.digest)?,
            media_type: self.media_type,
            artifact_type: self.artifact_type,
            size_bytes: u64::try_from(self.size_bytes).unwrap_or(0),
            annotations: self.annotations,
        })
    }
}
