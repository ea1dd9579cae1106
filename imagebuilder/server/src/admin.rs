//! What operators of the builder do: see the workers, drain them, look for leftovers.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use imagebuilder_api::{Drain, ReaperReport, WorkerView};
use serde::Serialize;
use service::Problem;
use utoipa::ToSchema;

use crate::problem::{ProblemBody, bad_json, problem};
use crate::router::AppState;

/// All workers of a queue.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WorkerList {
    workers: Vec<WorkerView>,
}

/// The workers that share this server's queue.
#[utoipa::path(
    get,
    path = "/api/v1/admin/workers",
    tag = "operations",
    responses((status = 200, description = "The workers", body = WorkerList))
)]
pub(crate) async fn list_workers(
    State(state): State<AppState>,
) -> Result<Json<WorkerList>, Problem> {
    let workers = state.engine.workers().await.map_err(problem)?;
    Ok(Json(WorkerList { workers }))
}

/// Tells a worker to take no new build: it finishes those that it has, or hands them over.
#[utoipa::path(
    post,
    path = "/api/v1/admin/drain",
    tag = "operations",
    request_body = Drain,
    responses(
        (status = 200, description = "All workers, as they are now", body = WorkerList),
        (status = 400, description = "No such body", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such worker", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn drain(
    State(state): State<AppState>,
    body: Result<Json<Drain>, JsonRejection>,
) -> Result<Json<WorkerList>, Problem> {
    let Json(drain) = body.map_err(|rejection| bad_json(&rejection, r#"{"handOver": true}"#))?;
    let workers = state.engine.drain(&drain).await.map_err(problem)?;
    Ok(Json(WorkerList { workers }))
}

/// Compares what the provider of this server holds with what builds own; removes what
/// nobody does, and tells what it left alone.
#[utoipa::path(
    post,
    path = "/api/v1/admin/reap",
    tag = "operations",
    responses((status = 200, description = "What went, and what was left alone and why", body = ReaperReport))
)]
pub(crate) async fn reap(State(state): State<AppState>) -> Result<Json<ReaperReport>, Problem> {
    Ok(Json(state.engine.reap().await.map_err(problem)?))
}
