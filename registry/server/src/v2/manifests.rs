//! GET, HEAD, PUT and DELETE of a manifest by tag or digest.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, LOCATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use registry_pack::{Algorithm, Digest, RepositoryName, Tag};
use registry_store::{Manifest, NewManifest};
use sha2::Digest as _;

use super::condition::condition;
use super::detached::detached;
use super::error::Code;
use super::headers::{
    CONTENT_DIGEST, NO_SNIFF, OCI_SUBJECT, OCI_TAG, content_length, digest_value, etag,
    is_unchanged, media_type, warn,
};
use super::path::ManifestReference;
use super::query::Parameters;
use super::{Call, Document, OciError, receive};
use crate::access::Action;
use crate::index;

/// What other registries take too; the specification asks for at least 4 MB.
pub(crate) const MANIFEST_BYTES: usize = 4 << 20;
/// Tags that one push may set. Each is a field of the answer, and clients read a hundred fields.
pub(crate) const TAGS: usize = 64;

pub(crate) async fn get(
    call: &Call<'_>,
    repository: &RepositoryName,
    reference: &ManifestReference,
) -> Result<Response, OciError> {
    call.require(repository, Action::Pull)?;
    let manifest = find(call, repository, reference).await?;
    let headers = describe(repository, reference, &manifest);
    if is_unchanged(&call.parts.headers, &manifest.digest) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let body = match call.parts.method {
        Method::HEAD => Body::empty(),
        _ => Body::from(manifest.bytes.clone()),
    };
    let mut response = Response::new(body);
    *response.headers_mut() = headers;
    response
        .headers_mut()
        .insert(CONTENT_LENGTH, HeaderValue::from(manifest.bytes.len()));
    Ok(response)
}

pub(crate) async fn put(
    call: &Call<'_>,
    repository: &RepositoryName,
    reference: ManifestReference,
    body: Body,
) -> Result<Response, OciError> {
    call.require(repository, Action::Push)?;
    let tags = tags(call, &reference)?;
    let headers = &call.parts.headers;
    let bytes = receive::whole(
        body,
        content_length(headers),
        MANIFEST_BYTES,
        call.state.config().body_idle,
    )
    .await?;
    let digest = verify(&reference, &bytes)?;
    let (document, media_type) = Document::parse(&bytes, media_type(headers))?;
    let indexed = index::examine(call.state, repository, &tags, &document).await?;
    let references = document.references();
    let manifest = NewManifest {
        digest,
        media_type,
        artifact_type: document.artifact_type().map(str::to_owned),
        subject: document.subject().cloned(),
        annotations: document.annotations_json(),
        blobs: references.blobs,
        optional_blobs: references.optional,
        manifests: references.manifests,
        bytes,
        tags,
        condition: condition(headers),
        index: indexed.entry,
    };
    let (store, name) = (call.state.store().clone(), repository.clone());
    let manifest = detached(async move {
        store.put_manifest(&name, &manifest).await?;
        Ok(manifest)
    })
    .await?;
    let by_digest = matches!(reference, ManifestReference::Digest(_));
    Ok(created(repository, &manifest, by_digest, &indexed.warnings))
}

