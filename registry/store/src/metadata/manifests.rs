//! Manifests: their exact bytes, and what they name.

use bytes::Bytes;
use registry_pack::{Digest, RepositoryName};
use sqlx::sqlite::SqliteConnection;

use super::{Metadata, commit, find_repository, json_array, now, parents, parse_digest};
use crate::error::{Result, StoreError, database};
use crate::manifests::{Manifest, MissingPolicy, NewManifest};

#[derive(sqlx::FromRow)]
struct Raw {
    digest: String,
    media_type: String,
    body: Vec<u8>,
}

impl Raw {
    fn parse(self) -> Result<Manifest> {
        Ok(Manifest {
            digest: parse_digest(&self.digest)?,
            media_type: self.media_type,
            bytes: Bytes::from(self.body),
        })
    }
}

impl Metadata {
    pub(crate) async fn manifest_by_tag(
        &self,
        repository: &RepositoryName,
        tag: &str,
    ) -> Result<Option<Manifest>> {
        let raw: Option<Raw> = sqlx::query_as(
            "SELECT m.digest, m.media_type, m.body FROM repositories r
             JOIN tags t ON t.repository_id = r.id
             JOIN manifests m ON m.id = t.manifest_id
             WHERE r.name = ? AND t.name = ?",
        )
        .bind(repository.as_str())
        .bind(tag)
        .fetch_optional(&self.readers)
        .await
        .map_err(database("look up a tag"))?;
        raw.map(Raw::parse).transpose()
    }

    pub(crate) async fn manifest_by_digest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<Manifest>> {
        let raw: Option<Raw> = sqlx::query_as(
            "SELECT m.digest, m.media_type, m.body FROM repositories r
             JOIN manifests m ON m.repository_id = r.id
             WHERE r.name = ? AND m.digest = ?",
        )
        .bind(repository.as_str())
        .bind(digest.as_str())
        .fetch_optional(&self.readers)
        .await
        .map_err(database("look up a manifest"))?;
        raw.map(Raw::parse).transpose()
    }

    /// Deletes a manifest and its tags, unless an index names it.
    pub(crate) async fn delete_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<()> {
        let unknown = || StoreError::manifest_unknown(repository, digest.as_str());
        let mut transaction = self.begin().await?;
        let repository_id = find_repository(&mut transaction, repository)
            .await?
            .ok_or_else(unknown)?;
        let id: Option<i64> =
            sqlx::query_scalar("SELECT id FROM manifests WHERE repository_id = ? AND digest = ?")
                .bind(repository_id)
                .bind(digest.as_str())
                .fetch_optional(&mut *transaction)
                .await
                .map_err(database("look up a manifest"))?;
        let id = id.ok_or_else(unknown)?;
        refuse_if_indexed(&mut transaction, repository_id, id, digest).await?;
        let tags: Vec<String> =
            sqlx::query_scalar("SELECT name FROM tags WHERE repository_id = ? AND manifest_id = ?")
                .bind(repository_id)
                .bind(id)
                .fetch_all(&mut *transaction)
                .await
                .map_err(database("list a manifest's tags"))?;
        sqlx::query("DELETE FROM manifests WHERE id = ?")
            .bind(id)
            .execute(&mut *transaction)
            .await
            .map_err(database("delete a manifest"))?;
        if repository.pack_name().is_some() {
            parents::refresh(&mut transaction, repository_id, &tags).await?;
        }
        commit(transaction).await
    }
}

async fn refuse_if_indexed(
    connection: &mut SqliteConnection,
    repository_id: i64,
    id: i64,
    digest: &Digest,
) -> Result<()> {
    let index: Option<String> = sqlx::query_scalar(
        "SELECT m.digest FROM manifest_children c JOIN manifests m ON m.id = c.manifest_id
         WHERE c.repository_id = ? AND c.child_id = ? LIMIT 1",
    )
    .bind(repository_id)
    .bind(id)
    .fetch_optional(connection)
    .await
    .map_err(database("look for a manifest's index"))?;
    match index {
        Some(index) => Err(StoreError::ManifestInUse {
            digest: digest.to_string(),
            index,
        }),
        None => Ok(()),
    }
}

/// Stores a manifest with its references; its row when it is there already.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    repository_id: i64,
    manifest: &NewManifest,
    policy: MissingPolicy,
) -> Result<i64> {
    let known: Option<(i64, String)> = sqlx::query_as(
        "SELECT id, media_type FROM manifests WHERE repository_id = ? AND digest = ?",
    )
    .bind(repository_id)
    .bind(manifest.digest.as_str())
    .fetch_optional(&mut *connection)
    .await
    .map_err(database("look up a manifest"))?;
    if let Some((id, media_type)) = known {
        if media_type != manifest.media_type {
            set_media_type(connection, id, &manifest.media_type).await?;
        }
        return Ok(id);
    }
    let missing = missing(connection, repository_id, manifest).await?;
    if policy == MissingPolicy::Refuse && !missing.is_empty() {
        let missing = missing
            .iter()
            .map(|(digest, _)| parse_digest(digest))
            .collect::<Result<_>>()?;
        return Err(StoreError::MissingReferences {
            repository: repository.to_string(),
            missing,
        });
    }
    let id = insert_row(connection, repository_id, manifest).await?;
    insert_references(connection, repository_id, id, manifest).await?;
    for (digest, is_manifest) in missing {
        sqlx::query("INSERT INTO manifest_missing VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING")
            .bind(id)
            .bind(repository_id)
            .bind(digest)
            .bind(is_manifest)
            .execute(&mut *connection)
            .await
            .map_err(database("record a missing reference"))?;
    }
    adopt_waiting_indexes(connection, repository_id, id, &manifest.digest).await?;
    Ok(id)
}

