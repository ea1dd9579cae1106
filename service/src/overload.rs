//! What connections beyond the bound get: a short answer instead of a long wait.
//!
//! A client that is told to come back later does; one that hangs in the queue of the
//! operating system blames the network. Few connections are answered so at once, the
//! rest wait until one of these is gone.

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use crate::problem::Problem;

/// Connections that are being told at the same time.
pub(crate) const TOLD_AT_ONCE: usize = 64;
/// How long they may take to send what they want: whoever says nothing need not be told.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);
/// When to come back. Idle connections are closed within a minute.
pub(crate) const RETRY_AFTER_SECS: u16 = 10;

/// Answers everything with 503, in the form that the path's API has.
pub(crate) fn router() -> Router {
    Router::new().fallback(refuse)
}

async fn refuse(request: Request) -> Response {
    const WHY: &str = "the server has as many connections as it takes; try again later";
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let path = request.uri().path();
    let mut response = if path == "/v2" || path.starts_with("/v2/") {
        let error = json!({"code": "TOOMANYREQUESTS", "message": WHY});
        (status, axum::Json(json!({"errors": [error]}))).into_response()
    } else {
        Problem::new(status, "too-many-connections", WHY).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECS));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
