//! Which manifests have a manifest as their subject, from an index of their own.
//!
//! Clients that knew no referrers API kept a list themselves: an index under a tag
//! made of the digest. What it lists counts as well, unless it is about something else.

use registry_pack::{Digest, RepositoryName};

use super::{Metadata, parse_digest, statements, values};
use crate::error::Result;
use crate::referrers::Referrer;

statements! {
    LIST: "list referrers" =
        "SELECT * FROM (
             SELECT m.id, m.digest, m.media_type, m.artifact_type, m.size_bytes, m.annotations
             FROM repositories r JOIN manifests m ON m.repository_id = r.id
             WHERE r.name = $1 AND m.subject = $2 AND m.id > $3
             AND (CAST($4 AS TEXT) IS NULL OR m.artifact_type = $4)
             ORDER BY m.id LIMIT $5) AS by_subject
         UNION ALL
         SELECT * FROM (
             SELECT m.id, m.digest, m.media_type, m.artifact_type, m.size_bytes, m.annotations
             FROM repositories r JOIN tags t ON t.repository_id = r.id AND t.name = $6
             JOIN manifest_children c
                  ON c.repository_id = r.id AND c.manifest_id = t.manifest_id
             JOIN manifests m ON m.id = c.child_id
             WHERE r.name = $1 AND m.subject IS NULL AND m.id > $3
             AND (CAST($4 AS TEXT) IS NULL OR m.artifact_type = $4)
             ORDER BY m.id LIMIT $5) AS by_list
         ORDER BY id LIMIT $5";
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
        let fallback = fallback_tag(subject);
        let values = values![
            repository.as_str(),
            subject.as_str(),
            last,
            artifact_type,
            limit,
            &fallback
        ];
        let rows: Vec<Raw> = self.all(&LIST, values).await?;
        rows.into_iter().map(Raw::parse).collect()
    }
}

/// The tag of the list that clients keep: algorithm and 64 digits at most, `-` between them.
fn fallback_tag(subject: &Digest) -> String {
    const ENCODED: usize = 64;
    let hex = subject.hex();
    let encoded = hex.get(..ENCODED).unwrap_or(hex);
    format!("{}-{encoded}", subject.algorithm().as_str())
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
