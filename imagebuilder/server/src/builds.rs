//! Builds: list, show, cancel, logs. Their events are in `events`.

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use service::Problem;
use tokio_stream::wrappers::ReceiverStream;

use crate::page::Page;
use crate::problem::{bad_body, bad_query, problem};
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

/// Pauses a build at its next step: its machine goes, and it waits until it is resumed.
#[utoipa::path(
    post,
    path = "/api/v1/builds/{id}/pause",
    tag = "builds",
    params(("id" = String, Path, description = "The build")),
    responses((status = 202, description = "It will be paused", body = Value), (status = 404, description = "No such build", body = Value, content_type = "application/problem+json"), (status = 409, description = "It has ended", body = Value, content_type = "application/problem+json"))
)]
pub(crate) async fn pause_build(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let build = state.engine.pause(&id, true).await.map_err(problem)?;
    Ok((StatusCode::ACCEPTED, Json(build)).into_response())
}

/// Lets a paused build go on, from the deepest captured stage.
#[utoipa::path(
    post,
    path = "/api/v1/builds/{id}/resume",
    tag = "builds",
    params(("id" = String, Path, description = "The build")),
    responses((status = 200, description = "It goes on", body = Value), (status = 404, description = "No such build", body = Value, content_type = "application/problem+json"), (status = 409, description = "It has ended", body = Value, content_type = "application/problem+json"))
)]
pub(crate) async fn resume_build(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let build = state.engine.pause(&id, false).await.map_err(problem)?;
    Ok(Json(json!(build)))
}

/// Which build of the project goes first.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Priority {
    /// The higher goes first; from -100 to 100.
    priority: i8,
}

/// Sets which build of a project goes first.
#[utoipa::path(
    post,
    path = "/api/v1/builds/{id}/priority",
    tag = "builds",
    params(("id" = String, Path, description = "The build")),
    request_body(content = Value, example = json!({"priority": 10})),
    responses((status = 200, description = "The build", body = Value), (status = 404, description = "No such build", body = Value, content_type = "application/problem+json"), (status = 409, description = "It has ended", body = Value, content_type = "application/problem+json"))
)]
pub(crate) async fn prioritize_build(
    State(state): State<AppState>,
    Path(id): Path<String>,
    body: Result<Json<Priority>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let Json(Priority { priority }) = body.map_err(|rejection| bad_body(&rejection))?;
    let build = state
        .engine
        .prioritize(&id, priority)
        .await
        .map_err(problem)?;
    Ok(Json(json!(build)))
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
