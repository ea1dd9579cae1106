//! The list of repositories, as far as the caller may see them.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::HeaderValue;
use http::header::LINK;
use registry_pack::RepositoryName;
use serde_json::json;

use super::query::Parameters;
use super::{Call, OciError};
use crate::access::Action;

/// The longest page. A client may ask for less, never for more.
const PAGE: u32 = 1000;

pub(crate) async fn list(call: &Call<'_>) -> Result<Response, OciError> {
    let parameters = Parameters::of(&call.parts.uri)?;
    let page = parameters.page(PAGE)?;
    if page.size == 0 {
        return Ok(Json(json!({ "repositories": [] })).into_response());
    }
    let mut names = call
        .state
        .store()
        .repositories(page.last, page.fetch())
        .await?;
    let link = page.cut("/v2/_catalog", &mut names);
    names.retain(|name| {
        name.parse::<RepositoryName>()
            .is_ok_and(|name| call.allows(&name, Action::Pull))
    });
    let mut response = Json(json!({ "repositories": names })).into_response();
    if let Some(link) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}
