//! What the index knows of packs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use registry_pack::Digest;

use crate::error::Result;
use crate::store::Store;

/// A pack as it is to be indexed; its version is the tag that it is pushed to.
#[derive(Clone, Debug)]
pub struct PackRecord {
    /// The path before `/spectro-packs/archive`.
    pub project: String,
    /// The last component of the repository.
    pub name: String,
    /// The layer of the pack.
    pub layer: String,
    /// The name for people.
    pub display_name: String,
    /// The clouds that it is for.
    pub cloud_types: Vec<String>,
    /// The annotations of `pack.json`.
    pub annotations: BTreeMap<String, String>,
    /// The archive's digest.
    pub archive_digest: Digest,
    /// The archive's size.
    pub archive_bytes: u64,
    /// How many findings are errors.
    pub lint_errors: u32,
    /// How many findings are warnings.
    pub lint_warnings: u32,
    /// Its texts.
    pub documents: PackDocuments,
}

/// The texts of a pack that a catalog shows, verbatim.
#[derive(Clone, Debug, Default)]
pub struct PackDocuments {
    /// `values.yaml`
    pub values: Option<String>,
    /// `README.md`
    pub readme: Option<String>,
    /// `presets.yaml`
    pub presets: Option<String>,
    /// `schema.yaml`
    pub schema: Option<String>,
    /// What lint found, as a JSON array.
    pub findings: Vec<serde_json::Value>,
}

/// One line of the list of packs.
#[derive(Clone, Debug)]
pub struct PackEntry {
    /// The path before `/spectro-packs/archive`.
    pub project: String,
    /// The pack's name.
    pub name: String,
    /// Its version, which is its tag.
    pub version: String,
    /// Its layer.
    pub layer: String,
    /// Its name for people.
    pub display_name: String,
    /// The clouds that it is for.
    pub cloud_types: Vec<String>,
    /// The annotations of `pack.json`.
    pub annotations: BTreeMap<String, String>,
    /// The manifest's digest.
    pub digest: Digest,
    /// The archive's digest.
    pub archive_digest: Digest,
    /// The archive's size.
    pub archive_bytes: u64,
    /// When it came.
    pub pushed_at: Timestamp,
    /// How many findings are errors.
    pub lint_errors: u32,
    /// How many findings are warnings.
    pub lint_warnings: u32,
}

/// Which packs to list.
#[derive(Clone, Debug, Default)]
pub struct PackQuery {
    /// Only this project.
    pub project: Option<String>,
    /// Only this name.
    pub name: Option<String>,
    /// Only this layer.
    pub layer: Option<String>,
    /// Only what comes after this project, name and version.
    pub after: Option<(String, String, String)>,
}

impl Store {
    /// A page of packs by project, name and version.
    pub async fn packs(&self, query: &PackQuery, limit: u32) -> Result<Vec<PackEntry>> {
        self.inner.metadata.packs(query, limit).await
    }

    /// One version of a pack with its texts.
    pub async fn pack(
        &self,
        project: &str,
        name: &str,
        version: &str,
    ) -> Result<Option<(PackEntry, PackDocuments)>> {
        self.inner.metadata.pack(project, name, version).await
    }
}
