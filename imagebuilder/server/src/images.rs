//! Images: ensure, list, show, explain, compare.

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use imagebuilder_api::signature::{Difference, explain};
use imagebuilder_api::{EnsureImage, EnsureImageAnswer, ImageRecord};
use serde::Serialize;
use serde_json::{Value, json};
use service::Problem;
use utoipa::ToSchema;

use crate::page::Page;
use crate::problem::{ProblemBody, bad_body, bad_query, problem};
use crate::router::AppState;

/// A page of images.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImageList {
    images: Vec<ImageRecord>,
    /// What to ask for as `last` to get the next page; null on the last one.
    next: Option<String>,
}

/// What makes two images differ.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Comparison {
    left: String,
    right: String,
    differences: Vec<Difference>,
}

/// "See to it that this image exists": 200 with the image, or 202 with the build that will make it.
#[utoipa::path(
    post,
    path = "/api/v1/images",
    tag = "images",
    request_body = EnsureImage,
    responses(
        (status = 200, description = "The image exists", body = EnsureImageAnswer),
        (status = 202, description = "A build makes it; Location says where to look", body = EnsureImageAnswer),
        (status = 400, description = "No such request", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The profile or one of its packs has to change", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The registry or Ansible is not there", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn ensure_image(
    State(state): State<AppState>,
    body: Result<Json<EnsureImage>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(request) = body.map_err(|rejection| bad_body(&rejection))?;
    let answer = state.engine.ensure(request).await.map_err(problem)?;
    let EnsureImageAnswer::Building { build, .. } = &answer else {
        return Ok(Json(answer).into_response());
    };
    let location = format!("/api/v1/builds/{build}");
    let mut response = (StatusCode::ACCEPTED, Json(&answer)).into_response();
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Images by signature.
#[utoipa::path(
    get,
    path = "/api/v1/images",
    tag = "images",
    params(("limit" = Option<u32>, Query, description = "At most this many"), ("last" = Option<String>, Query, description = "The cursor of the page before")),
    responses((status = 200, description = "A page of image records", body = ImageList), (status = 400, description = "No such page", body = ProblemBody, content_type = "application/problem+json"))
)]
pub(crate) async fn list_images(
    State(state): State<AppState>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<ImageList>, Problem> {
    let Query(page) = page.map_err(|rejection| bad_query(&rejection))?;
    let images = state
        .engine
        .images(page.limit(), page.last())
        .await
        .map_err(problem)?;
    let next = page.next(&images, |image| {
        image.signature.as_ref().map(ToString::to_string)
    });
    Ok(Json(ImageList { images, next }))
}

/// One image, by its signature or a beginning of it that is enough.
#[utoipa::path(
    get,
    path = "/api/v1/images/{signature}",
    tag = "images",
    params(("signature" = String, Path, description = "The signature, or its first digits")),
    responses((status = 200, description = "The record", body = ImageRecord), (status = 404, description = "No such image", body = ProblemBody, content_type = "application/problem+json"))
)]
pub(crate) async fn show_image(
    State(state): State<AppState>,
    Path(signature): Path<String>,
) -> Result<Json<ImageRecord>, Problem> {
    let image = state.engine.image(&signature).await.map_err(problem)?;
    Ok(Json(image))
}

/// The inputs that a signature was made of; and which stages its newest build found, and why it made the others.
#[utoipa::path(
    get,
    path = "/api/v1/images/{signature}/explain",
    tag = "images",
    params(("signature" = String, Path, description = "The signature, or its first digits")),
    responses((status = 200, description = "The inputs, stage by stage", body = Value), (status = 404, description = "No such image", body = ProblemBody, content_type = "application/problem+json"))
)]
pub(crate) async fn explain_image(
    State(state): State<AppState>,
    Path(signature): Path<String>,
) -> Result<Json<Value>, Problem> {
    let chain = state.engine.chain(&signature).await.map_err(problem)?;
    let signature = chain.signature();
    let report = state.engine.cache_report(signature.as_str());
    let mut explained = explain(&chain);
    explained["cache"] = json!(report.await.map_err(problem)?);
    Ok(Json(explained))
}

/// What makes two images differ.
#[utoipa::path(
    get,
    path = "/api/v1/images/{signature}/diff/{other}",
    tag = "images",
    params(("signature" = String, Path, description = "A signature"), ("other" = String, Path, description = "Another")),
    responses((status = 200, description = "The inputs that differ", body = Comparison), (status = 404, description = "No such image", body = ProblemBody, content_type = "application/problem+json"))
)]
pub(crate) async fn diff_images(
    State(state): State<AppState>,
    Path((left, right)): Path<(String, String)>,
) -> Result<Json<Comparison>, Problem> {
    let differences = state.engine.diff(&left, &right).await.map_err(problem)?;
    Ok(Json(Comparison {
        left,
        right,
        differences,
    }))
}
