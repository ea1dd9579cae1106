//! Clients that are slow, silent or many do not stop the others.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Registry, on_each_backend, on_each_backend_with, sha256};

/// As many as a registry may have of idle clients.
const IDLE: u64 = 10_000;
/// What a push and a pull may take beside them, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn ten_thousand_idle_connections_do_not_stop_others() {
    let connections = raise_descriptors().min(IDLE);
    e2e::report("idle connections held", connections);
    let long = "server.header_timeout_secs = 600";
    on_each_backend_with(long, async |registry| {
        let mut idle = Vec::new();
        for number in 0..connections {
            let mut stream = connect(&registry).await;
            // Half say nothing at all, half stop in the middle of a header.
            if number % 2 == 0 {
                stream
                    .write_all(b"GET /v2/ HTTP/1.1\r\nHo")
                    .await
                    .expect("sent");
            }
            idle.push(stream);
        }
        works_within(&registry, PATIENCE).await;
        drop(idle);
    })
    .await;
}

#[tokio::test]
async fn slow_readers_and_writers_do_not_stop_others() {
    on_each_backend(async |registry| {
        let large = vec![7; 8 << 20];
        let digest = registry.push_blob("slow", &large).await;
        let mut slow = Vec::new();
        for _ in 0..200 {
            let mut reader = connect(&registry).await;
            let request =
                format!("GET /v2/slow/blobs/{digest} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            reader.write_all(request.as_bytes()).await.expect("sent");
            let location = registry.begin("slow").await;
            let mut writer = connect(&registry).await;
            let request = format!(
                "PATCH {location} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nx"
            );
            writer.write_all(request.as_bytes()).await.expect("sent");
            slow.push((reader, writer));
        }
        works_within(&registry, PATIENCE).await;
        drop(slow);
    })
    .await;
}

#[tokio::test]
async fn who_falls_silent_is_let_go_in_each_phase() {
    let short = "server.header_timeout_secs = 1\nserver.stall_timeout_secs = 1";
    on_each_backend_with(short, async |registry| {
        let location = registry.begin("a").await;
        let half_a_body =
            format!("PATCH {location} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nab");
        let phases = [
            ("", ""),
            ("GET /v2/ HTTP/1.1\r\nHost: loc", ""),
            (
                "GET /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
                "HTTP/1.1 200",
            ),
            (half_a_body.as_str(), "HTTP/1.1 408"),
        ];
        for (sent, answer) in phases {
            let mut stream = connect(&registry).await;
            stream.write_all(sent.as_bytes()).await.expect("sent");
            let mut got = Vec::new();
            let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut got)).await;
            assert!(ended.is_ok(), "still open after {sent:?}");
            let got = String::from_utf8_lossy(&got);
            assert!(
                got.starts_with(answer),
                "{sent:?} was answered with {got:?}"
            );
        }
        let state = registry.get(&location).await;
        let range = state.headers().get("range").cloned();
        assert_eq!(range.expect("a range"), "0-1", "what came is kept");
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_let_go() {
    let short = "server.stall_timeout_secs = 1";
    on_each_backend_with(short, async |registry| {
        let large = vec![7; 32 << 20];
        let digest = registry.push_blob("a", &large).await;
        let mut stream = connect(&registry).await;
        let request = format!("GET /v2/a/blobs/{digest} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        tokio::time::sleep(Duration::from_secs(4)).await;
        let mut got = Vec::new();
        let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut got)).await;
        assert!(ended.is_ok(), "still open");
        assert!(got.len() < large.len(), "the rest was not sent");
    })
    .await;
}

#[tokio::test]
async fn beyond_the_bound_on_connections_clients_are_told_to_come_back() {
    on_each_backend_with("server.max_connections = 3", async |registry| {
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(connect(&registry).await);
        }
        let request = b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let refused = |answer: &str| {
            answer.starts_with("HTTP/1.1 503")
                && answer.contains("TOOMANYREQUESTS")
                && answer.to_lowercase().contains("retry-after: ")
        };
        let answer = until(async || {
            let answer = registry.raw(request).await;
            refused(&answer).then_some(answer)
        });
        answer.await;
        drop(held);
        until(async || {
            let answer = registry.raw(request).await;
            answer.starts_with("HTTP/1.1 200").then_some(())
        })
        .await;
    })
    .await;
}

/// A push and a pull, timed.
async fn works_within(registry: &Registry, patience: Duration) {
    let started = Instant::now();
    let digest = registry.push_image("others", "v1", b"a layer").await;
    assert_eq!(digest.len(), 71);
    let blob = registry
        .get(&format!("/v2/others/blobs/{}", sha256(b"a layer")))
        .await;
    assert_eq!(blob.status(), StatusCode::OK);
    let took = started.elapsed();
    e2e::report("a push and a pull beside them, ms", took.as_millis());
    assert!(took < patience, "it took {took:?}");
}

async fn connect(registry: &Registry) -> TcpStream {
    TcpStream::connect(registry.host())
        .await
        .expect("a connection")
}

/// How many descriptors this process may have, as many as it can get, less some for itself.
fn raise_descriptors() -> u64 {
    const OWN: u64 = 1100;
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, wanted).expect("a process may raise its own bound");
    limit.maximum.unwrap_or(u64::MAX).saturating_sub(OWN)
}

/// Asks until there is an answer; gives up after a while.
async fn until<T>(ask: impl AsyncFn() -> Option<T>) -> T {
    let asked = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    asked.await.expect("what was waited for")
}
