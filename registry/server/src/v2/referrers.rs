//! What refers to a manifest: an image index made of rows.

use axum::response::{IntoResponse as _, Response};
use http::HeaderValue;
use http::header::{CONTENT_TYPE, LINK};
use registry_pack::{Digest, RepositoryName, media};
use registry_store::Referrer;
use serde::Serialize;
use serde_json::value::RawValue;

use super::headers::OCI_FILTERS_APPLIED;
use super::query::{Parameters, encode, link};
use super::{Call, OciError};
use crate::access::Action;

/// The longest page, in entries and in bytes of annotations.
pub(crate) const PAGE: u32 = 1000;
pub(crate) const PAGE_BYTES: usize = 2 << 20;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u32,
    media_type: &'static str,
    manifests: Vec<Descriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: Digest,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<Box<RawValue>>,
}

pub(crate) async fn list(
    call: &Call<'_>,
    repository: &RepositoryName,
    subject: &Digest,
) -> Result<Response, OciError> {
    call.require(repository, Action::Pull)?;
    let parameters = Parameters::of(&call.parts.uri)?;
    let filter = parameters
        .get("artifactType")
        .filter(|filter| !filter.is_empty());
    let size = parameters.page(PAGE)?.size.max(1);
    let after = parameters
        .get("last")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let store = call.state.store();
    let mut found = store
        .referrers(repository, subject, filter, after, size + 1)
        .await?;
    let more = cut(&mut found, usize::try_from(size).unwrap_or(usize::MAX));
    let next = found.last().filter(|_| more).map(|last| {
        let mut target = format!(
            "/v2/{repository}/referrers/{subject}?n={size}&last={}",
            last.position
        );
        if let Some(filter) = filter {
            target.push_str(&format!("&artifactType={}", encode(filter)));
        }
        link(&target)
    });
    let index = Index {
        schema_version: 2,
        media_type: media::IMAGE_INDEX,
        manifests: found.into_iter().map(describe).collect(),
    };
    let body = serde_json::to_vec(&index).map_err(|error| OciError::internal(&error))?;
    let mut response = ([(CONTENT_TYPE, media::IMAGE_INDEX)], body).into_response();
    if filter.is_some() {
        let applied = HeaderValue::from_static("artifactType");
        response.headers_mut().insert(OCI_FILTERS_APPLIED, applied);
    }
    if let Some(next) = next.and_then(|next| HeaderValue::from_str(&next).ok()) {
        response.headers_mut().insert(LINK, next);
    }
    Ok(response)
}

/// Shortens the page to its bounds; whether anything was cut off.
fn cut(found: &mut Vec<Referrer>, size: usize) -> bool {
    let mut bytes = 0;
    let mut keep = 0;
    for referrer in found.iter().take(size) {
        bytes += referrer.annotations.as_ref().map_or(0, String::len);
        if keep > 0 && bytes > PAGE_BYTES {
            break;
        }
        keep += 1;
    }
    let more = keep < found.len();
    found.truncate(keep);
    more
}

fn describe(referrer: Referrer) -> Descriptor {
    Descriptor {
        media_type: referrer.media_type,
        digest: referrer.digest,
        size: referrer.size_bytes,
        artifact_type: referrer.artifact_type,
        annotations: referrer
            .annotations
            .and_then(|text| RawValue::from_string(text).ok()),
    }
}
