//! Uploads of blobs: begin, append, finish, ask, cancel, and mount instead.
//!
//! What a request writes is done by a task of its own, so that a client that
//! hangs up does not leave a half-saved state behind.

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_RANGE, LOCATION, RANGE};
use http::{HeaderMap, HeaderValue, StatusCode};
use registry_pack::{Algorithm, Digest, RepositoryName};
use registry_store::{StoreError, Upload, UploadState};

use super::detached::detached;
use super::error::Code;
use super::headers::{CONTENT_DIGEST, UPLOAD_UUID, chunk_range, content_length, digest_value};
use super::query::Parameters;
use super::{Call, OciError, path, receive};
use crate::access::Action;

/// How many repositories a mount without `from` looks at.
pub(crate) const HOLDERS: u32 = 100;

pub(crate) async fn start(
    call: &Call<'_>,
    repository: &RepositoryName,
    body: Body,
) -> Result<Response, OciError> {
    call.require(repository, Action::Push)?;
    let parameters = Parameters::of(&call.parts.uri)?;
    if let Some(text) = parameters.get("mount") {
        let digest = path::digest(text)?;
        if mount(call, repository, &digest, parameters.get("from")).await? {
            return Ok(created(repository, &digest));
        }
    } else if let Some(text) = parameters.get("digest") {
        let digest = path::digest(text)?;
        // A client that only asks whether one request is enough sends no body.
        let asks = content_length(&call.parts.headers) == Some(0) && !is_empty_blob(&digest);
        if !asks {
            return at_once(call, repository, digest, body).await;
        }
    }
    let algorithm = match parameters.get("digest-algorithm") {
        None | Some("sha256") => Algorithm::Sha256,
        Some("sha512") => Algorithm::Sha512,
        Some(other) => {
            let message = format!("digest-algorithm={other} is not known; use sha256 or sha512");
            return Err(OciError::bad_request(Code::DigestInvalid, message));
        }
    };
    let upload = call
        .state
        .store()
        .start_upload(repository, algorithm)
        .await?;
    Ok(progress(StatusCode::ACCEPTED, repository, &upload))
}

pub(crate) async fn status(
    call: &Call<'_>,
    repository: &RepositoryName,
    id: &str,
) -> Result<Response, OciError> {
    call.require(repository, Action::Push)?;
    let upload = call.state.store().upload(repository, id).await?;
    Ok(progress(StatusCode::NO_CONTENT, repository, &upload))
}

pub(crate) async fn append(
    call: &Call<'_>,
    repository: &RepositoryName,
    id: &str,
    body: Body,
) -> Result<Response, OciError> {
    call.require(repository, Action::Push)?;
    let upload = call.state.store().continue_upload(repository, id).await?;
    let expected = expected_length(&call.parts.headers, repository, id, upload.offset())?;
    let location = upload_location(repository, id);
    let idle = call.state.config().body_idle;
    let state = detached(async move {
        let upload = take_body(upload, body, expected, &location, idle).await?;
        Ok(upload.suspend().await?)
    })
    .await?;
    Ok(progress(StatusCode::ACCEPTED, repository, &state))
}

pub(crate) async fn finish(
    call: &Call<'_>,
    repository: &RepositoryName,
    id: &str,
    body: Body,
) -> Result<Response, OciError> {
    call.require(repository, Action::Push)?;
    let parameters = Parameters::of(&call.parts.uri)?;
    let digest = parameters.get("digest").ok_or_else(|| {
        OciError::bad_request(
            Code::DigestInvalid,
            "the digest is missing; add ?digest=sha256:…",
        )
    })?;
    let digest = path::digest(digest)?;
    let mut upload = call.state.store().continue_upload(repository, id).await?;
    let expected = expected_length(&call.parts.headers, repository, id, upload.offset())?;
    upload.expect(&digest);
    let (location, claimed) = (upload_location(repository, id), digest.clone());
    let idle = call.state.config().body_idle;
    detached(async move {
        let upload = take_body(upload, body, expected, &location, idle).await?;
        Ok(upload.finish(&claimed).await?)
    })
    .await?;
    Ok(created(repository, &digest))
}

