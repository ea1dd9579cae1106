//! Lists: tags of a repository, referrers of a manifest. Both come in pages.

use oci_distribution::client::TagResponse;
use oci_distribution::manifest::OciImageIndex;
use registry_pack::{Digest, RepositoryName};
use reqwest::Url;
use reqwest::header::{HeaderMap, LINK};

use crate::auth::{Scope, same_origin};
use crate::client::Client;
use crate::descriptor::Descriptor;
use crate::error::ClientError;

/// The largest page that is read.
const MAX_PAGE_BYTES: usize = 8 << 20;
/// A server that goes on for longer is broken or hostile.
const MAX_PAGES: usize = 1000;

impl Client {
    /// All tags of a repository, in the server's order.
    ///
    /// # Errors
    /// When the repository is not there or the server cannot be asked.
    pub async fn tags(&self, repository: &RepositoryName) -> Result<Vec<String>, ClientError> {
        let what = format!("the tags of {repository}");
        let url = self.url(&format!("v2/{repository}/tags/list"))?;
        let pages = self.pages(&what, repository, url).await?;
        let mut tags = Vec::new();
        for page in pages {
            let page: TagResponse = serde_json::from_slice(&page)
                .map_err(|error| self.odd(&what, error.to_string()))?;
            tags.extend(page.tags);
        }
        Ok(tags)
    }

    /// What refers to a manifest, perhaps of one artifact type only.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, ClientError> {
        let what = format!("the referrers of {repository}@{subject}");
        let mut url = self.url(&format!("v2/{repository}/referrers/{subject}"))?;
        if let Some(kind) = artifact_type {
            url.query_pairs_mut().append_pair("artifactType", kind);
        }
        let pages = match self.pages(&what, repository, url).await {
            Ok(pages) => pages,
            // Servers before version 1.1 of the specification keep the list under a tag.
            Err(ClientError::NotFound { .. }) => {
                let tag = subject.as_str().replace(':', "-");
                match self.pull_manifest(repository, &tag).await {
                    Ok(raw) => vec![raw.bytes],
                    Err(ClientError::NotFound { .. }) => Vec::new(),
                    Err(error) => return Err(error),
                }
            }
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for page in pages {
            let index: OciImageIndex = serde_json::from_slice(&page)
                .map_err(|error| self.odd(&what, error.to_string()))?;
            for entry in index.manifests {
                // A server may ignore the filter.
                if artifact_type.is_some_and(|kind| entry.artifact_type.as_deref() != Some(kind)) {
                    continue;
                }
                found.push(Descriptor {
                    media_type: entry.media_type,
                    digest: entry.digest.parse()?,
                    size_bytes: u64::try_from(entry.size).unwrap_or(0),
                    annotations: entry.annotations.unwrap_or_default(),
                    artifact_type: entry.artifact_type,
                });
            }
        }
        Ok(found)
    }

    async fn pages(
        &self,
        what: &str,
        repository: &RepositoryName,
        first: Url,
    ) -> Result<Vec<bytes::Bytes>, ClientError> {
        let scope = Scope::Pull(repository.clone());
        let mut pages = Vec::new();
        let mut next = Some(first);
        while let Some(url) = next {
            if pages.len() >= MAX_PAGES {
                return Err(self.odd(what, format!("there are more than {MAX_PAGES} pages")));
            }
            let response = self
                .send(what, &scope, |http| http.get(url.clone()))
                .await?;
            next = next_page(&url, response.headers()).filter(|next| same_origin(next, &url));
            pages.push(self.body(what, response, MAX_PAGE_BYTES).await?);
        }
        Ok(pages)
    }
}

/// `Link: </path?query>; rel="next"`, RFC 8288.
fn next_page(current: &Url, headers: &HeaderMap) -> Option<Url> {
    let link = headers.get(LINK)?.to_str().ok()?;
    let (target, parameters) = link.strip_prefix('<')?.split_once('>')?;
    if !parameters.replace('"', "").contains("rel=next") {
        return None;
    }
    current.join(target).ok().filter(|next| next != current)
}
