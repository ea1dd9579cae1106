//! Packs: the archive is opened where it lies, within bounds, and told apart from what is none.

use std::collections::BTreeMap;

use http::StatusCode;
use registry_pack::archive::{Inspection, inspect};
use registry_pack::{Digest, PackError, RepositoryName, Tag, media};
use registry_store::{Blob, IndexEntry, PackDocuments, PackRecord};
use serde_json::{Value, json};

use super::{Findings, Indexed, project, unless_missing};
use crate::state::{Admission, RegistryState};
use crate::v2::{Code, Document, OciError};

const FOLDER: &str = "spectro-packs/archive";

/// The archive of a pack, when the manifest has the form of one in a place for packs.
///
/// That is what ORAS writes in its 1.0 and 1.1 forms: one layer, titled `….tar.gz`.
/// Signatures and bundles lie beside packs and are none.
pub(super) fn archive_layer(repository: &RepositoryName, document: &Document) -> Option<Digest> {
    repository.pack_name()?;
    let [layer] = document.layers.as_deref()? else {
        return None;
    };
    let title = layer
        .annotations
        .as_ref()
        .and_then(|map| map.get(media::ANNOTATION_TITLE));
    let is_archive = match title {
        Some(title) => title.ends_with(".tar.gz") || title.ends_with(".tgz"),
        None => layer.media_type == media::PACK_LAYER,
    };
    is_archive.then(|| layer.digest.clone())
}

/// Opens the archive and says what the index keeps of it, or refuses it.
pub(super) async fn examine(
    state: &RegistryState,
    repository: &RepositoryName,
    tag: &Tag,
    layer: &Digest,
) -> Result<Indexed, OciError> {
    let Some(blob) = unless_missing(state.store().blob(repository, layer).await)? else {
        return Ok(Indexed::default());
    };
    let inspection = match open(state, &blob).await? {
        Ok(inspection) => inspection,
        Err(error) => return unreadable(state, repository, &error),
    };
    let mut findings = Findings::of(&inspection.findings);
    check_identity(&mut findings, &inspection, repository, tag);
    let admission = state.config().admission;
    if admission == Admission::Enforce && findings.errors > 0 {
        return Err(refused(repository, &findings.first_error, &findings.all));
    }
    let what = format!("pack {repository}:{tag}");
    let warnings = findings
        .summary(&what)
        .filter(|_| admission != Admission::Off);
    let entry = record(inspection, findings, repository, &blob);
    Ok(Indexed {
        entry: Some(IndexEntry::Pack(Box::new(entry))),
        warnings: warnings.into_iter().collect(),
    })
}

async fn open(
    state: &RegistryState,
    blob: &Blob,
) -> Result<Result<Inspection, PackError>, OciError> {
    let _turn = state
        .inspections()
        .acquire()
        .await
        .map_err(|error| OciError::internal(&error))?;
    let reader = state.store().open_blocking(blob).await?;
    let limits = state.config().archive_limits.clone();
    tokio::task::spawn_blocking(move || inspect(reader, &limits))
        .await
        .map_err(|error| OciError::internal(&error))
}

/// The repository and the tag say which pack it is; `pack.json` must say the same.
fn check_identity(
    findings: &mut Findings,
    inspection: &Inspection,
    repository: &RepositoryName,
    tag: &Tag,
) {
    let (name, version) = (&inspection.manifest.name, &inspection.manifest.version);
    if Some(name.as_str()) != repository.pack_name() {
        findings.add_error(
            "name-differs-from-repository",
            "pack.json",
            "name",
            format!("the pack is named {name} and was pushed to {repository}"),
            "push it to a repository with the pack's name",
        );
    }
    // A tag has no `+`; where a version has one, everybody writes `_`.
    if version.as_str().replace('+', "_") != tag.as_str() {
        findings.add_error(
            "version-differs-from-tag",
            "pack.json",
            "version",
            format!("the pack has version {version} and was pushed as {tag}"),
            "push it with its version as the tag",
        );
    }
}

/// Something in a place for packs that cannot be opened as one.
fn unreadable(
    state: &RegistryState,
    repository: &RepositoryName,
    error: &PackError,
) -> Result<Indexed, OciError> {
    if let PackError::Io { .. } = error {
        return Err(OciError::internal(error));
    }
    match state.config().admission {
        Admission::Enforce => {
            let findings = match error {
                PackError::Invalid(findings) => Findings::of(findings).all,
                _ => Vec::new(),
            };
            Err(refused(repository, &Some(error.to_string()), &findings))
        }
        Admission::Warn => Ok(Indexed {
            entry: None,
            warnings: vec![format!("stored, but not listed as a pack: {error}")],
        }),
        Admission::Off => Ok(Indexed::default()),
    }
}

fn refused(repository: &RepositoryName, first: &Option<String>, findings: &[Value]) -> OciError {
    let first = first.as_deref().unwrap_or("it has errors");
    let message = format!("the pack is not admitted to {repository}: {first}");
    OciError::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        Code::ManifestInvalid,
        message,
    )
    .with_detail(json!({ "findings": findings }))
}

fn record(
    inspection: Inspection,
    findings: Findings,
    repository: &RepositoryName,
    blob: &Blob,
) -> PackRecord {
    let manifest = inspection.manifest;
    let annotations: BTreeMap<String, String> = manifest.annotations;
    PackRecord {
        project: project(repository, FOLDER).unwrap_or("_").to_owned(),
        name: repository.last().to_owned(),
        layer: manifest.layer.to_string(),
        display_name: manifest.display_name,
        cloud_types: manifest.cloud_types,
        annotations,
        archive_digest: blob.digest.clone(),
        archive_bytes: blob.size_bytes,
        lint_errors: findings.errors,
        lint_warnings: findings.warnings,
        documents: PackDocuments {
            values: inspection.values,
            readme: inspection.readme,
            presets: inspection.presets,
            schema: inspection.schema,
            findings: findings.all,
        },
    }
}
