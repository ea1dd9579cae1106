//! `/api/v1/admin/fsck`: begin, watch and stop the check of all stored bytes.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use http::{Extensions, StatusCode};
use serde::Deserialize;
use service::Problem;
use utoipa::ToSchema;

use super::{failed, refusal};
use crate::fsck::{Refusal, Report, Wish};
use crate::state::RegistryState;

/// How to check.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct StartFsck {
    /// Bytes read in a second; as fast as it goes if it is left out.
    rate: Option<u64>,
    /// Begin anew, also when an earlier check was cut off.
    restart: bool,
    /// The address of a registry that has the same repositories; damaged blobs are fetched from it.
    repair_from: Option<String>,
}

/// Begins a check, or goes on with one that was cut off.
#[utoipa::path(
    post, path = "/api/v1/admin/fsck", tag = "admin", request_body = StartFsck,
    responses(
        (status = 202, body = Report),
        (status = 400, description = "the body cannot be read, or the address not used"),
        (status = 403, description = "the caller does not administer this registry"),
        (status = 409, description = "a check is running"),
    )
)]
pub(super) async fn start_fsck(
    State(state): State<RegistryState>,
    extensions: Extensions,
    body: Result<Json<StartFsck>, JsonRejection>,
) -> Result<(StatusCode, Json<Report>), Problem> {
    if let Some(refusal) = refusal(&state, &extensions) {
        return Err(refusal);
    }
    let Json(body) = body.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let wish = Wish {
        rate: body.rate,
        restart: body.restart,
        repair_from: body.repair_from,
    };
    match state.fsck().start(&state, wish).await {
        Ok(report) => Ok((StatusCode::ACCEPTED, Json(report))),
        Err(Refusal::Running) => Err(Problem::new(
            StatusCode::CONFLICT,
            "running",
            "a check is running already",
        )
        .with_remedy("watch it with GET, or stop it with DELETE, of the same address")),
        Err(Refusal::Source(error)) => Err(Problem::bad_request(error.to_string())),
        Err(Refusal::Store(error)) => Err(failed(error)),
    }
}

/// Tells how far the check is that runs or ran last, and what it found.
#[utoipa::path(
    get, path = "/api/v1/admin/fsck", tag = "admin",
    responses(
        (status = 200, body = Report),
        (status = 403, description = "the caller does not administer this registry"),
    )
)]
pub(super) async fn show_fsck(
    State(state): State<RegistryState>,
    extensions: Extensions,
) -> Result<Json<Report>, Problem> {
    if let Some(refusal) = refusal(&state, &extensions) {
        return Err(refusal);
    }
    let report = state.fsck().report(&state).await.map_err(failed)?;
    Ok(Json(report))
}

/// Stops the check that runs. The next one goes on where it was.
#[utoipa::path(
    delete, path = "/api/v1/admin/fsck", tag = "admin",
    responses(
        (status = 204, description = "no check is running any more"),
        (status = 403, description = "the caller does not administer this registry"),
    )
)]
pub(super) async fn stop_fsck(
    State(state): State<RegistryState>,
    extensions: Extensions,
) -> Result<StatusCode, Problem> {
    if let Some(refusal) = refusal(&state, &extensions) {
        return Err(refusal);
    }
    state.fsck().stop();
    Ok(StatusCode::NO_CONTENT)
}
