//! What becomes of images after they are made: revoke, hold, release, remove by rule.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use imagebuilder_api::{CollectImages, CollectedImages, Dependants, Hold, Revocation, RevokeImage};
use serde::{Deserialize, Serialize};
use service::Problem;
use utoipa::ToSchema;

use crate::problem::{ProblemBody, bad_json, problem};
use crate::router::AppState;

/// What a hold is for.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"reason": "its control plane boots it"}))]
pub(crate) struct HoldFor {
    /// For people.
    reason: Option<String>,
}

/// Who holds an image.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HoldList {
    holds: Vec<Hold>,
}

/// Withdraws an image for ever: its signature is neither answered nor built again.
#[utoipa::path(
    post,
    path = "/api/v1/images/{signature}/revoke",
    tag = "images",
    params(("signature" = String, Path, description = "The signature, or its first digits")),
    request_body = RevokeImage,
    responses((status = 200, description = "The revocation, with everything that depends on the image", body = Revocation), (status = 400, description = "No such body", body = ProblemBody, content_type = "application/problem+json"), (status = 404, description = "No such image", body = ProblemBody, content_type = "application/problem+json"), (status = 422, description = "No reason", body = ProblemBody, content_type = "application/problem+json"), (status = 503, description = "It is revoked, and the registry could not be told; send it again", body = ProblemBody, content_type = "application/problem+json"))
)]
pub(crate) async fn revoke_image(
    State(state): State<AppState>,
    Path(signature): Path<String>,
    body: Result<Json<RevokeImage>, JsonRejection>,
) -> Result<Json<Revocation>, Problem> {
    let Json(revoke) =
        body.map_err(|rejection| bad_json(&rejection, r#"{"reason": "CVE-2026-1234"}"#))?;
    let revocation = state.engine.revoke(&signature, &revoke.reason).await;
    Ok(Json(revocation.map_err(problem)?))
}

/// Who would miss an image.
#[utoipa::path(
    get,
    path = "/api/v1/images/{signature}/dependants",
    tag = "images",
    params(("signature" = String, Path, description = "The signature, or its first digits")),
    responses((status = 200, description = "Profiles, holds, images on the same stages", body = Dependants), (status = 404, description = "No such image", body = ProblemBody, content_type = "application/problem+json"))
)]
pub(crate) async fn image_dependants(
    State(state): State<AppState>,
    Path(signature): Path<String>,
) -> Result<Json<Dependants>, Problem> {
    let found = state.engine.dependants(&signature).await.map_err(problem)?;
    Ok(Json(found))
}

/// Who holds an image.
#[utoipa::path(
    get,
    path = "/api/v1/images/{signature}/holds",
    tag = "images",
    params(("signature" = String, Path, description = "The signature, or its first digits")),
    responses((status = 200, description = "The holds", body = HoldList), (status = 404, description = "No such image", body = ProblemBody, content_type = "application/problem+json"))
)]
pub(crate) async fn list_holds(
    State(state): State<AppState>,
    Path(signature): Path<String>,
) -> Result<Json<HoldList>, Problem> {
    let holds = state.engine.holds(&signature).await.map_err(problem)?;
    Ok(Json(HoldList { holds }))
}

/// Says that somebody needs an image: no rule removes it.
#[utoipa::path(
    put,
    path = "/api/v1/images/{signature}/holds/{holder}",
    tag = "images",
    params(("signature" = String, Path, description = "The signature, or its first digits"), ("holder" = String, Path, description = "Who, such as cluster-prod-1")),
    request_body = HoldFor,
    responses((status = 200, description = "All holds of the image", body = HoldList), (status = 400, description = "No such body", body = ProblemBody, content_type = "application/problem+json"), (status = 404, description = "No such image", body = ProblemBody, content_type = "application/problem+json"), (status = 422, description = "The holder's name is not one", body = ProblemBody, content_type = "application/problem+json"))
)]
pub(crate) async fn hold_image(
    State(state): State<AppState>,
    Path((signature, holder)): Path<(String, String)>,
    body: Result<Json<HoldFor>, JsonRejection>,
) -> Result<Json<HoldList>, Problem> {
    let Json(hold) =
        body.map_err(|rejection| bad_json(&rejection, r#"{"reason": "it boots it"}"#))?;
    let reason = hold.reason.as_deref();
    let held = state.engine.hold(&signature, &holder, reason);
    let holds = held.await.map_err(problem)?;
    Ok(Json(HoldList { holds }))
}

/// Ends a hold.
#[utoipa::path(
    delete,
    path = "/api/v1/images/{signature}/holds/{holder}",
    tag = "images",
    params(("signature" = String, Path, description = "The signature, or its first digits"), ("holder" = String, Path, description = "Who")),
    responses((status = 200, description = "The holds that are left", body = HoldList), (status = 404, description = "No such image or hold", body = ProblemBody, content_type = "application/problem+json"))
)]
pub(crate) async fn release_image(
    State(state): State<AppState>,
    Path((signature, holder)): Path<(String, String)>,
) -> Result<Json<HoldList>, Problem> {
    let left = state.engine.release(&signature, &holder).await;
    let holds = left.map_err(problem)?;
    Ok(Json(HoldList { holds }))
}

/// Removes images by rule.
#[utoipa::path(
    post,
    path = "/api/v1/images/gc",
    tag = "images",
    request_body = CollectImages,
    responses((status = 200, description = "What was removed, and what stays and why", body = CollectedImages), (status = 400, description = "No such rule", body = ProblemBody, content_type = "application/problem+json"), (status = 422, description = "No rule", body = ProblemBody, content_type = "application/problem+json"), (status = 503, description = "The registry is not there, so nobody knows what is needed", body = ProblemBody, content_type = "application/problem+json"))
)]
pub(crate) async fn collect_images(
    State(state): State<AppState>,
    body: Result<Json<CollectImages>, JsonRejection>,
) -> Result<Json<CollectedImages>, Problem> {
    let Json(rule) =
        body.map_err(|rejection| bad_json(&rejection, r#"{"keepLast": 3, "dryRun": true}"#))?;
    let report = state.engine.collect_images(&rule).await.map_err(problem)?;
    Ok(Json(report))
}
