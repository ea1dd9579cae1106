//! Builds: list, show, cancel, logs. Their events are in `events`.

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use imagebuilder_api::BuildView;
use imagebuilder_api::timeline::{Timeline, svg};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service::Problem;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::ToSchema;

use crate::page::Page;
use crate::problem::{ProblemBody, bad_json, bad_query, problem};
use crate::router::AppState;

/// A page of builds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BuildList {
    builds: Vec<BuildView>,
    /// What to ask for as `last` to get the next page; null on the last one.
    next: Option<String>,
}

/// Builds, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/builds",
    tag = "builds",
    params(("limit" = Option<u32>, Query, description = "At most this many"), ("last" = Option<String>, Query, description = "The cursor of the page before")),
    responses((status = 200, description = "A page of builds", body = BuildList), (status = 400, description = "No such page", body = ProblemBody, content_type = "application/problem+json"))
)]
pub(crate) async fn list_builds(
    State(state): State<AppState>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<BuildList>, Problem> {
    let Query(page) = page.map_err(|rejection| bad_query(&rejection))?;
    let builds = state
        .engine
        .builds(page.limit(), page.last())
        .await
        .map_err(problem)?;
    let next = page.next(&builds, |build| Some(build.id.to_string()));
    Ok(Json(BuildList { builds, next }))
}

/// One build with its conditions, steps and stages.
#[utoipa::path(
    get,
    path = "/api/v1/builds/{id}",
    tag = "builds",
    params(("id" = String, Path, description = "The build")),
    responses((status = 200, description = "The build", body = BuildView), (status = 404, description = "No such build", body = ProblemBody, content_type = "application/problem+json"))
)]
pub(crate) async fn show_build(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<BuildView>, Problem> {
    let build = state.engine.build(&id).await.map_err(problem)?;
    Ok(Json(build))
}

/// Where the build's time went, as a picture.
#[utoipa::path(
    get,
    path = "/api/v1/builds/{id}/timeline.svg",
    tag = "builds",
    params(("id" = String, Path, description = "The build")),
    responses((status = 200, description = "The picture", body = String, content_type = "image/svg+xml"), (status = 404, description = "No such build", body = ProblemBody, content_type = "application/problem+json"))
)]
pub(crate) async fn build_timeline(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let build = state.engine.build(&id).await.map_err(problem)?;
    let picture = svg(&Timeline::of(&build, Timestamp::now()));
    // Opened by itself in a browser, it may load and run nothing.
    let headers = [
        (header::CONTENT_TYPE, "image/svg+xml"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'",
        ),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    Ok((headers, picture).into_response())
}

/// Asks for a build to be cancelled. It is once its state says so.
#[utoipa::path(
    post,
    path = "/api/v1/builds/{id}/cancel",
    tag = "builds",
    params(("id" = String, Path, description = "The build")),
    responses((status = 202, description = "It will be cancelled", body = BuildView), (status = 404, description = "No such build", body = ProblemBody, content_type = "application/problem+json"), (status = 409, description = "It has ended", body = ProblemBody, content_type = "application/problem+json"))
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
    responses((status = 202, description = "It will be paused", body = BuildView), (status = 404, description = "No such build", body = ProblemBody, content_type = "application/problem+json"), (status = 409, description = "It has ended", body = ProblemBody, content_type = "application/problem+json"))
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
    responses((status = 200, description = "It goes on", body = BuildView), (status = 404, description = "No such build", body = ProblemBody, content_type = "application/problem+json"), (status = 409, description = "It has ended", body = ProblemBody, content_type = "application/problem+json"))
)]
pub(crate) async fn resume_build(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<BuildView>, Problem> {
    let build = state.engine.pause(&id, false).await.map_err(problem)?;
    Ok(Json(build))
}

/// Which build of the project goes first.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"priority": 10}))]
pub(crate) struct Priority {
    /// The higher goes first; from -100 to 100.
    #[schema(minimum = -100, maximum = 100)]
    priority: i8,
}

/// Sets which build of a project goes first.
#[utoipa::path(
    post,
    path = "/api/v1/builds/{id}/priority",
    tag = "builds",
    params(("id" = String, Path, description = "The build")),
    request_body = Priority,
    responses((status = 200, description = "The build", body = BuildView), (status = 400, description = "No such body", body = ProblemBody, content_type = "application/problem+json"), (status = 422, description = "No such priority", body = ProblemBody, content_type = "application/problem+json"), (status = 404, description = "No such build", body = ProblemBody, content_type = "application/problem+json"), (status = 409, description = "It has ended", body = ProblemBody, content_type = "application/problem+json"))
)]
pub(crate) async fn prioritize_build(
    State(state): State<AppState>,
    Path(id): Path<String>,
    body: Result<Json<Priority>, JsonRejection>,
) -> Result<Json<BuildView>, Problem> {
    let Json(Priority { priority }) =
        body.map_err(|rejection| bad_json(&rejection, r#"{"priority": 10}"#))?;
    let build = state
        .engine
        .prioritize(&id, priority)
        .await
        .map_err(problem)?;
    Ok(Json(build))
}

/// Everything that tells how a build went, as one zip.
#[utoipa::path(
    get,
    path = "/api/v1/builds/{id}/logs",
    tag = "builds",
    params(("id" = String, Path, description = "The build")),
    responses((status = 200, description = "The zip", content_type = "application/zip"), (status = 404, description = "No such build", body = ProblemBody, content_type = "application/problem+json"))
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
