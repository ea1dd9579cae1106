//! Downloads over a line that breaks, and from servers that lie.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::StreamExt as _;
use http::{HeaderMap, StatusCode};
use registry_client::{ClientError, Descriptor};
use registry_pack::Digest;

use crate::server::{Recorder, client, noise, repository, serve};

struct Blob {
    bytes: Vec<u8>,
    /// After how many bytes of an answer to cut it, answer by answer.
    cuts: Vec<usize>,
    /// Whether it understands ranges.
    ranges: bool,
    asked: Vec<Option<String>>,
}

type Shared = Arc<Mutex<Blob>>;

async fn handle(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    let mut blob = shared.lock().expect("a lock");
    let range = headers
        .get("range")
        .map(|value| value.to_str().expect("text").to_owned());
    blob.asked.push(range.clone());
    let start: usize = match &range {
        Some(range) if blob.ranges => range
            .trim_start_matches("bytes=")
            .trim_end_matches('-')
            .parse()
            .expect("a number"),
        _ => 0,
    };
    let rest = blob.bytes[start..].to_vec();
    let cut = if blob.cuts.is_empty() {
        usize::MAX
    } else {
        blob.cuts.remove(0)
    };
    let total = blob.bytes.len();
    let pieces: Vec<std::io::Result<Bytes>> = rest[..cut.min(rest.len())]
        .chunks(10_000)
        .map(|piece| Ok(Bytes::copy_from_slice(piece)))
        .collect();
    let is_cut = cut < rest.len();
    let end = futures::stream::iter(is_cut.then_some(())).then(|()| async {
        // Time for what was sent to arrive; a broken body takes along what still waits.
        tokio::time::sleep(Duration::from_millis(100)).await;
        Err(std::io::Error::other("cut"))
    });
    let body = Body::from_stream(futures::stream::iter(pieces).chain(end));
    match start {
        0 => body.into_response(),
        _ => {
            let content_range = format!("bytes {start}-{}/{total}", total - 1);
            (
                StatusCode::PARTIAL_CONTENT,
                [("content-range", content_range)],
                body,
            )
                .into_response()
        }
    }
}

struct Pulled {
    shared: Shared,
    result: Result<(), ClientError>,
    file: Option<Vec<u8>>,
    left: usize,
}

async fn pull(blob: Blob, descriptor: Descriptor) -> Pulled {
    let shared = Arc::new(Mutex::new(blob));
    let router = Router::new()
        .fallback(handle)
        .with_state(Arc::clone(&shared));
    let client = client(&serve(router).await, None);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    let result = client
        .pull_blob_to_file(&repository(), &descriptor, &file, &Recorder::default())
        .await;
    Pulled {
        shared,
        result,
        file: std::fs::read(&file).ok(),
        left: std::fs::read_dir(folder.path()).expect("a folder").count(),
    }
}

fn blob(bytes: &[u8], cuts: &[usize], ranges: bool) -> Blob {
    Blob {
        bytes: bytes.to_vec(),
        cuts: cuts.to_vec(),
        ranges,
        asked: Vec::new(),
    }
}

fn described(bytes: &[u8]) -> Descriptor {
    Descriptor::new(
        "application/octet-stream",
        Digest::sha256(bytes),
        bytes.len() as u64,
    )
}

#[tokio::test]
async fn a_cut_download_goes_on_where_it_was() {
    let bytes = noise(200_000);
    let pulled = pull(blob(&bytes, &[60_000, 50_000], true), described(&bytes)).await;
    pulled.result.expect("pulled");
    assert_eq!(pulled.file.as_deref(), Some(bytes.as_slice()));
    let asked = &pulled.shared.lock().expect("a lock").asked;
    assert_eq!(asked[0], None);
    // What was on its way when the line broke may be lost; what had arrived is not asked for again.
    assert!(
        asked[1..].iter().flatten().any(|range| range != "bytes=0-"),
        "{asked:?}"
    );
    assert_eq!(pulled.left, 1);
}

#[tokio::test]
async fn a_server_without_ranges_is_asked_for_the_whole_again() {
    let bytes = noise(100_000);
    let pulled = pull(blob(&bytes, &[60_000], false), described(&bytes)).await;
    pulled.result.expect("pulled");
    assert_eq!(pulled.file.as_deref(), Some(bytes.as_slice()));
}

#[tokio::test]
async fn wrong_bytes_leave_no_file() {
    let bytes = noise(50_000);
    let mut other = bytes.clone();
    other[40_000] ^= 1;
    let pulled = pull(blob(&other, &[], true), described(&bytes)).await;
    assert!(
        matches!(pulled.result, Err(ClientError::Corrupt { .. })),
        "{:?}",
        pulled.result
    );
    assert_eq!((pulled.file, pulled.left), (None, 0));
}

#[tokio::test]
async fn more_bytes_than_announced_are_refused() {
    let bytes = noise(50_000);
    let mut announced = described(&bytes);
    announced.size_bytes = 49_999;
    let pulled = pull(blob(&bytes, &[], true), announced).await;
    assert!(
        matches!(pulled.result, Err(ClientError::Corrupt { .. })),
        "{:?}",
        pulled.result
    );
    assert_eq!(pulled.left, 0);
}
