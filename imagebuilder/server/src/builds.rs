//! Builds: list, show, cancel, logs. Their events are in `events`.

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use service::Problem;
use tokio_stream::wrappers::ReceiverStream;

use crate::page::Page;
use crate::problem::{bad_query, problem};
use crate::router::AppState;

/// Builds, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/builds",
    tag = "builds",
    params(("limit" = Option<u32>, Query, description = "At most this many"), ("last" = Option<String>, Query, description = "The cursor of the page before")),
    responses((status = 200, description = "A page of builds", body = Value))
)]
pub(crate) async fn list_builds(
    State(state): State<AppState>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(page) = page.map_err(|rejection| bad_query(&rejection))?;
    let builds = state
        .engine
        .builds(page.limit(), page.last())
        .await
        .map_err(problem)?;
    let next = page.next(&builds, |build| Some(build.id.to_string()));
    Ok(Json(json!({"builds": builds, "next": next})))
}

/// One build with its conditions, steps and stages.
#[utoipa::path(
    get,
    path = "/api/v1/builds/{id}",
    tag = "builds",
    params(("id" = String, Path, description = "The build")),
    responses((status = 200, description = "The build", body = Value), (status = 404, description = "No such build", body = Value, content_type = "application/problem+json"))
)]
pub(crate) async fn show_build(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let build = state.engine.build(&id).await.map_err(problem)?;
    Ok(Json(json!(build)))
}

/// Asks for a build to be cancelled. It is once its state says so.
#[utoipa::path(
    post,
    path = "/api/v1/builds/{id}/cancel",
    tag = "builds",
    params(("id" = String, Path, description = "The build")),
    responses((status = 202, description = "It will be cancelled", body = Value), (status = 404, description = "No such build", body = Value, content_type = "application/problem+json"), (status = 409, description = "It has ended", body = Value, content_type = "application/problem+json"))
)]
pub(crate) async fn cancel_build(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let build = state.engine.cancel(&id).await.map_err(problem)?;
    Ok((StatusCode::ACCEPTED, Json(build)).into_response())
}

/// Everything that tells how a build went, as one zip.
#[utoipa::path(
    get,
    path = "/api/v1/builds/{id}/logs",
    tag = "builds",
    params(("id" = String, Path, description = "The build")),
    responses((status = 200, description = "The zip", content_type = "application/zip"), (status = 404, description = "No such build", body = Value, content_type = "application/problem+json"))
)]
pub(crate) async fn build_logs(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let pieces = state.engine.logs(&id).await.map_err(problem)?;
    let mut response = Body::from_stream(ReceiverStream::new(pieces)).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/zip"),
    );
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"build-{id}.zip\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}
