//! What operators of the builder do: see the workers, drain them, look for leftovers.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use imagebuilder_api::{Drain, ReaperReport};
use serde_json::{Value, json};
use service::Problem;

use crate::problem::{bad_body, problem};
use crate::router::AppState;

/// The workers that share this server's queue.
#[utoipa::path(
    get,
    path = "/api/v1/admin/workers",
    tag = "operations",
    responses((status = 200, description = "The workers", body = Value))
)]
pub(crate) async fn list_workers(State(state): State<AppState>) -> Result<Json<Value>, Problem> {
    let workers = state.engine.workers().await.map_err(problem)?;
    Ok(Json(json!({"workers": workers})))
}

/// Tells a worker to take no new build: it finishes those that it has, or hands them over.
#[utoipa::path(
    post,
    path = "/api/v1/admin/drain",
    tag = "operations",
    request_body(content = Value, example = json!({"worker": "4711-0123456789abcdef0123456789abcdef", "handOver": true})),
    responses(
        (status = 200, description = "All workers, as they are now", body = Value),
        (status = 404, description = "No such worker", body = Value, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn drain(
    State(state): State<AppState>,
    body: Result<Json<Drain>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let Json(drain) = body.map_err(|rejection| bad_body(&rejection))?;
    let workers = state.engine.drain(&drain).await.map_err(problem)?;
    Ok(Json(json!({"workers": workers})))
}

/// Compares what the provider of this server holds with what builds own; removes what
/// nobody does, and tells what it left alone.
#[utoipa::path(
    post,
    path = "/api/v1/admin/reap",
    tag = "operations",
    responses((status = 200, description = "What went, and what was left alone and why", body = Value))
)]
pub(crate) async fn reap(State(state): State<AppState>) -> Result<Json<ReaperReport>, Problem> {
    Ok(Json(state.engine.reap().await.map_err(problem)?))
}
