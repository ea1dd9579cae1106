//! Which manifests have a manifest as their subject, from an index of their own.

use registry_pack::{Digest, RepositoryName};

use super::{Metadata, parse_digest, statements, values};
use crate::error::Result;
use crate::manifests::Referrer;

statements! {
    LIST: "list referrers" =
        "SELECT m.id, m.digest, m.media_type, m.artifact_type, m.size_bytes, m.annotations
         FROM repositories r JOIN manifests m ON m.repository_id = r.id
         WHERE r.name = $1 AND m.subject = $2 AND m.id > $3
         AND (CAST($4 AS TEXT) IS NULL OR m.artifact_type = $4) ORDER BY m.id LIMIT $5";
}

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
        let values = values![
            repository.as_str(),
            subject.as_str(),
            last,
            artifact_type,
            limit
        ];
        let rows: Vec<Raw> = self.all(&LIST, values).await?;
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
