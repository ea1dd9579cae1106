//! Events of a build: as a JSON page, or live as server-sent events with resume.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, header};
use imagebuilder_api::Event;
use imagebuilder_engine::Engine;
use serde::Deserialize;
use serde_json::json;
use service::Problem;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::problem::{bad_query, problem};
use crate::router::AppState;

/// The journal keeps this many.
const PAGE: u32 = 1000;
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// A reader that is this far behind waits for the network, not for memory.
const IN_FLIGHT: usize = 64;

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
        ("Last-Event-ID" = Option<u64>, Header, description = "The same, as browsers send it"),
    ),
    responses((status = 200, description = "Events, oldest first", body = serde_json::Value), (status = 404, description = "No such build", body = serde_json::Value, content_type = "application/problem+json"))
)]
pub(crate) async fn build_events(
    State(state): State<AppState>,
    Path(id): Path<String>,
    after: Result<Query<After>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Query(after) = after.map_err(|rejection| bad_query(&rejection))?;
    let after = after.after.or_else(|| last_event_id(&headers)).unwrap_or(0);
    state.engine.build(&id).await.map_err(problem)?;
    if wants_stream(&headers) {
        return Ok(live(state, id, after));
    }
    let events = state
        .engine
        .events(&id, after, PAGE)
        .await
        .map_err(problem)?;
    let next = events.last().map_or(after, |event| event.seq);
    Ok(Json(json!({"events": events, "next": next})).into_response())
}

fn last_event_id(headers: &HeaderMap) -> Option<u64> {
    headers
        .get("last-event-id")?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
}

fn wants_stream(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/event-stream"))
}

fn live(state: AppState, id: String, after: u64) -> Response {
    let (sender, receiver) = mpsc::channel::<Result<sse::Event, Infallible>>(IN_FLIGHT);
    tokio::spawn(async move {
        tokio::select! {
            () = state.stop.cancelled() => {}
            () = sender.closed() => {}
            () = follow(&state.engine, &id, after, &sender) => {}
        }
    });
    Sse::new(ReceiverStream::new(receiver))
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response()
}

/// Sends what the journal has, then waits for more, until the build has ended and all is sent.
async fn follow(
    engine: &Engine,
    id: &str,
    mut after: u64,
    sender: &mpsc::Sender<Result<sse::Event, Infallible>>,
) {
    // Before the first read, so that nothing falls in between.
    let mut changes = engine.subscribe();
    loop {
        let Ok(view) = engine.build(id).await else {
            return;
        };
        let ended = view.state.has_ended();
        loop {
            let Ok(events) = engine.events(id, after, PAGE).await else {
                return;
            };
            if events.is_empty() {
                break;
            }
            for event in events {
                after = event.seq;
                if sender.send(Ok(message(&event))).await.is_err() {
                    return;
                }
            }
        }
        if ended {
            let last = sse::Event::default()
                .event("end")
                .data(json!({"state": view.state}).to_string());
            // The reader may have gone away just now.
            drop(sender.send(Ok(last)).await);
            return;
        }
        loop {
            match changes.recv().await {
                Ok(changed) if changed == id => break,
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return,
            }
        }
    }
}

fn message(event: &Event) -> sse::Event {
    sse::Event::default()
        .id(event.seq.to_string())
        .event("event")
        .data(json!(event).to_string())
}
