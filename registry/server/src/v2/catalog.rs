//! The list of repositories, as far as the caller may see them.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::HeaderValue;
use http::header::LINK;
use registry_pack::RepositoryName;
use serde_json::json;

use super::query::{Page, Parameters};
use super::{Call, OciError};
use crate::access::Action;

/// The longest page. A client may ask for less, never for more.
pub(crate) const PAGE: u32 = 1000;

pub(crate) async fn list(call: &Call<'_>) -> Result<Response, OciError> {
    let parameters = Parameters::of(&call.parts.uri)?;
    let page = parameters.page(PAGE)?;
    if page.size == 0 {
        return Ok(Json(json!({ "repositories": [] })).into_response());
    }
    let mut names = readable(call, &page).await?;
    let link = page.cut("/v2/_catalog", &mut names);
    let mut response = Json(json!({ "repositories": names })).into_response();
    if let Some(link) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}

/// What the caller may read, one more than the page shows.
///
/// The page is filled with names that may be read, so that neither its length nor its link
/// tells of others.
async fn readable(call: &Call<'_>, page: &Page<'_>) -> Result<Vec<String>, OciError> {
    let wanted = usize::try_from(page.fetch()).unwrap_or(usize::MAX);
    let mut readable = Vec::new();
    let mut last = page.last.to_owned();
    // As many as are wanted; more at once when few of them may be read.
    let mut limit = page.fetch().min(PAGE);
    loop {
        let names = call.state.store().repositories(&last, limit).await?;
        let Some(end) = names.last().cloned() else {
            return Ok(readable);
        };
        for name in names {
            let may_read = name
                .parse::<RepositoryName>()
                .is_ok_and(|name| call.allows(&name, Action::Pull));
            if may_read {
                readable.push(name);
            }
            if readable.len() == wanted {
                return Ok(readable);
            }
        }
        last = end;
        limit = limit.saturating_mul(2).min(PAGE);
    }
}