async fn set_media_type(
    connection: &mut SqliteConnection,
    id: i64,
    media_type: &str,
) -> Result<()> {
    sqlx::query("UPDATE manifests SET media_type = ? WHERE id = ?")
        .bind(media_type)
        .bind(id)
        .execute(connection)
        .await
        .map_err(database("store a manifest"))?;
    Ok(())
}

async fn insert_row(
    connection: &mut SqliteConnection,
    repository_id: i64,
    manifest: &NewManifest,
) -> Result<i64> {
    sqlx::query_scalar(
        "INSERT INTO manifests (repository_id, digest, media_type, artifact_type, subject,
                                size_bytes, pushed_at, annotations, body)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
    )
    .bind(repository_id)
    .bind(manifest.digest.as_str())
    .bind(&manifest.media_type)
    .bind(&manifest.artifact_type)
    .bind(manifest.subject.as_ref().map(Digest::as_str))
    .bind(i64::try_from(manifest.bytes.len()).unwrap_or(i64::MAX))
    .bind(now())
    .bind(&manifest.annotations)
    .bind(&manifest.bytes[..])
    .fetch_one(connection)
    .await
    .map_err(database("store a manifest"))
}

/// What the manifest names and the repository does not have, and whether it is a manifest.
async fn missing(
    connection: &mut SqliteConnection,
    repository_id: i64,
    manifest: &NewManifest,
) -> Result<Vec<(String, bool)>> {
    sqlx::query_as(
        "SELECT j.value, 0 FROM json_each(?) j WHERE NOT EXISTS (
             SELECT 1 FROM blobs b JOIN repository_blobs rb ON rb.blob_id = b.id
             WHERE b.digest = j.value AND rb.repository_id = ?)
         UNION ALL
         SELECT j.value, 1 FROM json_each(?) j WHERE NOT EXISTS (
             SELECT 1 FROM manifests m WHERE m.repository_id = ? AND m.digest = j.value)",
    )
    .bind(json_array(&manifest.blobs))
    .bind(repository_id)
    .bind(json_array(&manifest.manifests))
    .bind(repository_id)
    .fetch_all(connection)
    .await
    .map_err(database("check a manifest's references"))
}

async fn insert_references(
    connection: &mut SqliteConnection,
    repository_id: i64,
    id: i64,
    manifest: &NewManifest,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO manifest_blobs (manifest_id, repository_id, blob_id)
         SELECT ?, rb.repository_id, b.id FROM json_each(?) j JOIN blobs b ON b.digest = j.value
         JOIN repository_blobs rb ON rb.blob_id = b.id AND rb.repository_id = ?
         WHERE true ON CONFLICT DO NOTHING",
    )
    .bind(id)
    .bind(json_array(
        manifest.blobs.iter().chain(&manifest.optional_blobs),
    ))
    .bind(repository_id)
    .execute(&mut *connection)
    .await
    .map_err(database("record a manifest's blobs"))?;
    sqlx::query(
        "INSERT INTO manifest_children (manifest_id, repository_id, child_id)
         SELECT ?, m.repository_id, m.id FROM json_each(?) j
         JOIN manifests m ON m.repository_id = ? AND m.digest = j.value
         WHERE true ON CONFLICT DO NOTHING",
    )
    .bind(id)
    .bind(json_array(&manifest.manifests))
    .bind(repository_id)
    .execute(connection)
    .await
    .map_err(database("record an index's manifests"))?;
    Ok(())
}

/// Indexes that were accepted before this manifest came get their reference now.
async fn adopt_waiting_indexes(
    connection: &mut SqliteConnection,
    repository_id: i64,
    id: i64,
    digest: &Digest,
) -> Result<()> {
    let adopted = sqlx::query(
        "INSERT INTO manifest_children (manifest_id, repository_id, child_id)
         SELECT manifest_id, repository_id, ? FROM manifest_missing
         WHERE repository_id = ? AND digest = ? AND is_manifest = 1 ON CONFLICT DO NOTHING",
    )
    .bind(id)
    .bind(repository_id)
    .bind(digest.as_str())
    .execute(&mut *connection)
    .await
    .map_err(database("resolve an index's references"))?;
    if adopted.rows_affected() > 0 {
        sqlx::query(
            "DELETE FROM manifest_missing
             WHERE repository_id = ? AND digest = ? AND is_manifest = 1",
        )
        .bind(repository_id)
        .bind(digest.as_str())
        .execute(connection)
        .await
        .map_err(database("resolve an index's references"))?;
    }
    Ok(())
}
