//! The list of a repository's tags.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::HeaderValue;
use http::header::LINK;
use registry_pack::RepositoryName;
use serde_json::json;

use super::query::Parameters;
use super::{Call, OciError};
use crate::access::Action;

/// The longest page: some 200 KiB of text, and most clients never follow a link.
pub(crate) const PAGE: u32 = 10_000;

pub(crate) async fn list(
    call: &Call<'_>,
    repository: &RepositoryName,
) -> Result<Response, OciError> {
    call.require(repository, Action::Pull)?;
    let parameters = Parameters::of(&call.parts.uri)?;
    let page = parameters.page(PAGE)?;
    let mut tags = call
        .state
        .store()
        .tags(repository, page.last, page.fetch())
        .await?;
    let link = page.cut(&format!("/v2/{repository}/tags/list"), &mut tags);
    let mut response = Json(json!({ "name": repository, "tags": tags })).into_response();
    if let Some(link) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}
