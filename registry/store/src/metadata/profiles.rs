//! The index of cluster profiles.

use registry_pack::Digest;
use sqlx::sqlite::SqliteConnection;

use super::packs::{from_json, to_json};
use super::{Metadata, parse_digest, timestamp};
use crate::error::{Result, database};
use crate::profiles::{ProfileEntry, ProfileQuery, ProfileRecord};

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
        let rows: Vec<Raw> = sqlx::query_as(
            "SELECT project, name, version, description, labels, kind, cloud_type, packs,
                    manifest_digest, pushed_at, lint_errors, lint_warnings, findings, '' AS document
             FROM profiles WHERE (project, name, version) > (?, ?, ?)
             AND (? IS NULL OR project = ?) ORDER BY project, name, version LIMIT ?",
        )
        .bind(project)
        .bind(name)
        .bind(version)
        .bind(&query.project)
        .bind(&query.project)
        .bind(limit)
        .fetch_all(&self.readers)
        .await
        .map_err(database("list profiles"))?;
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
        let row: Option<Raw> = sqlx::query_as(
            "SELECT project, name, version, description, labels, kind, cloud_type, packs,
                    manifest_digest, pushed_at, lint_errors, lint_warnings, findings, document
             FROM profiles WHERE project = ? AND name = ? AND version = ?",
        )
        .bind(project)
        .bind(name)
        .bind(version)
        .fetch_optional(&self.readers)
        .await
        .map_err(database("look up a profile"))?;
        row.map(Raw::parse).transpose()
    }
}

/// Writes or rewrites the entry of one version.
pub(crate) async fn index(
    connection: &mut SqliteConnection,
    repository_id: i64,
    version: &str,
    manifest: &Digest,
    profile: &ProfileRecord,
) -> Result<()> {
    forget(connection, repository_id, version).await?;
    sqlx::query(
        "INSERT INTO profiles (repository_id, version, project, name, description, labels, kind,
                               cloud_type, packs, manifest_digest, pushed_at, lint_errors,
                               lint_warnings, findings, document)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,
                 (SELECT updated_at FROM tags WHERE repository_id = ?1 AND name = ?2),
                 ?11, ?12, ?13, ?14)",
    )
    .bind(repository_id)
    .bind(version)
    .bind(&profile.project)
    .bind(&profile.name)
    .bind(&profile.description)
    .bind(to_json(&profile.labels)?)
    .bind(&profile.kind)
    .bind(&profile.cloud_type)
    .bind(to_json(&profile.packs)?)
    .bind(manifest.as_str())
    .bind(i64::from(profile.lint_errors))
    .bind(i64::from(profile.lint_warnings))
    .bind(to_json(&profile.findings)?)
    .bind(&profile.document)
    .execute(connection)
    .await
    .map_err(database("index a profile"))?;
    Ok(())
}

pub(crate) async fn forget(
    connection: &mut SqliteConnection,
    repository_id: i64,
    version: &str,
) -> Result<()> {
    sqlx::query("DELETE FROM profiles WHERE repository_id = ? AND version = ?")
        .bind(repository_id)
        .bind(version)
        .execute(connection)
        .await
        .map_err(database("remove a profile from the index"))?;
    Ok(())
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
