//! The index of packs: what each pushed pack says about itself.

use registry_pack::Digest;
use sqlx::sqlite::SqliteConnection;

use super::{Metadata, parse_digest, timestamp};
use crate::error::{Result, StoreError, database};
use crate::packs::{PackDocuments, PackEntry, PackQuery, PackRecord};

#[derive(sqlx::FromRow)]
struct Raw {
    project: String,
    name: String,
    version: String,
    layer: String,
    display_name: String,
    cloud_types: String,
    annotations: String,
    manifest_digest: String,
    archive_digest: String,
    archive_bytes: i64,
    pushed_at: i64,
    lint_errors: i64,
    lint_warnings: i64,
}

#[derive(sqlx::FromRow)]
struct RawDocuments {
    pack_values: Option<String>,
    readme: Option<String>,
    presets: Option<String>,
    schema: Option<String>,
    findings: String,
}

impl Metadata {
    /// A page of packs by project, name and version.
    pub(crate) async fn packs(&self, query: &PackQuery, limit: u32) -> Result<Vec<PackEntry>> {
        let (project, name, version) = query.after.clone().unwrap_or_default();
        let rows: Vec<Raw> = sqlx::query_as(
            "SELECT project, name, version, layer, display_name, cloud_types, annotations,
                    manifest_digest, archive_digest, archive_bytes, pushed_at,
                    lint_errors, lint_warnings
             FROM packs WHERE (project, name, version) > (?, ?, ?)
             AND (? IS NULL OR project = ?) AND (? IS NULL OR name = ?)
             AND (? IS NULL OR layer = ?)
             ORDER BY project, name, version LIMIT ?",
        )
        .bind(project)
        .bind(name)
        .bind(version)
        .bind(&query.project)
        .bind(&query.project)
        .bind(&query.name)
        .bind(&query.name)
        .bind(&query.layer)
        .bind(&query.layer)
        .bind(limit)
        .fetch_all(&self.readers)
        .await
        .map_err(database("list packs"))?;
        rows.into_iter().map(Raw::parse).collect()
    }

    /// One pack with its texts.
    pub(crate) async fn pack(
        &self,
        project: &str,
        name: &str,
        version: &str,
    ) -> Result<Option<(PackEntry, PackDocuments)>> {
        let row: Option<Raw> = sqlx::query_as(
            "SELECT project, name, version, layer, display_name, cloud_types, annotations,
                    manifest_digest, archive_digest, archive_bytes, pushed_at,
                    lint_errors, lint_warnings
             FROM packs WHERE project = ? AND name = ? AND version = ?",
        )
        .bind(project)
        .bind(name)
        .bind(version)
        .fetch_optional(&self.readers)
        .await
        .map_err(database("look up a pack"))?;
        let Some(entry) = row.map(Raw::parse).transpose()? else {
            return Ok(None);
        };
        let documents: Option<RawDocuments> = sqlx::query_as(
            "SELECT pack_values, readme, presets, schema, findings FROM packs
             WHERE project = ? AND name = ? AND version = ?",
        )
        .bind(project)
        .bind(name)
        .bind(version)
        .fetch_optional(&self.readers)
        .await
        .map_err(database("read a pack's documents"))?;
        documents
            .map(|documents| Ok((entry, documents.parse()?)))
            .transpose()
    }
}

/// Writes or rewrites the entry of one version.
pub(crate) async fn index(
    connection: &mut SqliteConnection,
    repository_id: i64,
    version: &str,
    manifest: &Digest,
    pack: &PackRecord,
) -> Result<()> {
    forget(connection, repository_id, version).await?;
    sqlx::query(
        "INSERT INTO packs (repository_id, version, project, name, layer, display_name, cloud_types,
                            annotations, manifest_digest, archive_digest, archive_bytes, pushed_at,
                            lint_errors, lint_warnings, findings, pack_values, readme, presets, schema)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,
                 (SELECT updated_at FROM tags WHERE repository_id = ?1 AND name = ?2),
                 ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
    )
    .bind(repository_id)
    .bind(version)
    .bind(&pack.project)
    .bind(&pack.name)
    .bind(&pack.layer)
    .bind(&pack.display_name)
    .bind(to_json(&pack.cloud_types)?)
    .bind(to_json(&pack.annotations)?)
    .bind(manifest.as_str())
    .bind(pack.archive_digest.as_str())
    .bind(i64::try_from(pack.archive_bytes).unwrap_or(i64::MAX))
    .bind(i64::from(pack.lint_errors))
    .bind(i64::from(pack.lint_warnings))
    .bind(to_json(&pack.documents.findings)?)
    .bind(&pack.documents.values)
    .bind(&pack.documents.readme)
    .bind(&pack.documents.presets)
    .bind(&pack.documents.schema)
    .execute(connection)
    .await
    .map_err(database("index a pack"))?;
    Ok(())
}

pub(crate) async fn forget(
    connection: &mut SqliteConnection,
    repository_id: i64,
    version: &str,
) -> Result<()> {
    sqlx::query("DELETE FROM packs WHERE repository_id = ? AND version = ?")
        .bind(repository_id)
        .bind(version)
        .execute(connection)
        .await
        .map_err(database("remove a pack from the index"))?;
    Ok(())
}

impl Raw {
    fn parse(self) -> Result<PackEntry> {
        Ok(PackEntry {
            project: self.project,
            name: self.name,
            version: self.version,
            layer: self.layer,
            display_name: self.display_name,
            cloud_types: from_json(&self.cloud_types)?,
            annotations: from_json(&self.annotations)?,
            digest: parse_digest(&self.manifest_digest)?,
            archive_digest: parse_digest(&self.archive_digest)?,
            archive_bytes: u64::try_from(self.archive_bytes).unwrap_or(0),
            pushed_at: timestamp(self.pushed_at),
            lint_errors: u32::try_from(self.lint_errors).unwrap_or(u32::MAX),
            lint_warnings: u32::try_from(self.lint_warnings).unwrap_or(u32::MAX),
        })
    }
}

impl RawDocuments {
    fn parse(self) -> Result<PackDocuments> {
        Ok(PackDocuments {
            values: self.pack_values,
            readme: self.readme,
            presets: self.presets,
            schema: self.schema,
            findings: from_json(&self.findings)?,
        })
    }
}

pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Damaged {
        what: format!("an index entry: {error}"),
    })
}

pub(crate) fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| StoreError::Damaged {
        what: format!("an index entry: {error}"),
    })
}
