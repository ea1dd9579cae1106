//! Follows a build over its live stream of events, and takes the stream up
//! again where it was cut.

use std::time::Duration;

use futures::StreamExt as _;
use imagebuilder_api::{BuildState, BuildView, Event, EventType};
use registry_client::Client;
use reqwest::Method;
use reqwest::header::ACCEPT;

use super::{called, path};
use crate::api;
use crate::error::{CliError, Kind};
use crate::progress::{Bars, Spinner};

/// The reason of a build that a policy refused.
const POLICY: &str = "PolicyFailed";
/// A stream that ends at once is not asked for again at once.
const PAUSE: Duration = Duration::from_secs(1);
/// How many times in a row a stream may give nothing before we give up.
const EMPTY_STREAMS: u32 = 30;
/// One event is a few kilobytes.
const MAX_LINE_BYTES: usize = 4 << 20;

/// How a build ended.
pub(crate) enum Ended {
    /// The image is there.
    Succeeded(Box<BuildView>),
    /// It is not; the error says why.
    Otherwise(CliError),
}

/// Shows events until the build has ended. Ctrl-C ends the watching alone.
pub(crate) async fn to_the_end(
    client: &Client,
    id: &str,
    progress: &Bars,
) -> Result<Ended, CliError> {
    tokio::select! {
        ended = follow(client, id, progress) => ended,
        _ = tokio::signal::ctrl_c() => Err(
            CliError::new(Kind::Interrupted, format!("stopped watching; the build {id} goes on"))
                .hint(format!("watch it: packyard build watch {id}"))
                .hint(format!("stop it: packyard build cancel {id}")),
        ),
    }
}

async fn follow(client: &Client, id: &str, progress: &Bars) -> Result<Ended, CliError> {
    let spinner = progress.spinner("waiting for the first step");
    let (mut after, mut empty) = (0, 0);
    loop {
        let before = after;
        let cut = stream(client, id, &mut after, &spinner).await;
        // The stream tells what happens; how the build stands, the build tells.
        match api::get::<BuildView>(client, &called(id), &path(id, "")).await {
            Ok(view) if view.state.has_ended() => return Ok(ended(view)),
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

/// Reads one stream to its end.
async fn stream(
    client: &Client,
    id: &str,
    after: &mut u64,
    spinner: &Spinner,
) -> Result<(), CliError> {
    let address = path(id, &format!("/events?after={after}"));
    let response = client
        .request(&called(id), Method::GET, &address, |request| {
            request.header(ACCEPT, "text/event-stream")
        })
        .await?;
    let mut pieces = response.bytes_stream();
    let mut waiting: Vec<u8> = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece
            .map_err(|error| CliError::failed("the stream of events was cut").caused_by(&error))?;
        waiting.extend_from_slice(&piece);
        while let Some(end) = waiting.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = waiting.drain(..=end).collect();
            if let Some(event) = event(&line) {
                *after = event.seq.max(*after);
                tell(&event, spinner);
            }
        }
        if waiting.len() > MAX_LINE_BYTES {
            return Err(CliError::new(
                Kind::Usage,
                "the stream of events cannot be read",
            ));
        }
    }
    Ok(())
}

/// One line of the stream: only `data:` lines that hold an event matter here,
/// because every event of this server is one line and carries its own number.
fn event(line: &[u8]) -> Option<Event> {
    let text = std::str::from_utf8(line).ok()?;
    let data = text.strip_prefix("data:")?.trim();
    serde_json::from_str(data).ok()
}

fn tell(event: &Event, spinner: &Spinner) {
    let text = match event.step {
        Some(step) if event.message == step.as_str() => format!("{step} …"),
        Some(step) => format!("{step}: {}", event.message),
        None => event.message.clone(),
    };
    match event.kind {
        // There are hundreds of them; the line that changes is enough.
        EventType::AnsibleTask | EventType::Progress | EventType::ConditionChanged => {
            spinner.say(text);
        }
        _ => {
            let time = event.at.strftime("%H:%M:%S");
            spinner.log(format!("{time}  {text}"));
            spinner.say(text);
        }
    }
}

fn ended(view: BuildView) -> Ended {
    let id = &view.id;
    let reason = view.reason.as_deref().unwrap_or("Unknown");
    let message = view
        .message
        .as_deref()
        .unwrap_or("the server gave no reason");
    let error = match view.state {
        BuildState::Succeeded => return Ended::Succeeded(Box::new(view)),
        BuildState::Cancelled => CliError::failed(format!("the build {id} was cancelled")),
        _ => {
            let kind = if reason == POLICY {
                Kind::Refused
            } else {
                Kind::Failed
            };
            CliError::new(kind, format!("the build {id} failed: {reason}: {message}"))
                .hint(format!("steps and conditions: packyard build show {id}"))
                .hint(format!(
                    "everything that was logged: packyard build logs {id}"
                ))
        }
    };
    Ended::Otherwise(error)
}
