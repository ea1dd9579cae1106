//! GET, HEAD and DELETE of a blob.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LOCATION,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use registry_pack::{Digest, RepositoryName};
use registry_store::Blob;
use service::Wire;

use super::detached::detached;
use super::headers::{CONTENT_DIGEST, NO_SNIFF, Wanted, digest_value, etag, is_unchanged, wanted};
use super::{Call, OciError};
use crate::access::Action;

pub(crate) async fn get(
    call: &Call<'_>,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Response, OciError> {
    call.require(repository, Action::Pull)?;
    let store = call.state.store();
    let blob = match call.parts.method {
        // Whoever asks may be about to name it in a manifest.
        Method::HEAD => store.keep_blob(repository, digest).await?,
        _ => store.blob(repository, digest).await?,
    };
    let mut headers = describe(&blob);
    if is_unchanged(&call.parts.headers, digest) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    if let Some(location) = redirection(call, &blob).await? {
        headers.remove(CONTENT_TYPE);
        headers.insert(LOCATION, location);
        // The address holds for some minutes, and gives the blob to whoever has it.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        return Ok((StatusCode::TEMPORARY_REDIRECT, headers).into_response());
    }
    let size = blob.size_bytes;
    let wanted = match call.parts.method {
        // RFC 9110 gives ranges a meaning for GET only.
        Method::HEAD => Wanted::All,
        _ => wanted(&call.parts.headers, digest, size),
    };
    let (status, range) = match wanted {
        Wanted::All => (StatusCode::OK, 0..size),
        Wanted::Part(range) => {
            headers.insert(
                CONTENT_RANGE,
                content_range(&format!("{}-{}", range.start, range.end - 1), size),
            );
            (StatusCode::PARTIAL_CONTENT, range)
        }
        Wanted::Nothing => {
            headers.insert(CONTENT_RANGE, content_range("*", size));
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, headers).into_response());
        }
    };
    headers.insert(CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
    if call.parts.method == Method::HEAD {
        return Ok((status, headers, Body::empty()).into_response());
    }
    let mut reader = store.read(&blob, range).await?;
    if call.parts.extensions.get() == Some(&Wire::Plain) {
        reader = reader.unread();
    }
    Ok((status, headers, Body::from_stream(reader)).into_response())
}

/// Where the object store itself gives the blob to this client, if that is wanted and possible.
async fn redirection(call: &Call<'_>, blob: &Blob) -> Result<Option<HeaderValue>, OciError> {
    if !call.state.config().redirect || call.parts.method != Method::GET {
        return Ok(None);
    }
    let link = call.state.store().link(blob).await?;
    Ok(link.and_then(|link| HeaderValue::from_str(&link).ok()))
}

pub(crate) async fn delete(
    call: &Call<'_>,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Response, OciError> {
    call.require(repository, Action::Delete)?;
    call.state.require_delete()?;
    let (store, name, digest) = (
        call.state.store().clone(),
        repository.clone(),
        digest.clone(),
    );
    detached(async move { Ok(store.delete_blob(&name, &digest).await?) }).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

fn describe(blob: &Blob) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(CONTENT_DIGEST, digest_value(&blob.digest));
    headers.insert(ETAG, etag(&blob.digest));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(NO_SNIFF.0, NO_SNIFF.1);
    headers
}

fn content_range(range: &str, size: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("bytes {range}/{size}"))
        .unwrap_or(HeaderValue::from_static("bytes */*"))
}
