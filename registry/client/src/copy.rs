//! Copies an artifact from one repository to another, on the same server or not.
//!
//! Manifests go byte for byte, so digests stay, and with them everything that refers to them.

use std::path::Path;

use registry_pack::{Digest, RepositoryName};

use crate::client::Client;
use crate::descriptor::Descriptor;
use crate::error::ClientError;
use crate::progress::Progress;

/// Signatures of reports of images: nothing is deeper.
const DEPTH: u32 = 4;
/// More referrers are a mistake or an attack.
const REFERRERS: usize = 1000;

/// One end of a copy.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The server.
    pub client: &'a Client,
    /// The repository there.
    pub repository: &'a RepositoryName,
}

/// What a copy came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copied {
    /// How many artifacts that refer to it were copied with it.
    pub referrers: usize,
    /// How many bytes were sent; the others were there.
    pub sent_bytes: u64,
}

/// Copies a manifest with its blobs, and whatever refers to it, under `tag` if there is one.
/// `scratch` is a folder with room for the largest blob.
///
/// # Errors
/// When something is missing here, refused there, or the line is down for long.
pub async fn copy(
    from: Place<'_>,
    digest: &Digest,
    to: Place<'_>,
    tag: Option<&str>,
    scratch: &Path,
    progress: &dyn Progress,
) -> Result<Copied, ClientError> {
    let copy = Copy {
        from,
        to,
        scratch,
        progress,
    };
    let mut copied = Copied::default();
    copy.manifest(digest, tag, &mut copied).await?;
    let mut level = vec![digest.clone()];
    for _ in 0..DEPTH {
        let mut next = Vec::new();
        for subject in &level {
            let found = from
                .client
                .referrers(from.repository, subject, None)
                .await?;
            for referrer in found {
                if copied.referrers >= REFERRERS {
                    return Err(ClientError::Usage(format!(
                        "more than {REFERRERS} artifacts refer to {}@{digest}; copy it with another tool",
                        from.repository
                    )));
                }
                copy.manifest(&referrer.digest, None, &mut copied).await?;
                copied.referrers += 1;
                next.push(referrer.digest);
            }
        }
        level = next;
    }
    Ok(copied)
}

struct Copy<'a> {
    from: Place<'a>,
    to: Place<'a>,
    scratch: &'a Path,
    progress: &'a dyn Progress,
}

impl Copy<'_> {
    async fn manifest(
        &self,
        digest: &Digest,
        tag: Option<&str>,
        copied: &mut Copied,
    ) -> Result<(), ClientError> {
        let (from, to) = (self.from, self.to);
        let (raw, manifest) = from
            .client
            .manifest(from.repository, digest.as_str())
            .await?;
        for blob in manifest.layers.iter().chain([&manifest.config]) {
            copied.sent_bytes += self.blob(blob).await?;
        }
        let target = tag.unwrap_or(digest.as_str());
        to.client
            .push_manifest(to.repository, target, &raw.media_type, raw.bytes)
            .await?;
        Ok(())
    }

    /// Answers with how much was sent.
    async fn blob(&self, blob: &Descriptor) -> Result<u64, ClientError> {
        let (from, to) = (self.from, self.to);
        let there = to.client.head_blob(to.repository, &blob.digest).await?;
        if there.is_some() {
            return Ok(0);
        }
        let one_server = from.client.server() == to.client.server();
        if one_server
            && to
                .client
                .mount(to.repository, &blob.digest, from.repository)
                .await?
        {
            return Ok(0);
        }
        let file = self.scratch.join(blob.digest.hex());
        from.client
            .pull_blob_to_file(from.repository, blob, &file, self.progress)
            .await?;
        let pushed = to
            .client
            .push_file(
                to.repository,
                &file,
                Some(blob.digest.clone()),
                self.progress,
            )
            .await;
        // Room for the next one.
        drop(tokio::fs::remove_file(&file).await);
        pushed.map(|_| blob.size_bytes)
    }
}
