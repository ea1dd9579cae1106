//! The live stream over the real routes: cut and taken up again, nothing is lost or told twice.

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use imagebuilder_engine::Rehearsal;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::router::router;

/// One message of a stream.
#[derive(Debug, Default)]
struct Message {
    id: Option<u64>,
    kind: String,
    data: Value,
}

/// A stream as a browser reads it.
struct Stream {
    body: Body,
    waiting: String,
}

impl Stream {
    async fn open(router: &Router, build: &str, query: &str, last: Option<u64>) -> Self {
        let mut request = Request::get(format!("/api/v1/builds/{build}/events{query}"))
            .header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last.to_string());
        }
        let request = request.body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        Self {
            body: response.into_body(),
            waiting: String::new(),
        }
    }

    /// The next message that says something; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(end) = self.waiting.find("\n\n") {
                let block: String = self.waiting.drain(..end + 2).collect();
                let message = parse(&block);
                if message.kind.is_empty() {
                    continue;
                }
                return Some(message);
            }
            let frame = self.body.frame().await?.ok()?.into_data().ok()?;
            self.waiting.push_str(std::str::from_utf8(&frame).unwrap());
        }
    }
}

fn parse(block: &str) -> Message {
    let mut message = Message::default();
    for line in block.lines() {
        match line.split_once(": ") {
            Some(("id", id)) => message.id = id.parse().ok(),
            Some(("event", kind)) => message.kind = kind.to_owned(),
            Some(("data", data)) => message.data = serde_json::from_str(data).unwrap(),
            _ => {}
        }
    }
    message
}

#[tokio::test]
async fn a_stream_that_is_cut_again_and_again_loses_and_repeats_nothing() {
    let mut rehearsal = Rehearsal::new().await;
    let router = router(rehearsal.engine(), CancellationToken::new());
    let build = rehearsal.ask().await;
    rehearsal.start();
    let (mut told, mut last, mut streams) = (Vec::new(), None, 0);
    let end = 'all: loop {
        streams += 1;
        // A browser asks for the same address each time; what it saw last is in the header.
        let mut stream = Stream::open(&router, &build, "?after=0", last).await;
        // Cut after one event, after two, after three.
        for _ in 0..streams {
            let message = stream.next().await.expect("the stream goes on to the end");
            if message.kind == "end" {
                break 'all message;
            }
            assert_eq!(message.kind, "event", "{message:?}");
            assert_eq!(message.data["seq"].as_u64(), message.id);
            last = message.id;
            told.push(message.id.unwrap());
        }
    };
    assert_eq!(end.data["state"], "succeeded");
    assert!(streams > 5, "it was cut: {streams}");
    let page = rehearsal.engine().events(&build, 0, 2000).await.unwrap();
    let all: Vec<u64> = page.events.iter().map(|event| event.seq).collect();
    assert_eq!(told, all);
    rehearsal.stop().await;
}

#[tokio::test]
async fn a_reader_that_knows_everything_hears_the_end_at_once() {
    let mut rehearsal = Rehearsal::new().await;
    let router = router(rehearsal.engine(), CancellationToken::new());
    let build = rehearsal.ask().await;
    rehearsal.start();
    rehearsal.ended(&build).await;
    let last = rehearsal
        .engine()
        .events(&build, 0, 2000)
        .await
        .unwrap()
        .next;
    let mut stream = Stream::open(&router, &build, "", Some(last)).await;
    assert_eq!(stream.next().await.unwrap().kind, "end");
    assert!(stream.next().await.is_none());
    rehearsal.stop().await;
}

#[tokio::test]
async fn a_stream_ends_with_the_server() {
    let rehearsal = Rehearsal::new().await;
    let stop = CancellationToken::new();
    let router = router(rehearsal.engine(), stop.clone());
    let build = rehearsal.ask().await;
    let mut stream = Stream::open(&router, &build, "", None).await;
    stop.cancel();
    while stream.next().await.is_some() {}
}
