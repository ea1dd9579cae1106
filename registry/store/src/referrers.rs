//! What refers to a manifest.

use registry_pack::{Digest, RepositoryName};

use crate::error::Result;
use crate::store::Store;

/// One line of a referrers list.
#[derive(Clone, Debug)]
pub struct Referrer {
    /// Where it stands in the list, for paging.
    pub position: i64,
    /// The manifest's digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its artifact type, or its config's media type.
    pub artifact_type: Option<String>,
    /// Its size.
    pub size_bytes: u64,
    /// Its annotations as a JSON object.
    pub annotations: Option<String>,
}

impl Referrer {
    pub(crate) fn text_bytes(&self) -> usize {
        let optional = [&self.artifact_type, &self.annotations];
        let optional = optional.into_iter().flatten().map(String::len);
        self.digest.as_str().len() + self.media_type.len() + optional.sum::<usize>()
    }
}

impl Store {
    /// A page of the manifests whose subject is this digest, after a position.
    pub async fn referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        artifact_type: Option<&str>,
        last: i64,
        limit: u32,
    ) -> Result<Vec<Referrer>> {
        let (cache, metadata) = (&self.inner.cache, &self.inner.metadata);
        let page = format!("{subject} {last} {limit} {artifact_type:?}");
        if let Some(found) = cache.referrers(repository, &page).await {
            return Ok(found.to_vec());
        }
        let quiet = cache.quiet(repository);
        let found = metadata
            .referrers(repository, subject, artifact_type, last, limit)
            .await?;
        if let Some(quiet) = quiet {
            let found = found.as_slice().into();
            cache
                .remember_referrers(repository, &page, quiet, found)
                .await;
        }
        Ok(found)
    }
}
