//! `/api/v1/admin/gc`: begin a garbage collection, and ask how it goes.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse as _, Response};
use http::{Extensions, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service::Problem;
use utoipa::ToSchema;

use super::refusal;
use crate::collection::Status;
use crate::state::RegistryState;

/// How to collect.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BeginCollection {
    /// Only count what would go.
    #[serde(default)]
    dry_run: bool,
}

/// The last collection of this server, or the one that is running.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CollectionView {
    /// How many this server began since it started.
    run: u64,
    running: bool,
    dry_run: bool,
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
    removed: RemovedView,
    /// Another server on the same database was collecting; this one did nothing.
    elsewhere: bool,
    /// It failed; the server's log has the cause, and the next run goes on from there.
    failed: bool,
}

/// What a collection removed until now, or would remove.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RemovedView {
    /// Uploads that nobody went on with.
    uploads: u64,
    /// Untagged manifests that nothing reached.
    manifests: u64,
    /// Rights of repositories to blobs that no manifest named.
    rights: u64,
    /// Blobs that no repository held.
    blobs: u64,
    /// Objects that no row spoke of.
    orphans: u64,
    /// The bytes of blobs and orphans.
    freed_bytes: u64,
}

impl From<Status> for CollectionView {
    fn from(status: Status) -> Self {
        let removed = status.removed;
        Self {
            run: status.run,
            running: status.is_running,
            dry_run: status.dry_run,
            started_at: status.started_at,
            ended_at: status.ended_at,
            removed: RemovedView {
                uploads: removed.uploads,
                manifests: removed.manifests,
                rights: removed.rights,
                blobs: removed.blobs,
                orphans: removed.orphans,
                freed_bytes: removed.freed_bytes,
            },
            elsewhere: status.elsewhere,
            failed: status.failed,
        }
    }
}

/// Begins a garbage collection; it goes on by itself.
#[utoipa::path(
    post, path = "/api/v1/admin/gc", tag = "admin", request_body = BeginCollection,
    responses(
        (status = 202, body = CollectionView),
        (status = 400, description = "The body is not one that this takes"),
        (status = 403, description = "The caller does not administer the registry"),
        (status = 409, description = "A collection is running"),
    )
)]
pub(super) async fn begin_collection(
    State(state): State<RegistryState>,
    caller: Extensions,
    body: Result<Json<BeginCollection>, JsonRejection>,
) -> Result<Response, Problem> {
    if let Some(refusal) = refusal(&state, &caller) {
        return Err(refusal);
    }
    let Json(body) = body.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    if !state.begin_collection(body.dry_run) {
        let problem = Problem::new(StatusCode::CONFLICT, "busy", "a collection is running");
        return Err(problem.with_remedy("GET /api/v1/admin/gc tells how it goes"));
    }
    Ok((StatusCode::ACCEPTED, view(&state)).into_response())
}

/// Shows the last garbage collection of this server, or the one that is running.
#[utoipa::path(
    get, path = "/api/v1/admin/gc", tag = "admin",
    responses(
        (status = 200, body = CollectionView),
        (status = 403, description = "The caller does not administer the registry"),
    )
)]
pub(super) async fn show_collection(
    State(state): State<RegistryState>,
    caller: Extensions,
) -> Result<Json<CollectionView>, Problem> {
    if let Some(refusal) = refusal(&state, &caller) {
        return Err(refusal);
    }
    Ok(view(&state))
}

fn view(state: &RegistryState) -> Json<CollectionView> {
    Json(state.collection().status().into())
}
