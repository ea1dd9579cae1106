//! Events of a build: as a JSON page, or live (see `live`).

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, header};
use imagebuilder_api::EventPage;
use serde::Deserialize;
use service::Problem;

use crate::live;
use crate::problem::{ProblemBody, bad_query, problem};
use crate::router::AppState;

/// The journal keeps about as many of each build.
pub(crate) const PAGE: u32 = 1000;
const LAST_EVENT_ID: &str = "last-event-id";

/// Where to go on.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct After {
    after: Option<u64>,
}

/// Events after a number. With `Accept: text/event-stream` they come as they happen, until the build has ended.
#[utoipa::path(
    get,
    path = "/api/v1/builds/{id}/events",
    tag = "builds",
    params(
        ("id" = String, Path, description = "The build"),
        ("after" = Option<u64>, Query, description = "The number of the last event that is known"),
        ("Last-Event-ID" = Option<u64>, Header, description = "The same, as browsers send it when they come back; it wins"),
    ),
    responses(
        (status = 200, description = "Events, oldest first; as a stream where that is accepted", content((EventPage = "application/json"), (String = "text/event-stream"))),
        (status = 400, description = "No such number", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such build", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Too many streams are open", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn build_events(
    State(state): State<AppState>,
    Path(id): Path<String>,
    after: Result<Query<After>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Query(after) = after.map_err(|rejection| bad_query(&rejection))?;
    // Who comes back asks for the same address as at first: the header is newer than the query.
    let after = last_event_id(&headers)?.or(after.after).unwrap_or(0);
    state.engine.build_state(&id).await.map_err(problem)?;
    if wants_stream(&headers) {
        return Ok(live::stream(&state, id, after));
    }
    let page = state
        .engine
        .events(&id, after, PAGE)
        .await
        .map_err(problem)?;
    Ok(Json(page).into_response())
}

/// The header is there and is no number.
struct NoNumber;

impl From<NoNumber> for Problem {
    fn from(_: NoNumber) -> Self {
        Self::bad_request("the header Last-Event-ID is not the number of an event")
            .with_remedy("leave it out to begin at the oldest event that is kept")
    }
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, NoNumber> {
    let value = headers.get(LAST_EVENT_ID);
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let number = value
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse().ok());
    number.map(Some).ok_or(NoNumber)
}

fn wants_stream(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/event-stream"))
}
