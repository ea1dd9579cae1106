//! Reads a build's live stream of events, and takes it up again where it was cut.
//!
//! What is done with an event, and how it is shown, is its reader's matter.

use std::time::Duration;

use futures::StreamExt as _;
use imagebuilder_api::{BuildView, Event, EventType, StepName};
use registry_client::Client;
use reqwest::Method;
use reqwest::header::ACCEPT;
use serde::{Deserialize, Serialize};

use super::{called, path};
use crate::api;
use crate::error::{CliError, Kind};

/// A stream that ends at once is not asked for again at once.
const PAUSE: Duration = Duration::from_secs(1);
/// How many times in a row a stream may give nothing before we give up.
const EMPTY_STREAMS: u32 = 30;
/// One event is a few kilobytes.
const MAX_LINE_BYTES: usize = 4 << 20;
/// The server says something every 15 seconds, if only that it is there.
const SILENCE: Duration = Duration::from_secs(50);

/// What a stream tells.
#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum Told {
    /// Something happened.
    Event(Event),
    /// So many events before number `next` are no longer kept.
    Gap { missing: u64, next: u64 },
}

/// Takes what a stream tells.
pub(crate) trait Listener {
    /// Once at the beginning, and again when it is known which stages are to be made.
    fn plan(&mut self, view: &BuildView);
    /// Everything else, in order, each once.
    fn told(&mut self, told: &Told);
}

/// Listens until the build has ended; answers with the build as it then is.
pub(crate) async fn follow(
    client: &Client,
    id: &str,
    listener: &mut dyn Listener,
) -> Result<BuildView, CliError> {
    let (mut after, mut empty) = (0, 0);
    listener.plan(&show(client, id).await?);
    loop {
        let before = after;
        let cut = read(client, id, &mut after, listener).await;
        // The stream tells what happens; how the build stands, the build tells.
        match show(client, id).await {
            Ok(view) if view.state.has_ended() => return Ok(view),
            Ok(_) => {}
            Err(error) if error.kind != Kind::Failed => return Err(error),
            Err(error) if empty >= EMPTY_STREAMS => return Err(error),
            Err(_) => {}
        }
        empty = if after > before { 0 } else { empty + 1 };
        if let Err(error) = cut
            && (empty >= EMPTY_STREAMS || error.kind != Kind::Failed)
        {
            return Err(error);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn show(client: &Client, id: &str) -> Result<BuildView, CliError> {
    api::get(client, &called(id), &path(id, "")).await
}

/// Reads one stream to its end.
async fn read(
    client: &Client,
    id: &str,
    after: &mut u64,
    listener: &mut dyn Listener,
) -> Result<(), CliError> {
    let address = path(id, &format!("/events?after={after}"));
    let response = client
        .request(&called(id), Method::GET, &address, |request| {
            request.header(ACCEPT, "text/event-stream")
        })
        .await?;
    let mut pieces = response.bytes_stream();
    let mut waiting: Vec<u8> = Vec::new();
    loop {
        let piece = tokio::time::timeout(SILENCE, pieces.next()).await;
        let piece = piece.map_err(|_| CliError::failed("the server fell silent"))?;
        let Some(piece) = piece else { return Ok(()) };
        let piece = piece
            .map_err(|error| CliError::failed("the stream of events was cut").caused_by(&error))?;
        waiting.extend_from_slice(&piece);
        while let Some(end) = waiting.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = waiting.drain(..=end).collect();
            let Some(told) = parse(&line) else { continue };
            let planned = hear(&told, after, listener);
            if planned && let Ok(view) = show(client, id).await {
                listener.plan(&view);
            }
        }
        if waiting.len() > MAX_LINE_BYTES {
            return Err(CliError::new(
                Kind::Usage,
                "the stream of events cannot be read",
            ));
        }
    }
}

/// Passes on what is new; says whether it is now known which stages are to be made.
fn hear(told: &Told, after: &mut u64, listener: &mut dyn Listener) -> bool {
    let seq = match told {
        Told::Event(event) => event.seq,
        Told::Gap { next, .. } => next.saturating_sub(1),
    };
    if seq <= *after {
        return false;
    }
    *after = seq;
    listener.told(told);
    matches!(told, Told::Event(event)
        if event.step == Some(StepName::FindReusable) && event.kind == EventType::StepSucceeded)
}

/// One line of the stream. Every message of this server has one line of data, which
/// carries the number itself; the names of messages need not be read.
fn parse(line: &[u8]) -> Option<Told> {
    let text = std::str::from_utf8(line).ok()?;
    let data = text.strip_prefix("data:")?.trim();
    serde_json::from_str(data).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Heard(Vec<u64>);

    impl Listener for Heard {
        fn plan(&mut self, _: &BuildView) {}
        fn told(&mut self, told: &Told) {
            self.0.push(match told {
                Told::Event(event) => event.seq,
                Told::Gap { missing, .. } => missing + 1000,
            });
        }
    }

    #[test]
    fn events_gaps_and_ends_are_told_apart_and_nothing_twice() {
        let event = |seq: u64| {
            format!(
                "data: {{\"seq\":{seq},\"at\":\"2026-11-21T10:00:00Z\",\"type\":\"Note\",\"message\":\"m\"}}\n"
            )
        };
        let lines = [
            "retry: 2000\n".to_owned(),
            "id: 64\n".to_owned(),
            "data: {\"missing\":64,\"next\":65}\n".to_owned(),
            event(65),
            ": keep-alive\n".to_owned(),
            event(65),
            event(66),
            "data: {\"state\":\"succeeded\"}\n".to_owned(),
        ];
        let (mut after, mut heard) = (0, Heard::default());
        for line in &lines {
            if let Some(told) = parse(line.as_bytes()) {
                hear(&told, &mut after, &mut heard);
            }
        }
        assert_eq!(heard.0, [1064, 65, 66]);
        assert_eq!(after, 66);
    }
}
