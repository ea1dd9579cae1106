//! Which manifests have a deprecation among their referrers.

use registry_pack::{Digest, RepositoryName, media};

use super::{Metadata, json_array, statements, values};
use crate::error::Result;

statements! {
    LIST: "look for deprecations" =
        "SELECT r.name, d.subject, d.annotations
         FROM repositories r JOIN manifests d ON d.repository_id = r.id
         WHERE r.name IN (SELECT j.value FROM" list["$1"] ")
         AND d.subject IN (SELECT j.value FROM" list["$2"] ")
         AND d.artifact_type = $3 ORDER BY d.id";
}

impl Metadata {
    /// Repository, subject and annotations of deprecations, oldest first: those of these
    /// manifests, and perhaps of one of these subjects in another of these repositories.
    pub(crate) async fn deprecations(
        &self,
        manifests: &[(RepositoryName, Digest)],
    ) -> Result<Vec<(String, String, Option<String>)>> {
        let names: Vec<&str> = manifests.iter().map(|(name, _)| name.as_str()).collect();
        let subjects = json_array(manifests.iter().map(|(_, digest)| digest));
        let names = serde_json::json!(names).to_string();
        self.all(&LIST, values![&names, &subjects, media::DEPRECATION])
            .await
    }
}