pub(crate) async fn cancel(
    call: &Call<'_>,
    repository: &RepositoryName,
    id: &str,
) -> Result<Response, OciError> {
    call.require(repository, Action::Push)?;
    call.state.store().cancel_upload(repository, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn at_once(
    call: &Call<'_>,
    repository: &RepositoryName,
    digest: Digest,
    body: Body,
) -> Result<Response, OciError> {
    let (store, repository) = (call.state.store().clone(), repository.clone());
    let idle = call.state.config().body_idle;
    detached(async move {
        let mut upload = store
            .upload_at_once(&repository, digest.algorithm())
            .await?;
        if let Err(error) = receive::into_upload(&mut upload, body, None, idle).await {
            upload.abandon().await;
            return Err(error.into());
        }
        upload.finish(&digest).await?;
        Ok(created(&repository, &digest))
    })
    .await
}

/// The caller needs the right to read the blob where it is, and to write where it goes.
async fn mount(
    call: &Call<'_>,
    repository: &RepositoryName,
    digest: &Digest,
    from: Option<&str>,
) -> Result<bool, OciError> {
    let store = call.state.store();
    let candidates = match from {
        Some(from) => vec![from.to_owned()],
        None => store.holders(digest, HOLDERS).await?,
    };
    for candidate in candidates {
        let Ok(candidate) = candidate.parse::<RepositoryName>() else {
            continue;
        };
        if call.allows(&candidate, Action::Pull)
            && store.mount(repository, &candidate, digest).await?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How long the body must be, refused before any byte is taken if it does not fit.
fn expected_length(
    headers: &HeaderMap,
    repository: &RepositoryName,
    id: &str,
    offset: u64,
) -> Result<Option<u64>, OciError> {
    let Some(value) = headers.get(CONTENT_RANGE) else {
        return Ok(content_length(headers));
    };
    let location = upload_location(repository, id);
    let Some(range) = chunk_range(value) else {
        let message = "Content-Range must be <first>-<last>, both counted from 0".to_owned();
        return Err(OciError::wrong_range(&location, offset, message));
    };
    let length = range.end - range.start;
    if range.start != offset {
        let message = format!(
            "the chunk begins at {}, the upload stands at {offset}",
            range.start
        );
        return Err(OciError::wrong_range(&location, offset, message));
    }
    if content_length(headers).is_some_and(|announced| announced != length) {
        let message = format!("Content-Range names {length} bytes, Content-Length another number");
        return Err(OciError::wrong_range(&location, offset, message));
    }
    Ok(Some(length))
}

/// Writes the body into the upload. What went wrong decides what stays of it.
async fn take_body(
    mut upload: Upload,
    body: Body,
    expected: Option<u64>,
    location: &str,
    idle: Duration,
) -> Result<Upload, OciError> {
    let before = upload.offset();
    match receive::into_upload(&mut upload, body, expected, idle).await {
        Ok(received) => match expected {
            Some(expected) if expected != received => {
                upload.abandon().await;
                let message = format!("the chunk should have {expected} bytes and has others");
                Err(OciError::wrong_range(location, before, message))
            }
            _ => Ok(upload),
        },
        Err(error @ StoreError::Body(_)) => {
            // As far as it came it is good: the client can go on from there.
            if let Err(error) = upload.suspend().await {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "what came of a broken upload is not kept");
            }
            Err(error.into())
        }
        Err(error) => {
            upload.abandon().await;
            Err(error.into())
        }
    }
}

fn is_empty_blob(digest: &Digest) -> bool {
    const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const SHA512: &str = "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
                          47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";
    matches!(digest.hex(), SHA256 | SHA512)
}

fn created(repository: &RepositoryName, digest: &Digest) -> Response {
    let location = value(&format!("/v2/{repository}/blobs/{digest}"));
    let headers = [(LOCATION, location), (CONTENT_DIGEST, digest_value(digest))];
    (StatusCode::CREATED, headers).into_response()
}

fn progress(status: StatusCode, repository: &RepositoryName, upload: &UploadState) -> Response {
    let headers = [
        (LOCATION, value(&upload_location(repository, &upload.id))),
        (RANGE, range(upload.offset)),
        (UPLOAD_UUID, value(&upload.id)),
    ];
    (status, headers).into_response()
}

/// Relative, so that it holds behind any proxy.
fn upload_location(repository: &RepositoryName, id: &str) -> String {
    format!("/v2/{repository}/blobs/uploads/{id}")
}

/// The bytes that are there, as `0-<last>`; clients want that form for nothing as well.
pub(crate) fn range(offset: u64) -> HeaderValue {
    value(&format!("0-{}", offset.saturating_sub(1)))
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}
