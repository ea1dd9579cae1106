//! What the index knows of cluster profiles.

use std::collections::BTreeMap;

use jiff::Timestamp;
use registry_pack::Digest;

use crate::error::Result;
use crate::store::Store;

/// A profile as it is to be indexed; its version is the tag that it is pushed to.
#[derive(Clone, Debug)]
pub struct ProfileRecord {
    /// The path before `/profiles`.
    pub project: String,
    /// The last component of the repository.
    pub name: String,
    /// What it says of itself.
    pub description: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its type: cluster, infra, add-on or system.
    pub kind: String,
    /// The cloud that it is for.
    pub cloud_type: String,
    /// Its packs, as a JSON array of name, layer, version and tag.
    pub packs: Vec<serde_json::Value>,
    /// How many findings are errors.
    pub lint_errors: u32,
    /// How many findings are warnings.
    pub lint_warnings: u32,
    /// What lint found, as a JSON array.
    pub findings: Vec<serde_json::Value>,
    /// The text, verbatim.
    pub document: String,
}

/// One line of the list of profiles.
#[derive(Clone, Debug)]
pub struct ProfileEntry {
    /// The path before `/profiles`.
    pub project: String,
    /// The profile's name.
    pub name: String,
    /// Its version, which is its tag.
    pub version: String,
    /// What it says of itself.
    pub description: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its type.
    pub kind: String,
    /// The cloud that it is for.
    pub cloud_type: String,
    /// Its packs.
    pub packs: Vec<serde_json::Value>,
    /// The manifest's digest.
    pub digest: Digest,
    /// When it came.
    pub pushed_at: Timestamp,
    /// How many findings are errors.
    pub lint_errors: u32,
    /// How many findings are warnings.
    pub lint_warnings: u32,
    /// What lint found.
    pub findings: Vec<serde_json::Value>,
}

/// Which profiles to list.
#[derive(Clone, Debug, Default)]
pub struct ProfileQuery {
    /// Only this project.
    pub project: Option<String>,
    /// Only what comes after this project, name and version.
    pub after: Option<(String, String, String)>,
}

impl Store {
    /// A page of profiles by project, name and version.
    pub async fn profiles(&self, query: &ProfileQuery, limit: u32) -> Result<Vec<ProfileEntry>> {
        self.inner.metadata.profiles(query, limit).await
    }

    /// One version of a profile with its text.
    pub async fn profile(
        &self,
        project: &str,
        name: &str,
        version: &str,
    ) -> Result<Option<(ProfileEntry, String)>> {
        self.inner.metadata.profile(project, name, version).await
    }
}
