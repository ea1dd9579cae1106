//! Parts of blobs: over a line that breaks, from servers that know no ranges, from ones that lie,
//! and from another place that the server names.

use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::StreamExt as _;
use http::{HeaderMap, StatusCode, Uri};
use registry_client::{ClientError, Descriptor};
use registry_pack::Digest;

use crate::server::{Recorder, client, noise, repository, serve};

/// What this server makes of a range.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Habit {
    Answers,
    /// Sends everything, as RFC 9110 allows.
    Ignores,
    /// Says that it sends what begins a byte later.
    Shifts,
    /// Says that the blob has another length.
    Resizes,
    /// Says nothing of what it sends.
    Omits,
    /// Sends more than it says.
    Overflows,
    /// Names another place.
    Redirects,
}

struct Blob {
    bytes: Vec<u8>,
    habit: Habit,
    /// How many answers are cut in the middle.
    cuts: usize,
    asked: Vec<Range<usize>>,
    under_way: usize,
    most_under_way: usize,
}

type Shared = Arc<Mutex<Blob>>;

async fn handle(State(shared): State<Shared>, uri: Uri, headers: HeaderMap) -> Response {
    let mut blob = shared.lock().expect("a lock");
    if blob.habit == Habit::Redirects && uri.query().is_none() {
        let place = format!("{}?signature=1", uri.path());
        return (StatusCode::TEMPORARY_REDIRECT, [("location", place)]).into_response();
    }
    let range = headers["range"].to_str().expect("text");
    let (start, last) = range
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
        .expect("a range");
    let asked = start.parse().expect("a number")..last.parse::<usize>().expect("a number") + 1;
    blob.asked.push(asked.clone());
    if blob.habit == Habit::Ignores {
        return blob.bytes.clone().into_response();
    }
    blob.under_way += 1;
    blob.most_under_way = blob.most_under_way.max(blob.under_way);
    let mut bytes = blob.bytes[asked.clone()].to_vec();
    if blob.habit == Habit::Overflows {
        bytes.push(0);
    }
    let cut = blob.cuts > 0;
    blob.cuts = blob.cuts.saturating_sub(1);
    let content_range = match blob.habit {
        Habit::Shifts => format!(
            "bytes {}-{}/{}",
            asked.start + 1,
            asked.end,
            blob.bytes.len()
        ),
        Habit::Resizes => format!("bytes {}-{}/7", asked.start, asked.end - 1),
        _ => format!(
            "bytes {}-{}/{}",
            asked.start,
            asked.end - 1,
            blob.bytes.len()
        ),
    };
    drop(blob);
    let mut response = (
        StatusCode::PARTIAL_CONTENT,
        body(shared.clone(), bytes, cut),
    )
        .into_response();
    if shared.lock().expect("a lock").habit != Habit::Omits {
        let value = content_range.parse().expect("a header");
        response.headers_mut().insert("content-range", value);
    }
    response
}

/// After a moment, in which others may come.
fn body(shared: Shared, mut bytes: Vec<u8>, cut: bool) -> Body {
    if cut {
        bytes.truncate(bytes.len() / 2);
    }
    let start = futures::stream::once(async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        shared.lock().expect("a lock").under_way -= 1;
        Ok(Bytes::from(bytes))
    });
    let end = futures::stream::iter(cut.then_some(())).then(|()| async {
        // Time for what was sent to arrive; a broken body takes along what still waits.
        tokio::time::sleep(Duration::from_millis(100)).await;
        Err(std::io::Error::other("cut"))
    });
    Body::from_stream(start.chain(end))
}

struct Pulled {
    blob: Blob,
    result: Result<(), ClientError>,
    file: Vec<u8>,
    positions: Vec<u64>,
}

async fn pull(bytes: &[u8], habit: Habit, cuts: usize, ranges: &[Range<u64>]) -> Pulled {
    let shared = Arc::new(Mutex::new(Blob {
        bytes: bytes.to_vec(),
        habit,
        cuts,
        asked: Vec::new(),
        under_way: 0,
        most_under_way: 0,
    }));
    let router = Router::new().fallback(handle).with_state(shared.clone());
    let client = client(&serve(router).await, None);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, vec![0; bytes.len()]).expect("written");
    let blob = Descriptor::new("x/y", Digest::sha256(bytes), bytes.len() as u64);
    let recorder = Recorder::default();
    let result = client
        .pull_blob_ranges(&repository(), &blob, ranges, &file, &recorder)
        .await;
    let positions = recorder.0.lock().expect("a lock").clone();
    drop(client);
    let nothing = Blob {
        bytes: Vec::new(),
        habit,
        cuts: 0,
        asked: Vec::new(),
        under_way: 0,
        most_under_way: 0,
    };
    let blob = std::mem::replace(&mut *shared.lock().expect("a lock"), nothing);
    Pulled {
        blob,
        result,
        file: std::fs::read(&file).expect("a file"),
        positions,
    }
}

