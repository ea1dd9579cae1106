//! The index of packs: what each pushed pack says about itself.

use registry_pack::Digest;

use super::{Metadata, Transaction, parse_digest, statements, timestamp, values};
use crate::error::{Result, StoreError};
use crate::packs::{PackDocuments, PackEntry, PackQuery, PackRecord};

statements! {
    LIST: "list packs" =
        "SELECT project, name, version, layer, display_name, cloud_types, annotations,
                manifest_digest, archive_digest, archive_bytes, pushed_at,
                lint_errors, lint_warnings
         FROM packs
         WHERE (project, name, version) > ($1, $2, $3)
         AND (CAST($4 AS TEXT) IS NULL OR project = $4)
         AND (CAST($5 AS TEXT) IS NULL OR name = $5)
         AND (CAST($6 AS TEXT) IS NULL OR layer = $6)
         ORDER BY project, name, version LIMIT $7";
    ENTRY: "look up a pack" =
        "SELECT project, name, version, layer, display_name, cloud_types, annotations,
                manifest_digest, archive_digest, archive_bytes, pushed_at,
                lint_errors, lint_warnings
         FROM packs
         WHERE project = $1 AND name = $2 AND version = $3";
    DOCUMENTS: "read a pack's documents" =
        "SELECT pack_values, readme, presets, schema, findings FROM packs
         WHERE project = $1 AND name = $2 AND version = $3";
    INSERT: "index a pack" =
        "INSERT INTO packs (repository_id, version, project, name, layer, display_name, cloud_types,
                            annotations, manifest_digest, archive_digest, archive_bytes, pushed_at,
                            lint_errors, lint_warnings, findings, pack_values, readme, presets, schema)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,
                 (SELECT updated_at FROM tags WHERE repository_id = $1 AND name = $2),
                 $12, $13, $14, $15, $16, $17, $18)";
    FORGET: "remove a pack from the index" =
        "DELETE FROM packs WHERE repository_id = $1 AND version = $2";
}

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
        let values = values![
            &project,
            &name,
            &version,
            &query.project,
            &query.name,
            &query.layer,
            limit
        ];
        let rows: Vec<Raw> = self.all(&LIST, values).await?;
        rows.into_iter().map(Raw::parse).collect()
    }

    /// One pack with its texts.
    pub(crate) async fn pack(
        &self,
        project: &str,
        name: &str,
        version: &str,
    ) -> Result<Option<(PackEntry, PackDocuments)>> {
        let values = values![project, name, version];
        let row: Option<Raw> = self.optional(&ENTRY, values).await?;
        let Some(entry) = row.map(Raw::parse).transpose()? else {
            return Ok(None);
        };
        let documents: Option<RawDocuments> = self.optional(&DOCUMENTS, values).await?;
        documents
            .map(|documents| Ok((entry, documents.parse()?)))
            .transpose()
    }
}

/// Writes or rewrites the entry of one version.
pub(super) async fn index(
    transaction: &mut Transaction,
    repository_id: i64,
    version: &str,
    manifest: &Digest,
    pack: &PackRecord,
) -> Result<()> {
    forget(transaction, repository_id, version).await?;
    let cloud_types = to_json(&pack.cloud_types)?;
    let annotations = to_json(&pack.annotations)?;
    let findings = to_json(&pack.documents.findings)?;
    let values = values![
        repository_id,
        version,
        &pack.project,
        &pack.name,
        &pack.layer,
        &pack.display_name,
        &cloud_types,
        &annotations,
        manifest.as_str(),
        pack.archive_digest.as_str(),
        i64::try_from(pack.archive_bytes).unwrap_or(i64::MAX),
        pack.lint_errors,
        pack.lint_warnings,
        &findings,
        &pack.documents.values,
        &pack.documents.readme,
        &pack.documents.presets,
        &pack.documents.schema,
    ];
    transaction.execute(&INSERT, values).await.map(drop)
}

pub(super) async fn forget(
    transaction: &mut Transaction,
    repository_id: i64,
    version: &str,
) -> Result<()> {
    let values = values![repository_id, version];
    transaction.execute(&FORGET, values).await.map(drop)
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

pub(super) fn to_json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Damaged {
        what: format!("an index entry: {error}"),
    })
}

pub(super) fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| StoreError::Damaged {
        what: format!("an index entry: {error}"),
    })
}
