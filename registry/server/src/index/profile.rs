//! Cluster profiles: the text of the one layer, parsed and linted.

use http::StatusCode;
use registry_pack::{Digest, PackError, Profile, RepositoryName, Tag, media};
use registry_store::{IndexEntry, ProfileRecord};
use serde_json::json;

use super::{Findings, Indexed, project, unless_missing};
use crate::state::{Admission, RegistryState};
use crate::v2::{Code, Document, OciError};

const FOLDER: &str = "profiles";

/// The text of a profile, when the manifest has the form of one in a place for profiles.
pub(super) fn document_layer(repository: &RepositoryName, document: &Document) -> Option<Digest> {
    project(repository, FOLDER)?;
    let [layer] = document.layers.as_deref()? else {
        return None;
    };
    let is_profile = document.artifact_type() == Some(media::PROFILE)
        || layer.media_type == media::PROFILE_LAYER;
    is_profile.then(|| layer.digest.clone())
}

/// Parses the profile and says what the index keeps of it, or refuses it.
pub(super) async fn examine(
    state: &RegistryState,
    repository: &RepositoryName,
    tag: &Tag,
    layer: &Digest,
) -> Result<Indexed, OciError> {
    let Some(blob) = unless_missing(state.store().blob(repository, layer).await)? else {
        return Ok(Indexed::default());
    };
    let limit = state.config().archive_limits.text_bytes;
    let bytes = state.store().read_small(&blob, limit).await?;
    let admission = state.config().admission;
    let profile = match parse(&bytes) {
        Ok(profile) => profile,
        Err(error) if admission == Admission::Enforce => return Err(refused(repository, &error)),
        Err(error) => {
            let warning = format!("stored, but not listed as a profile: {error}");
            let warnings = if admission == Admission::Warn {
                vec![warning]
            } else {
                Vec::new()
            };
            return Ok(Indexed {
                entry: None,
                warnings,
            });
        }
    };
    let mut findings = Findings::of(&profile.lint());
    check_identity(&mut findings, &profile, repository, tag);
    if admission == Admission::Enforce && findings.errors > 0 {
        let message = findings.first_error.as_deref().unwrap_or("it has errors");
        return Err(refused(repository, message).with_detail(json!({ "findings": findings.all })));
    }
    let what = format!("profile {repository}:{tag}");
    let warnings = findings
        .summary(&what)
        .filter(|_| admission != Admission::Off);
    let entry = record(profile, findings, repository);
    Ok(Indexed {
        entry: Some(IndexEntry::Profile(Box::new(entry))),
        warnings: warnings.into_iter().collect(),
    })
}

fn parse(bytes: &[u8]) -> Result<Profile, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    Profile::parse(text, "profile").map_err(|error: PackError| error.to_string())
}

fn check_identity(
    findings: &mut Findings,
    profile: &Profile,
    repository: &RepositoryName,
    tag: &Tag,
) {
    if profile.metadata.name.as_str() != repository.last() {
        findings.add_error(
            "name-differs-from-repository",
            "profile",
            "metadata.name",
            format!(
                "the profile is named {} and was pushed to {repository}",
                profile.metadata.name
            ),
            "push it to a repository with the profile's name",
        );
    }
    if profile.version.as_str() != tag.as_str() {
        findings.add_error(
            "version-differs-from-tag",
            "profile",
            "version",
            format!(
                "the profile has version {} and was pushed as {tag}",
                profile.version
            ),
            "push it with its version as the tag",
        );
    }
}

fn refused(repository: &RepositoryName, why: &str) -> OciError {
    let message = format!("the profile is not admitted to {repository}: {why}");
    OciError::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        Code::ManifestInvalid,
        message,
    )
}

fn record(profile: Profile, findings: Findings, repository: &RepositoryName) -> ProfileRecord {
    let packs = profile.template.packs.iter().map(|pack| {
        json!({
            "name": pack.name, "layer": pack.layer, "version": pack.version, "tag": pack.tag,
        })
    });
    ProfileRecord {
        project: project(repository, FOLDER).unwrap_or("_").to_owned(),
        name: repository.last().to_owned(),
        packs: packs.collect(),
        description: Some(profile.metadata.description).filter(|text| !text.is_empty()),
        labels: profile.metadata.labels,
        kind: profile.template.kind.to_string(),
        cloud_type: profile.template.cloud_type,
        lint_errors: findings.errors,
        lint_warnings: findings.warnings,
        findings: findings.all,
        document: profile.raw,
    }
}