pub(crate) async fn delete(
    call: &Call<'_>,
    repository: &RepositoryName,
    reference: &ManifestReference,
) -> Result<Response, OciError> {
    call.require(repository, Action::Delete)?;
    call.state.require_delete()?;
    let (store, name, reference) = (
        call.state.store().clone(),
        repository.clone(),
        reference.clone(),
    );
    detached(async move {
        match reference {
            ManifestReference::Tag(tag) => store.delete_tag(&name, &tag).await?,
            ManifestReference::Digest(digest) => store.delete_manifest(&name, &digest).await?,
            ManifestReference::Impossible(text) => return Err(unknown(&name, &text)),
        }
        Ok(())
    })
    .await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

async fn find(
    call: &Call<'_>,
    repository: &RepositoryName,
    reference: &ManifestReference,
) -> Result<Arc<Manifest>, OciError> {
    let store = call.state.store();
    match reference {
        ManifestReference::Tag(tag) => Ok(store.manifest_by_tag(repository, tag).await?),
        ManifestReference::Digest(digest) => {
            Ok(store.manifest_by_digest(repository, digest).await?)
        }
        ManifestReference::Impossible(text) => Err(unknown(repository, text)),
    }
}

fn describe(
    repository: &RepositoryName,
    reference: &ManifestReference,
    manifest: &Manifest,
) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    let media_type = HeaderValue::from_str(&manifest.media_type);
    headers.insert(
        CONTENT_TYPE,
        media_type.unwrap_or(HeaderValue::from_static("application/octet-stream")),
    );
    headers.insert(CONTENT_DIGEST, digest_value(&manifest.digest));
    headers.insert(ETAG, etag(&manifest.digest));
    headers.insert(NO_SNIFF.0, NO_SNIFF.1);
    if let Some(reason) = &manifest.deprecated {
        let name = match reference {
            ManifestReference::Tag(tag) => format!("{repository}:{tag}"),
            _ => format!("{repository}@{}", manifest.digest),
        };
        let because = if reason.is_empty() { "" } else { ": " };
        warn(
            &mut headers,
            &format!("{name} is deprecated{because}{reason}"),
        );
    }
    headers
}

/// The tag of the path, or those of the query when the path has a digest.
fn tags(call: &Call<'_>, reference: &ManifestReference) -> Result<Vec<Tag>, OciError> {
    let invalid = |text: &str| {
        let message = format!("{text:?} is no tag: letters, digits, '.', '_' and '-', 128 at most");
        OciError::bad_request(Code::ManifestInvalid, message)
    };
    match reference {
        ManifestReference::Tag(tag) => Ok(vec![tag.clone()]),
        ManifestReference::Impossible(text) => Err(invalid(text)),
        ManifestReference::Digest(_) => {
            let parameters = Parameters::of(&call.parts.uri)?;
            let tags: Vec<Tag> = parameters
                .all("tag")
                .take(TAGS + 1)
                .map(|text| text.parse().map_err(|_| invalid(text)))
                .collect::<Result<_, _>>()?;
            if tags.len() > TAGS {
                let message = format!("one push sets at most {TAGS} tags");
                return Err(OciError::new(
                    StatusCode::URI_TOO_LONG,
                    Code::ManifestInvalid,
                    message,
                ));
            }
            Ok(tags)
        }
    }
}

fn verify(reference: &ManifestReference, bytes: &[u8]) -> Result<Digest, OciError> {
    let ManifestReference::Digest(claimed) = reference else {
        return Ok(Digest::sha256(bytes));
    };
    let actual = match claimed.algorithm() {
        Algorithm::Sha256 => Digest::sha256(bytes),
        Algorithm::Sha512 => Digest::from_sha512(sha2::Sha512::digest(bytes).into()),
    };
    if actual == *claimed {
        return Ok(actual);
    }
    let message = format!("the manifest has digest {actual}, not {claimed}");
    Err(OciError::bad_request(Code::DigestInvalid, message))
}

fn created(
    repository: &RepositoryName,
    manifest: &NewManifest,
    by_digest: bool,
    warnings: &[String],
) -> Response {
    let mut response = StatusCode::CREATED.into_response();
    let headers = response.headers_mut();
    let location = format!("/v2/{repository}/manifests/{}", manifest.digest);
    if let Ok(location) = HeaderValue::from_str(&location) {
        headers.insert(LOCATION, location);
    }
    headers.insert(CONTENT_DIGEST, digest_value(&manifest.digest));
    if let Some(subject) = &manifest.subject {
        headers.insert(OCI_SUBJECT, digest_value(subject));
    }
    for tag in manifest.tags.iter().filter(|_| by_digest) {
        if let Ok(tag) = HeaderValue::from_str(tag.as_str()) {
            headers.append(OCI_TAG, tag);
        }
    }
    for warning in warnings {
        warn(headers, warning);
    }
    response
}

fn unknown(repository: &RepositoryName, text: &str) -> OciError {
    OciError::not_found(
        Code::ManifestUnknown,
        format!("there is no manifest {text:?} in {repository}"),
    )
}
