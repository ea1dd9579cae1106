//! Manifests: get, put, resolve. Bytes are kept as they are; the digest is
//! always computed here and compared, never believed.

use bytes::Bytes;
use registry_pack::{Algorithm, Digest, RepositoryName, media};
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, WARNING};
use reqwest::{Response, StatusCode};
use sha2::{Digest as _, Sha512};

use crate::auth::Scope;
use crate::client::Client;
use crate::descriptor::{Descriptor, Manifest};
use crate::error::ClientError;

/// The largest manifest that registries accept.
const MAX_MANIFEST_BYTES: usize = 4 << 20;

/// A manifest as the server keeps it.
#[derive(Clone, Debug)]
pub struct RawManifest {
    /// Its digest, computed from the bytes.
    pub digest: Digest,
    /// What it is.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Bytes,
    /// What the server warned of, such as that it is deprecated.
    pub warnings: Vec<String>,
}

impl RawManifest {
    /// What refers to this manifest.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(
            self.media_type.clone(),
            self.digest.clone(),
            self.bytes.len() as u64,
        )
    }
}

impl Client {
    /// Fetches a manifest by tag or digest.
    ///
    /// # Errors
    /// When it is not there, or its bytes are not those of the digest asked for.
    pub async fn pull_manifest(
        &self,
        repository: &RepositoryName,
        target: &str,
    ) -> Result<RawManifest, ClientError> {
        let what = name(repository, target);
        let url = self.manifest_url(repository, target)?;
        let scope = Scope::Pull(repository.clone());
        let response = self
            .send(&what, &scope, |http| {
                http.get(url.clone()).header(ACCEPT, accepted())
            })
            .await?;
        let media_type = media_type(&response);
        let warnings = warnings(response.headers());
        let bytes = self.body(&what, response, MAX_MANIFEST_BYTES).await?;
        let wanted = target.parse::<Digest>().ok();
        let algorithm = wanted.as_ref().map_or(Algorithm::Sha256, Digest::algorithm);
        let digest = digest_of(&bytes, algorithm);
        match wanted {
            Some(wanted) if wanted != digest => Err(ClientError::Corrupt {
                what,
                expected: wanted.to_string(),
                actual: digest.to_string(),
            }),
            _ => Ok(RawManifest {
                digest,
                media_type,
                bytes,
                warnings,
            }),
        }
    }

    /// Fetches a manifest and reads it as an image manifest.
    ///
    /// # Errors
    /// As [`pull_manifest`](Self::pull_manifest), and when it is none.
    pub async fn manifest(
        &self,
        repository: &RepositoryName,
        target: &str,
    ) -> Result<(RawManifest, Manifest), ClientError> {
        let raw = self.pull_manifest(repository, target).await?;
        let manifest = Manifest::parse(&raw.bytes).map_err(|why| {
            self.odd(
                &name(repository, target),
                format!("it is no image manifest: {why}"),
            )
        })?;
        Ok((raw, manifest))
    }

    /// What a tag or digest stands for; `None` when it is not there.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn resolve(
        &self,
        repository: &RepositoryName,
        target: &str,
    ) -> Result<Option<Descriptor>, ClientError> {
        let what = name(repository, target);
        let url = self.manifest_url(repository, target)?;
        let scope = Scope::Pull(repository.clone());
        let sent = self
            .send(&what, &scope, |http| {
                http.head(url.clone()).header(ACCEPT, accepted())
            })
            .await;
        let response = match sent {
            Ok(response) => response,
            Err(ClientError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let size =
            header(response.headers(), CONTENT_LENGTH.as_str()).and_then(|text| text.parse().ok());
        let digest =
            header(response.headers(), "docker-content-digest").and_then(|text| text.parse().ok());
        if let (Some(size), Some(digest)) = (size, digest) {
            return Ok(Some(Descriptor::new(media_type(&response), digest, size)));
        }
        // Some servers say too little in answer to HEAD.
        Ok(Some(
            self.pull_manifest(repository, target).await?.descriptor(),
        ))
    }

    /// Puts a manifest under a tag or its digest.
    ///
    /// # Errors
    /// When the server refuses it, or a blob that it names is missing.
    pub async fn push_manifest(
        &self,
        repository: &RepositoryName,
        target: &str,
        media_type: &str,
        bytes: impl Into<Bytes>,
    ) -> Result<Digest, ClientError> {
        let what = name(repository, target);
        let bytes: Bytes = bytes.into();
        let url = self.manifest_url(repository, target)?;
        let scope = Scope::Push(repository.clone());
        let response = self
            .send(&what, &scope, |http| {
                http.put(url.clone())
                    .header(CONTENT_TYPE, media_type)
                    .body(bytes.clone())
            })
            .await?;
        if !matches!(response.status(), StatusCode::CREATED | StatusCode::OK) {
            return Err(self.odd(&what, format!("it answered {}", response.status())));
        }
        let algorithm = target
            .parse::<Digest>()
            .map_or(Algorithm::Sha256, |digest| digest.algorithm());
        Ok(digest_of(&bytes, algorithm))
    }

    /// Deletes a manifest, and with it every tag that names it. False when it was not there.
    ///
    /// # Errors
    /// When the server refuses or cannot be asked.
    pub async fn delete_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<bool, ClientError> {
        let what = name(repository, digest.as_str());
        let url = self.manifest_url(repository, digest.as_str())?;
        let scope = Scope::Push(repository.clone());
        match self
            .send(&what, &scope, |http| http.delete(url.clone()))
            .await
        {
            Ok(_) => Ok(true),
            Err(ClientError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn manifest_url(
        &self,
        repository: &RepositoryName,
        target: &str,
    ) -> Result<reqwest::Url, ClientError> {
        self.url(&format!("v2/{repository}/manifests/{target}"))
    }
}

pub(crate) fn digest_of(bytes: &[u8], algorithm: Algorithm) -> Digest {
    match algorithm {
        Algorithm::Sha512 => Digest::from_sha512(Sha512::digest(bytes).into()),
        _ => Digest::sha256(bytes),
    }
}

pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The texts of `Warning: 299 - "…"`; what has another form is left out, as the specification says.
fn warnings(headers: &HeaderMap) -> Vec<String> {
    let texts = headers.get_all(WARNING).iter().filter_map(|value| {
        let text = value.to_str().ok()?.strip_prefix("299 - \"")?;
        Some(text.strip_suffix('"')?.to_owned())
    });
    texts.collect()
}

fn accepted() -> String {
    [
        media::IMAGE_MANIFEST,
        media::IMAGE_INDEX,
        media::DOCKER_MANIFEST,
        media::DOCKER_MANIFEST_LIST,
        "*/*",
    ]
    .join(", ")
}

fn media_type(response: &Response) -> String {
    let text = header(response.headers(), CONTENT_TYPE.as_str()).unwrap_or(media::IMAGE_MANIFEST);
    text.split(';').next().unwrap_or(text).trim().to_owned()
}

fn name(repository: &RepositoryName, target: &str) -> String {
    match target.contains(':') {
        true => format!("{repository}@{target}"),
        false => format!("{repository}:{target}"),
    }
}
