//! Manifests: found by tag or digest with their exact bytes, and deleted.

use std::time::Duration;

use bytes::Bytes;
use registry_pack::{Digest, RepositoryName, media};

use super::repositories::change_repository;
use super::{
    Metadata, Transaction, find_repository, leases, parents, parse_digest, retry, statements,
    values,
};
use crate::deprecations::reason;
use crate::error::{Result, StoreError};
use crate::manifests::Manifest;

statements! {
    BY_TAG: "look up a tag" =
        "SELECT m.digest, m.media_type, m.body," deprecation["$3"] "FROM repositories r
         JOIN tags t ON t.repository_id = r.id
         JOIN manifests m ON m.id = t.manifest_id
         WHERE r.name = $1 AND t.name = $2";
    BY_DIGEST: "look up a manifest" =
        "SELECT m.digest, m.media_type, m.body," deprecation["$3"] "FROM repositories r
         JOIN manifests m ON m.repository_id = r.id
         WHERE r.name = $1 AND m.digest = $2";
    HEAD_BY_TAG: "look up a tag" =
        "SELECT m.id, m.digest, m.media_type," deprecation["$3"] "FROM repositories r
         JOIN tags t ON t.repository_id = r.id
         JOIN manifests m ON m.id = t.manifest_id
         WHERE r.name = $1 AND t.name = $2";
    HEAD_BY_DIGEST: "look up a manifest" =
        "SELECT m.id, m.digest, m.media_type," deprecation["$3"] "FROM repositories r
         JOIN manifests m ON m.repository_id = r.id
         WHERE r.name = $1 AND m.digest = $2";
    BODY: "read a manifest" = "SELECT body FROM manifests WHERE id = $1";
    FIND: "look up a manifest" =
        "SELECT id FROM manifests WHERE repository_id = $1 AND digest = $2";
    TAGS: "list a manifest's tags" =
        "SELECT name FROM tags WHERE repository_id = $1 AND manifest_id = $2";
    DELETE: "delete a manifest" = "DELETE FROM manifests WHERE id = $1";
    INDEX_OF: "look for a manifest's index" =
        "SELECT m.digest FROM manifest_children c JOIN manifests m ON m.id = c.manifest_id
         WHERE c.repository_id = $1 AND c.child_id = $2 LIMIT 1";
}

#[derive(sqlx::FromRow)]
struct Raw {
    digest: String,
    media_type: String,
    body: Vec<u8>,
    deprecation: Option<String>,
}

impl Raw {
    fn parse(self) -> Result<Manifest> {
        Ok(Manifest {
            digest: parse_digest(&self.digest)?,
            media_type: self.media_type,
            bytes: Bytes::from(self.body),
            deprecated: self.deprecation.as_deref().map(reason),
        })
    }
}

/// A manifest without its bytes.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Head {
    pub(crate) id: i64,
    pub(crate) digest: String,
    pub(crate) media_type: String,
    /// The annotations of the latest deprecation of it.
    pub(crate) deprecation: Option<String>,
}

impl Metadata {
    pub(crate) async fn manifest_by_tag(
        &self,
        repository: &RepositoryName,
        tag: &str,
    ) -> Result<Option<Manifest>> {
        let values = values![repository.as_str(), tag, media::DEPRECATION];
        let raw: Option<Raw> = self.optional(&BY_TAG, values).await?;
        raw.map(Raw::parse).transpose()
    }

    pub(crate) async fn manifest_by_digest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<Manifest>> {
        let values = values![repository.as_str(), digest.as_str(), media::DEPRECATION];
        let raw: Option<Raw> = self.optional(&BY_DIGEST, values).await?;
        raw.map(Raw::parse).transpose()
    }

    pub(crate) async fn head_by_tag(
        &self,
        repository: &RepositoryName,
        tag: &str,
    ) -> Result<Option<Head>> {
        let values = values![repository.as_str(), tag, media::DEPRECATION];
        self.optional(&HEAD_BY_TAG, values).await
    }

    pub(crate) async fn head_by_digest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<Head>> {
        let values = values![repository.as_str(), digest.as_str(), media::DEPRECATION];
        self.optional(&HEAD_BY_DIGEST, values).await
    }

    /// The bytes of a manifest that is there still.
    pub(crate) async fn manifest_body(&self, id: i64) -> Result<Option<Bytes>> {
        let row: Option<(Vec<u8>,)> = self.optional(&BODY, values![id]).await?;
        Ok(row.map(|(body,)| Bytes::from(body)))
    }

    /// Deletes a manifest and its tags, unless an index names it. Its blobs get a lease.
    pub(crate) async fn delete_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        lease: Duration,
    ) -> Result<()> {
        retry(|| self.try_delete_manifest(repository, digest, lease)).await
    }

    async fn try_delete_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        lease: Duration,
    ) -> Result<()> {
        let unknown = || StoreError::manifest_unknown(repository, digest.as_str());
        let mut transaction = self.begin().await?;
        let repository_id = find_repository(&mut transaction, repository)
            .await?
            .ok_or_else(unknown)?;
        change_repository(&mut transaction, repository_id).await?;
        let values = values![repository_id, digest.as_str()];
        let found: Option<(i64,)> = transaction.optional(&FIND, values).await?;
        let (id,) = found.ok_or_else(unknown)?;
        refuse_if_indexed(&mut transaction, repository_id, id, digest).await?;
        let values = values![repository_id, id];
        let tags: Vec<(String,)> = transaction.all(&TAGS, values).await?;
        leases::leave(&mut transaction, &[id], lease).await?;
        transaction.execute(&DELETE, values![id]).await?;
        if repository.pack_name().is_some() {
            let tags: Vec<String> = tags.into_iter().map(|(name,)| name).collect();
            parents::refresh(&mut transaction, repository_id, &tags).await?;
        }
        transaction.commit().await
    }
}

async fn refuse_if_indexed(
    transaction: &mut Transaction,
    repository_id: i64,
    id: i64,
    digest: &Digest,
) -> Result<()> {
    let values = values![repository_id, id];
    let index: Option<(String,)> = transaction.optional(&INDEX_OF, values).await?;
    match index {
        Some((index,)) => Err(StoreError::ManifestInUse {
            digest: digest.to_string(),
            index,
        }),
        None => Ok(()),
    }
}
