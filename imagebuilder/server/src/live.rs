//! A build's events as they happen: server-sent events.
//!
//! ```text
//! retry: 2000                        once, at the beginning
//! event: event   id: SEQ             one of the journal's events
//! event: gap     id: SEQ             so many events before the next one were dropped
//! event: end                         the build has ended and all was told; close the stream
//! : keep-alive                       every 15 seconds in which nothing else happens
//! ```
//! Whoever comes back with the last id that it saw misses nothing and hears nothing twice.
//! The journal is the only buffer: a reader that is slow waits for its own network, and one
//! that reads nothing for a minute is cut off and may come back.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use imagebuilder_api::{Event, EventPage};
use imagebuilder_engine::Engine;
use serde_json::json;
use service::Problem;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, mpsc};
use tokio_stream::wrappers::ReceiverStream;

use crate::events::PAGE;
use crate::problem::problem;
use crate::router::AppState;

const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How soon a reader whose stream was cut comes back.
const RETRY: Duration = Duration::from_secs(2);
/// How far a stream reads ahead of its reader.
const IN_FLIGHT: usize = 64;
/// A reader that takes nothing for this long is gone or hung.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// A worker in another process tells nobody here: the journal is looked at this often.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
/// Each stream is a connection and reads the journal; more people watch the builds' pages.
pub(crate) const STREAMS: usize = 512;

/// The places for streams of one server.
pub(crate) fn places() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(STREAMS))
}

/// Opens a stream of what comes after number `after`.
pub(crate) fn stream(state: &AppState, id: String, after: u64) -> Response {
    let Ok(place) = Arc::clone(&state.streams).try_acquire_owned() else {
        let message = format!("{STREAMS} streams of events are open, and no more are served");
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
            .with_remedy("ask for the events as JSON, or come back in a moment")
            .into_response();
    };
    let (sender, receiver) = mpsc::channel(IN_FLIGHT);
    let (engine, stop) = (state.engine.clone(), state.stop.clone());
    tokio::spawn(async move {
        let _place: OwnedSemaphorePermit = place;
        let reader = Reader { sender };
        tokio::select! {
            () = stop.cancelled() => {}
            () = reader.sender.closed() => {}
            // Gone, or told everything.
            _ = follow(&engine, &id, after, &reader) => {}
        }
    });
    let mut response = Sse::new(ReceiverStream::new(receiver))
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response();
    // A proxy that collects a stream makes it useless.
    response
        .headers_mut()
        .insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// The other end.
struct Reader {
    sender: mpsc::Sender<Result<sse::Event, Infallible>>,
}

/// Nobody reads any more, or the journal cannot be read: the reader comes back.
struct Cut;

impl Reader {
    async fn tell(&self, message: sse::Event) -> Result<(), Cut> {
        let sent = tokio::time::timeout(PATIENCE, self.sender.send(Ok(message))).await;
        matches!(sent, Ok(Ok(()))).then_some(()).ok_or(Cut)
    }

    async fn page(&self, page: &EventPage) -> Result<(), Cut> {
        if let (1.., Some(first)) = (page.missing, page.events.first()) {
            self.tell(gap(page.missing, first)).await?;
        }
        for event in &page.events {
            self.tell(message(event)).await?;
        }
        Ok(())
    }
}

/// Sends what the journal has, then waits for more, until the build has ended and all is sent.
async fn follow(engine: &Engine, id: &str, mut after: u64, reader: &Reader) -> Result<(), Cut> {
    reader.tell(sse::Event::default().retry(RETRY)).await?;
    // Before the first read, so that nothing falls in between.
    let mut changes = engine.subscribe();
    loop {
        // Before the events: whatever the build said until it ended is among them.
        let state = engine.build_state(id).await.map_err(broken)?;
        loop {
            let page = engine.events(id, after, PAGE).await.map_err(broken)?;
            if page.events.is_empty() {
                break;
            }
            reader.page(&page).await?;
            after = page.next;
        }
        if state.has_ended() {
            let end = sse::Event::default().event("end");
            return reader
                .tell(end.data(json!({"state": state}).to_string()))
                .await;
        }
        changed(&mut changes, id).await?;
    }
}

fn broken(error: imagebuilder_engine::EngineError) -> Cut {
    // A problem body can no longer be sent; making one logs the cause.
    drop(problem(error));
    Cut
}

/// Waits until the build may have something new to say.
async fn changed(changes: &mut broadcast::Receiver<String>, id: &str) -> Result<(), Cut> {
    let wait = async {
        loop {
            match changes.recv().await {
                Ok(changed) if changed == id => return Ok(()),
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return Ok(()),
                Err(RecvError::Closed) => return Err(Cut),
            }
        }
    };
    tokio::time::timeout(BETWEEN_LOOKS, wait)
        .await
        .unwrap_or(Ok(()))
}

fn message(event: &Event) -> sse::Event {
    sse::Event::default()
        .id(event.seq.to_string())
        .event("event")
        .data(json!(event).to_string())
}

/// Carries the number before the next event, so that a reader who comes back is not told of it again.
fn gap(missing: u64, next: &Event) -> sse::Event {
    let before = next.seq.saturating_sub(1);
    sse::Event::default()
        .id(before.to_string())
        .event("gap")
        .data(json!({"missing": missing, "next": next.seq}).to_string())
}
