//! What a pushed manifest is, beside being a manifest: a pack, a profile, or neither.
//!
//! It reads what was pushed out of the store and says what the index keeps of
//! it. It decides nothing about tags: that is the store's transaction.

mod pack;
mod profile;

use registry_pack::lint::Finding;
use registry_pack::{RepositoryName, Tag};
use registry_store::{IndexEntry, StoreError};
use serde_json::Value;

use crate::state::RegistryState;
use crate::v2::{Document, OciError};

/// What the index keeps, and what whoever pushed should hear.
#[derive(Debug, Default)]
pub(crate) struct Indexed {
    pub(crate) entry: Option<IndexEntry>,
    pub(crate) warnings: Vec<String>,
}

/// Looks into a manifest that is about to be tagged.
pub(crate) async fn examine(
    state: &RegistryState,
    repository: &RepositoryName,
    tags: &[Tag],
    document: &Document,
) -> Result<Indexed, OciError> {
    // Without a tag there is no version; with a subject it is about a pack, and none itself.
    let (Some(tag), None) = (tags.first(), document.subject()) else {
        return Ok(Indexed::default());
    };
    if let Some(layer) = pack::archive_layer(repository, document) {
        return pack::examine(state, repository, tag, &layer).await;
    }
    if let Some(layer) = profile::document_layer(repository, document) {
        return profile::examine(state, repository, tag, &layer).await;
    }
    Ok(Indexed::default())
}

/// The path before a folder of a repository; `_` where there is none, which no path can be.
fn project<'a>(repository: &'a RepositoryName, folder: &str) -> Option<&'a str> {
    let (before, _) = repository.as_str().rsplit_once('/')?;
    if before == folder {
        return Some("_");
    }
    before.strip_suffix(folder)?.strip_suffix('/')
}

/// A blob that is not there is the store's to refuse, when it stores the manifest.
fn unless_missing<T>(found: Result<T, StoreError>) -> Result<Option<T>, OciError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(StoreError::BlobUnknown { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Findings as JSON, and how many are errors and warnings.
struct Findings {
    all: Vec<Value>,
    errors: u32,
    warnings: u32,
    first_error: Option<String>,
    first_warning: Option<String>,
}

impl Findings {
    fn of(found: &[Finding]) -> Self {
        let errors = found.iter().filter(|finding| finding.is_error()).count();
        Self {
            all: found
                .iter()
                .filter_map(|finding| serde_json::to_value(finding).ok())
                .collect(),
            errors: u32::try_from(errors).unwrap_or(u32::MAX),
            warnings: u32::try_from(found.len() - errors).unwrap_or(u32::MAX),
            first_error: found
                .iter()
                .find(|finding| finding.is_error())
                .map(ToString::to_string),
            first_warning: found
                .iter()
                .find(|finding| !finding.is_error())
                .map(ToString::to_string),
        }
    }

    fn add_error(&mut self, rule: &str, file: &str, key: &str, message: String, remedy: &str) {
        self.errors += 1;
        self.all.push(serde_json::json!({
            "severity": "error", "rule": rule, "file": file, "line": null, "column": null,
            "key": key, "message": message, "remedy": remedy,
        }));
        self.first_error
            .get_or_insert(format!("{file}: {key}: {message}; {remedy}"));
    }

    /// A sentence for whoever pushed, when there is something to say.
    fn summary(&self, what: &str) -> Option<String> {
        let first = self.first_error.as_ref().or(self.first_warning.as_ref())?;
        let counts = [(self.errors, "error"), (self.warnings, "warning")]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, noun)| format!("{count} {noun}{}", if count == 1 { "" } else { "s" }))
            .collect::<Vec<_>>()
            .join(" and ");
        Some(format!("{what} has {counts}: {first}"))
    }
}