fn one(range: Range<u64>) -> Vec<Range<u64>> {
    vec![range]
}

/// The bytes where the ranges are, zeros elsewhere.
fn expected(bytes: &[u8], ranges: &[Range<u64>]) -> Vec<u8> {
    let mut expected = vec![0; bytes.len()];
    for range in ranges {
        let range = range.start as usize..range.end as usize;
        expected[range.clone()].copy_from_slice(&bytes[range]);
    }
    expected
}

#[tokio::test]
async fn parts_go_where_they_belong_and_nothing_else_is_asked_for() {
    let bytes = noise(300_000);
    let ranges = [0..10, 50_000..150_000, 299_999..300_000];
    let pulled = pull(&bytes, Habit::Answers, 0, &ranges).await;
    pulled.result.expect("pulled");
    assert!(pulled.file == expected(&bytes, &ranges));
    let mut asked = pulled.blob.asked;
    asked.sort_by_key(|range| range.start);
    assert_eq!(asked, [0..10, 50_000..150_000, 299_999..300_000]);
    assert_eq!(pulled.positions.iter().max(), Some(&100_011));
}

#[tokio::test]
async fn a_large_part_is_asked_for_in_pieces() {
    let bytes = noise((16 << 20) + 5);
    let all = one(0..bytes.len() as u64);
    let pulled = pull(&bytes, Habit::Answers, 0, &all).await;
    pulled.result.expect("pulled");
    assert!(pulled.file == bytes);
    assert_eq!(pulled.blob.asked.len(), 3);
}

#[tokio::test]
async fn many_parts_are_asked_for_at_once_and_not_all_of_them() {
    let bytes = noise(100_000);
    let ranges: Vec<Range<u64>> = (0..40).map(|at| at * 2_000..at * 2_000 + 700).collect();
    let pulled = pull(&bytes, Habit::Answers, 0, &ranges).await;
    pulled.result.expect("pulled");
    assert!(pulled.file == expected(&bytes, &ranges));
    let most = pulled.blob.most_under_way;
    assert!((2..=8).contains(&most), "{most}");
}

#[tokio::test]
async fn cut_parts_go_on_where_they_were() {
    let bytes = noise(400_000);
    let ranges = [0..100_000, 150_000..350_000];
    let pulled = pull(&bytes, Habit::Answers, 3, &ranges).await;
    pulled.result.expect("pulled");
    assert!(pulled.file == expected(&bytes, &ranges));
    let begins = |begin: usize| pulled.blob.asked.iter().any(|range| range.start == begin);
    assert!(begins(50_000) && begins(250_000), "{:?}", pulled.blob.asked);
    assert_eq!(pulled.positions.iter().max(), Some(&300_000));
}

#[tokio::test]
async fn a_server_that_ignores_ranges_is_told_apart() {
    let bytes = noise(50_000);
    let pulled = pull(&bytes, Habit::Ignores, 0, &one(10..20)).await;
    let result = pulled.result;
    assert!(
        matches!(result, Err(ClientError::Unsupported { .. })),
        "{result:?}"
    );
    assert_eq!(pulled.blob.asked.len(), 1, "it is not asked again");
    assert!(pulled.file == vec![0; 50_000]);
}

#[tokio::test]
async fn a_range_that_was_not_asked_for_is_refused() {
    let bytes = noise(50_000);
    for habit in [Habit::Shifts, Habit::Resizes, Habit::Omits] {
        let pulled = pull(&bytes, habit, 0, &one(10..20)).await;
        let result = pulled.result;
        assert!(
            matches!(result, Err(ClientError::Protocol { .. })),
            "{result:?}"
        );
        assert!(pulled.file == vec![0; 50_000]);
    }
    let result = pull(&bytes, Habit::Overflows, 0, &one(10..20)).await.result;
    assert!(
        matches!(result, Err(ClientError::Protocol { .. })),
        "{result:?}"
    );
}

#[tokio::test]
async fn a_range_is_asked_for_again_at_the_place_that_the_server_names() {
    let bytes = noise(50_000);
    let pulled = pull(&bytes, Habit::Redirects, 1, &one(1_000..30_000)).await;
    pulled.result.expect("pulled");
    assert!(pulled.file == expected(&bytes, &one(1_000..30_000)));
}

#[tokio::test]
async fn what_is_behind_the_blob_is_not_asked_for() {
    let bytes = noise(1_000);
    let pulled = pull(&bytes, Habit::Answers, 0, &[0..10, 990..1_001]).await;
    let result = pulled.result;
    assert!(matches!(result, Err(ClientError::Usage(_))), "{result:?}");
    assert!(pulled.blob.asked.is_empty());
}
