//! Which manifests should no longer be used, and why.
//!
//! A deprecation is an artifact whose subject is the manifest: so it is pushed,
//! copied, signed and taken back like anything else, and needs no table.

use std::collections::{BTreeMap, HashMap};

use registry_pack::{Digest, RepositoryName, media};

use crate::error::Result;
use crate::store::Store;

impl Store {
    /// The reasons of those among these manifests that are deprecated; the latest counts.
    pub async fn deprecations(
        &self,
        manifests: &[(RepositoryName, Digest)],
    ) -> Result<HashMap<(String, String), String>> {
        if manifests.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = self.inner.metadata.deprecations(manifests).await?;
        let reasons = rows.into_iter().map(|(repository, subject, annotations)| {
            let reason = annotations.as_deref().map(reason).unwrap_or_default();
            ((repository, subject), reason)
        });
        Ok(reasons.collect())
    }
}

/// Why, as the annotations of a deprecation say it; empty when they do not.
pub(crate) fn reason(annotations: &str) -> String {
    serde_json::from_str::<BTreeMap<String, String>>(annotations)
        .ok()
        .and_then(|mut map| map.remove(media::ANNOTATION_DEPRECATED_REASON))
        .unwrap_or_default()
}
