//! Uploads over a line that breaks.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use http::{Method, StatusCode};
use registry_client::{ClientError, NoProgress};
use registry_pack::Digest;

use crate::server::{Recorder, client, noise, repository, serve};

/// A registry with one upload, which cuts it where it is told to.
#[derive(Default)]
struct Registry {
    stored: Vec<u8>,
    done: Option<Vec<u8>>,
    /// After how many bytes of a request to cut it, request by request.
    cuts: Vec<usize>,
    /// Forget the session at the next question for its offset.
    forget: bool,
    sessions: u32,
    requests: Vec<String>,
}

type Shared = Arc<Mutex<Registry>>;

async fn handle(State(shared): State<Shared>, request: Request) -> Response {
    let line = format!(
        "{} {}",
        request.method(),
        request.uri().path().rsplit('/').next().unwrap_or_default()
    );
    shared.lock().expect("a lock").requests.push(line);
    let session = [("location", "/v2/library/x/blobs/uploads/one?state=a")];
    match *request.method() {
        Method::HEAD => match &shared.lock().expect("a lock").done {
            Some(_) => StatusCode::OK.into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        },
        Method::POST => {
            let mut registry = shared.lock().expect("a lock");
            registry.sessions += 1;
            registry.stored.clear();
            (StatusCode::ACCEPTED, session).into_response()
        }
        Method::GET => {
            let mut registry = shared.lock().expect("a lock");
            if std::mem::take(&mut registry.forget) {
                return StatusCode::NOT_FOUND.into_response();
            }
            let end = registry.stored.len().saturating_sub(1);
            (
                StatusCode::NO_CONTENT,
                session,
                [("range", format!("0-{end}"))],
            )
                .into_response()
        }
        Method::PATCH => match receive(&shared, request).await {
            Ok(()) => (StatusCode::ACCEPTED, session).into_response(),
            Err(refused) => refused,
        },
        Method::PUT => {
            let digest = request
                .uri()
                .query()
                .unwrap_or_default()
                .rsplit("digest=")
                .next()
                .unwrap_or_default();
            let digest = digest.replace("%3A", ":");
            if let Err(refused) = receive(&shared, request).await {
                return refused;
            }
            let mut registry = shared.lock().expect("a lock");
            if Digest::sha256(&registry.stored).as_str() != digest {
                let body = r#"{"errors":[{"code":"DIGEST_INVALID","message":"other bytes"}]}"#;
                return (StatusCode::BAD_REQUEST, body).into_response();
            }
            registry.done = Some(registry.stored.clone());
            StatusCode::CREATED.into_response()
        }
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

async fn receive(shared: &Shared, request: Request) -> Result<(), Response> {
    let range = request
        .headers()
        .get("content-range")
        .map(|value| value.to_str().expect("text").to_owned());
    if let Some(range) = range {
        let start: usize = range
            .split('-')
            .next()
            .expect("a start")
            .parse()
            .expect("a number");
        if start != shared.lock().expect("a lock").stored.len() {
            return Err(StatusCode::RANGE_NOT_SATISFIABLE.into_response());
        }
    }
    let cut = {
        let mut registry = shared.lock().expect("a lock");
        if registry.cuts.is_empty() {
            usize::MAX
        } else {
            registry.cuts.remove(0)
        }
    };
    let mut pieces = request.into_body().into_data_stream();
    let mut seen = 0;
    while let Some(piece) = pieces.next().await {
        let piece = piece.expect("a piece");
        let keep = piece.len().min(cut - seen);
        shared
            .lock()
            .expect("a lock")
            .stored
            .extend_from_slice(&piece[..keep]);
        seen += keep;
        if seen == cut {
            // A body that never comes, on a connection that is then closed.
            let broken =
                futures::stream::iter([Err::<bytes::Bytes, _>(std::io::Error::other("cut"))]);
            return Err(Response::new(Body::from_stream(broken)));
        }
    }
    Ok(())
}

async fn push(registry: Registry, bytes: &[u8]) -> (Shared, Result<u64, ClientError>, Recorder) {
    let shared: Shared = Arc::new(Mutex::new(registry));
    let router = Router::new()
        .fallback(handle)
        .with_state(Arc::clone(&shared));
    let client = client(&serve(router).await, None);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, bytes).expect("written");
    let recorder = Recorder::default();
    let pushed = client
        .push_file(&repository(), &file, None, &recorder)
        .await;
    (
        shared,
        pushed.map(|descriptor| descriptor.size_bytes),
        recorder,
    )
}

#[tokio::test]
async fn a_cut_upload_goes_on_from_the_servers_offset() {
    let bytes = noise(350_000);
    let cut = Registry {
        cuts: vec![30_000, 50_000, usize::MAX, 99_999],
        ..Registry::default()
    };
    let (shared, pushed, recorder) = push(cut, &bytes).await;
    assert_eq!(pushed.expect("pushed"), 350_000);
    let registry = shared.lock().expect("a lock");
    assert_eq!(registry.done.as_deref(), Some(bytes.as_slice()));
    assert_eq!(registry.sessions, 1, "{:?}", registry.requests);
    assert!(
        registry.requests.contains(&"GET one".to_owned()),
        "{:?}",
        registry.requests
    );
    assert_eq!(recorder.0.lock().expect("a lock").last(), Some(&350_000));
}

#[tokio::test]
async fn a_small_blob_takes_one_request_with_its_bytes() {
    let bytes = noise(50_000);
    let (shared, pushed, _) = push(Registry::default(), &bytes).await;
    assert_eq!(pushed.expect("pushed"), 50_000);
    assert_eq!(shared.lock().expect("a lock").requests.len(), 3);
}

#[tokio::test]
async fn a_forgotten_session_is_begun_again() {
    let bytes = noise(250_000);
    let forgetful = Registry {
        cuts: vec![10_000],
        forget: true,
        ..Registry::default()
    };
    let (shared, pushed, _) = push(forgetful, &bytes).await;
    assert_eq!(pushed.expect("pushed"), 250_000);
    assert_eq!(shared.lock().expect("a lock").sessions, 2);
}

#[tokio::test]
async fn what_is_there_is_not_sent() {
    let bytes = noise(10);
    let there = Registry {
        done: Some(bytes.clone()),
        ..Registry::default()
    };
    let (shared, pushed, _) = push(there, &bytes).await;
    assert_eq!(pushed.expect("pushed"), 10);
    assert_eq!(shared.lock().expect("a lock").requests.len(), 1);
}

#[tokio::test]
async fn bytes_that_changed_on_the_way_are_told_and_not_sent_again() {
    let shared: Shared = Arc::default();
    let router = Router::new()
        .fallback(handle)
        .with_state(Arc::clone(&shared));
    let client = client(&serve(router).await, None);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, b"after").expect("written");
    let digest = Some(Digest::sha256(b"before"));
    let pushed = client
        .push_file(&repository(), &file, digest, &NoProgress)
        .await;
    assert!(
        matches!(pushed, Err(ClientError::Corrupt { .. })),
        "{pushed:?}"
    );
    assert_eq!(shared.lock().expect("a lock").sessions, 1);
}
