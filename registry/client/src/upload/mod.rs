//! Pushes blobs: from files and from memory, or taken over from another
//! repository on the server.

mod session;
mod source;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use registry_pack::{Algorithm, Digest, RepositoryName, media};
use reqwest::header::{CONTENT_LENGTH, LOCATION};
use reqwest::{Response, StatusCode, Url};

use crate::auth::Scope;
use crate::client::Client;
use crate::descriptor::Descriptor;
use crate::error::ClientError;
use crate::manifests::{digest_of, header};
use crate::progress::Progress;
use session::Upload;
use source::Source;
pub use source::hash_file;

impl Client {
    /// Whether the repository has a blob, and how large it is.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn head_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<u64>, ClientError> {
        let what = format!("{repository}@{digest}");
        let url = self.url(&format!("v2/{repository}/blobs/{digest}"))?;
        let scope = Scope::Pull(repository.clone());
        match self
            .send(&what, &scope, |http| http.head(url.clone()))
            .await
        {
            Ok(response) => {
                let size = header(response.headers(), CONTENT_LENGTH.as_str());
                Ok(Some(size.and_then(|text| text.parse().ok()).unwrap_or(0)))
            }
            Err(ClientError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Pushes a file; its digest is computed unless it is known.
    ///
    /// # Errors
    /// When the file cannot be read, the server refuses, or the line is down for long.
    pub async fn push_file(
        &self,
        repository: &RepositoryName,
        path: &Path,
        digest: Option<Digest>,
        progress: &dyn Progress,
    ) -> Result<Descriptor, ClientError> {
        let size = tokio::fs::metadata(path)
            .await
            .map_err(ClientError::io("read", path))?
            .len();
        let digest = match digest {
            Some(digest) => digest,
            None => hash_file(path).await?.0,
        };
        let label = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let upload = Upload {
            client: self,
            repository,
            source: Source::File(path.to_owned()),
            digest: &digest,
            size,
            transfer: progress.transfer(&label, size),
        };
        upload.run().await?;
        Ok(Descriptor::new(media::BUNDLE_FILE, digest, size))
    }

    /// Pushes bytes that are in memory; for small things.
    ///
    /// # Errors
    /// When the server refuses or the line is down for long.
    pub async fn push_bytes(
        &self,
        repository: &RepositoryName,
        media_type: &str,
        bytes: impl Into<Bytes>,
    ) -> Result<Descriptor, ClientError> {
        let bytes: Bytes = bytes.into();
        let digest = digest_of(&bytes, Algorithm::Sha256);
        let size = bytes.len() as u64;
        let upload = Upload {
            client: self,
            repository,
            source: Source::Bytes(bytes),
            digest: &digest,
            size,
            transfer: Arc::new(crate::progress::NoProgress),
        };
        upload.run().await?;
        Ok(Descriptor::new(media_type, digest, size))
    }

    /// Asks the server to take a blob over from another repository. False when
    /// it cannot, and the bytes have to be sent.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn mount(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        from: &RepositoryName,
    ) -> Result<bool, ClientError> {
        let what = format!("{repository}@{digest}");
        let mut url = self.url(&format!("v2/{repository}/blobs/uploads/"))?;
        url.query_pairs_mut()
            .append_pair("mount", digest.as_str())
            .append_pair("from", from.as_str());
        let scope = Scope::Push(repository.clone());
        let response = self
            .send(&what, &scope, |http| {
                http.post(url.clone()).header(CONTENT_LENGTH, 0)
            })
            .await?;
        if response.status() == StatusCode::CREATED {
            return Ok(true);
        }
        // The server opened a session instead; it is not needed.
        if let Ok(session) = location(self, &what, &response, &url) {
            drop(
                self.send_once(&what, &scope, |http| http.delete(session.clone()))
                    .await,
            );
        }
        Ok(false)
    }
}

/// Where the session goes on; it may be a path or a whole address.
fn location(
    client: &Client,
    what: &str,
    response: &Response,
    base: &Url,
) -> Result<Url, ClientError> {
    header(response.headers(), LOCATION.as_str())
        .and_then(|text| base.join(text).ok())
        .ok_or_else(|| client.odd(what, "it names no place to send the bytes to"))
}
