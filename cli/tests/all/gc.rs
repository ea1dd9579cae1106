//! What those who run a server do with it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::program::{Server, packyard, text};

#[test]
fn garbage_is_counted_then_collected() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let variables = [
        ("PACKYARD_GC_INTERVAL_SECS", "0"),
        ("PACKYARD_GC_GRACE_SECS", "0"),
    ];
    let server = Server::start_with(&data, &[], &variables);
    packyard(&["pack", "new", "kept", "--output", text(folder.path())]).ends(0, &[]);
    let pack = folder.path().join("kept");
    server.run(&["pack", "push", text(&pack)]).ends(0, &[]);
    // What a crash between rename and commit leaves.
    let hex = "ab".repeat(32);
    let shelf = data.join("registry/blobs/sha256/ab");
    std::fs::create_dir_all(&shelf).expect("a folder");
    std::fs::write(shelf.join(&hex), b"orphan").expect("written");

    let expected = json!({
        "uploads": 0, "manifests": 0, "rights": 0, "blobs": 0, "orphans": 1, "freedBytes": 6
    });
    let told = server.run(&["admin", "gc", "--dry-run", "--json"]).json();
    assert_eq!(told["removed"], expected);
    assert_eq!(told["dryRun"], true);
    assert!(shelf.join(&hex).exists());
    let done = server.run(&["admin", "gc"]).ends(0, &[]).stdout;
    assert!(
        done.contains("orphaned objects") && done.contains("GONE"),
        "{done}"
    );
    assert!(!shelf.join(&hex).exists());
    let again = server.run(&["admin", "gc", "--json"]).json();
    assert_eq!(again["removed"]["orphans"], 0);
    assert_eq!(again["running"], false);

    let metrics = get(server.host(), "/metrics");
    for line in [
        "packyard_registry_gc_removed_total{kind=\"orphan\"} 1",
        "packyard_registry_gc_freed_bytes_total 6",
        "packyard_registry_gc_runs_total{result=\"success\"} 3",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    let out = folder.path().join("out");
    server
        .run(&["pack", "pull", "kept:0.1.0", "--output", text(&out)])
        .ends(0, &[]);
}

#[test]
fn a_schedule_collects_by_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let shelf = data.join("registry/blobs/sha256/cd");
    std::fs::create_dir_all(&shelf).expect("a folder");
    let orphan = shelf.join("cd".repeat(32));
    std::fs::write(&orphan, b"orphan").expect("written");
    let variables = [("PACKYARD_GC_GRACE_SECS", "0")];
    let server = Server::start_with(&data, &[], &variables);
    // Due at once, as none ever ran.
    let started = Instant::now();
    let ended = "packyard_registry_gc_runs_total{result=\"success\"} 1";
    while !get(server.host(), "/metrics").contains(ended) {
        assert!(started.elapsed() < Duration::from_secs(60), "none ran");
    }
    assert!(!orphan.exists());
}

/// An answer's text, by hand: no client of ours speaks to /metrics.
fn get(host: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(host).expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}
