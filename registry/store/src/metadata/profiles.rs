//! The index of cluster profiles.

use registry_pack::Digest;

use super::packs::{from_json, to_json};
use super::{Metadata, Transaction, parse_digest, statements, timestamp, values};
use crate::error::Result;
use crate::profiles::{ProfileEntry, ProfileQuery, ProfileRecord};

statements! {
    LIST: "list profiles" =
        "SELECT project, name, version, description, labels, kind, cloud_type, packs,
                manifest_digest, pushed_at, lint_errors, lint_warnings, findings, '' AS document
         FROM profiles
         WHERE (project, name, version) > ($1, $2, $3)
         AND (CAST($4 AS TEXT) IS NULL OR project = $4)
         ORDER BY project, name, version LIMIT $5";
    ENTRY: "look up a profile" =
        "SELECT project, name, version, description, labels, kind, cloud_type, packs,
                manifest_digest, pushed_at, lint_errors, lint_warnings, findings, document
         FROM profiles
         WHERE project = $1 AND name = $2 AND version = $3";
    INSERT: "index a profile" =
        "INSERT INTO profiles (repository_id, version, project, name, description, labels, kind,
                               cloud_type, packs, manifest_digest, pushed_at, lint_errors,
                               lint_warnings, findings, document)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
                 (SELECT updated_at FROM tags WHERE repository_id = $1 AND name = $2),
                 $11, $12, $13, $14)";
    FORGET: "remove a profile from the index" =
        "DELETE FROM profiles WHERE repository_id = $1 AND version = $2";
}

#[derive(sqlx::FromRow)]
struct Raw {
    project: String,
    name: String,
    version: String,
    description: Option<String>,
    labels: String,
    kind: String,
    cloud_type: String,
    packs: String,
    manifest_digest: String,
    pushed_at: i64,
    lint_errors: i64,
    lint_warnings: i64,
    findings: String,
    document: String,
}

impl Metadata {
    /// A page of profiles by project, name and version.
    pub(crate) async fn profiles(
        &self,
        query: &ProfileQuery,
        limit: u32,
    ) -> Result<Vec<ProfileEntry>> {
        let (project, name, version) = query.after.clone().unwrap_or_default();
        let values = values![&project, &name, &version, &query.project, limit];
        let rows: Vec<Raw> = self.all(&LIST, values).await?;
        rows.into_iter()
            .map(|raw| raw.parse().map(|(entry, _)| entry))
            .collect()
    }

    /// One profile with its text.
    pub(crate) async fn profile(
        &self,
        project: &str,
        name: &str,
        version: &str,
    ) -> Result<Option<(ProfileEntry, String)>> {
        let values = values![project, name, version];
        let row: Option<Raw> = self.optional(&ENTRY, values).await?;
        row.map(Raw::parse).transpose()
    }
}

/// Writes or rewrites the entry of one version.
pub(super) async fn index(
    transaction: &mut Transaction,
    repository_id: i64,
    version: &str,
    manifest: &Digest,
    profile: &ProfileRecord,
) -> Result<()> {
    forget(transaction, repository_id, version).await?;
    let labels = to_json(&profile.labels)?;
    let packs = to_json(&profile.packs)?;
    let findings = to_json(&profile.findings)?;
    let values = values![
        repository_id,
        version,
        &profile.project,
        &profile.name,
        &profile.description,
        &labels,
        &profile.kind,
        &profile.cloud_type,
        &packs,
        manifest.as_str(),
        profile.lint_errors,
        profile.lint_warnings,
        &findings,
        &profile.document,
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
    fn parse(self) -> Result<(ProfileEntry, String)> {
        let entry = ProfileEntry {
            project: self.project,
            name: self.name,
            version: self.version,
            description: self.description,
            labels: from_json(&self.labels)?,
            kind: self.kind,
            cloud_type: self.cloud_type,
            packs: from_json(&self.packs)?,
            digest: parse_digest(&self.manifest_digest)?,
            pushed_at: timestamp(self.pushed_at),
            lint_errors: u32::try_from(self.lint_errors).unwrap_or(u32::MAX),
            lint_warnings: u32::try_from(self.lint_warnings).unwrap_or(u32::MAX),
            findings: from_json(&self.findings)?,
        };
        Ok((entry, self.document))
    }
}
