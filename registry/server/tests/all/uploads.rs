//! Uploads under trouble: restarts, broken connections, rivals, many at once.

use std::sync::Arc;

use registry_pack::Digest;
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{IMAGE, Registry, header, refused};

#[tokio::test]
async fn an_upload_goes_on_after_a_restart() {
    let registry = Registry::start().await;
    let content: Vec<u8> = (0..3_000_000_u32)
        .map(|number| (number % 253) as u8)
        .collect();
    let digest = Digest::sha256(&content);
    let location = registry.begin("a").await;
    let first = content[..1_234_567].to_vec();
    registry
        .request(Method::PATCH, &location)
        .body(first)
        .send()
        .await
        .expect("an answer");
    let registry = registry.restart().await;
    let status = registry.get(&location).await;
    assert_eq!(header(status.headers(), "range"), "0-1234566");
    let rest = content[1_234_567..].to_vec();
    let put = registry
        .request(Method::PUT, &format!("{location}?digest={digest}"))
        .body(rest);
    assert_eq!(
        put.send().await.expect("an answer").status(),
        StatusCode::CREATED
    );
    let registry = registry.restart().await;
    let back = registry.get(&format!("/v2/a/blobs/{digest}")).await;
    assert!(back.bytes().await.expect("a body") == content);
    refused(registry.get(&location).await, 404, "BLOB_UPLOAD_UNKNOWN").await;
}

#[tokio::test]
async fn a_broken_connection_keeps_what_came() {
    let registry = Registry::start().await;
    let location = registry.begin("a").await;
    let mut stream = TcpStream::connect(&registry.address)
        .await
        .expect("a connection");
    let request =
        format!("PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n0123456789");
    stream.write_all(request.as_bytes()).await.expect("sent");
    drop(stream);
    let range = wait_for(async || {
        let status = registry.get(&location).await;
        let range = header(status.headers(), "range");
        (range != "0-0").then_some(range)
    })
    .await;
    assert_eq!(range, "0-9");
    let digest = Digest::sha256(b"0123456789abc");
    let put = registry.request(Method::PUT, &format!("{location}?digest={digest}"));
    let response = put
        .header("content-range", "10-12")
        .body("abc")
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_client_that_falls_silent_is_told_and_may_go_on() {
    let quick = std::time::Duration::from_millis(100);
    let registry = Registry::start_with(|config| config.body_idle = quick).await;
    let location = registry.begin("a").await;
    let request = format!(
        "PATCH {location} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 10\r\n\r\nabcd"
    );
    let answer = registry.raw(request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    let status = registry.get(&location).await;
    assert_eq!(header(status.headers(), "range"), "0-3");
}

#[tokio::test]
async fn only_one_request_at_a_time_writes_to_an_upload() {
    let registry = Registry::start().await;
    let location = registry.begin("a").await;
    let mut stream = TcpStream::connect(&registry.address)
        .await
        .expect("a connection");
    let request = format!(
        "PATCH {location} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 10\r\n\r\n01234"
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    wait_for(async || {
        let rival = registry
            .request(Method::PATCH, &location)
            .body("")
            .send()
            .await
            .expect("an answer");
        (rival.status() == StatusCode::CONFLICT).then_some(())
    })
    .await;
    let rival = registry.delete(&location).await;
    refused(rival, 409, "BLOB_UPLOAD_INVALID").await;
    stream.write_all(b"56789").await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    let status = registry.get(&location).await;
    assert_eq!(header(status.headers(), "range"), "0-9");
}

#[tokio::test]
async fn a_cancelled_upload_is_gone_with_its_bytes() {
    let registry = Registry::start().await;
    let location = registry.begin("a").await;
    registry
        .request(Method::PATCH, &location)
        .body("abc")
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        registry.delete(&location).await.status(),
        StatusCode::NO_CONTENT
    );
    refused(registry.get(&location).await, 404, "BLOB_UPLOAD_UNKNOWN").await;
    refused(registry.delete(&location).await, 404, "BLOB_UPLOAD_UNKNOWN").await;
    let uploads = registry.config.data_dir.join("uploads");
    assert_eq!(std::fs::read_dir(uploads).expect("a folder").count(), 0);
}

#[tokio::test]
async fn a_wrong_digest_leaves_no_bytes_behind() {
    let registry = Registry::start().await;
    let claimed = Digest::sha256(b"claimed");
    let put = registry.put_blob_as("a", b"other", claimed.as_str()).await;
    refused(put, 400, "DIGEST_INVALID").await;
    let path = format!("/v2/a/blobs/uploads/?digest={claimed}");
    let single = registry.request(Method::POST, &path).body("other");
    let response = single.send().await.expect("an answer");
    refused(response, 400, "DIGEST_INVALID").await;
    for folder in ["uploads", "blobs/sha256"] {
        let folder = registry.config.data_dir.join(folder);
        let files = std::fs::read_dir(&folder).map_or(0, Iterator::count);
        assert_eq!(files, 0, "{}", folder.display());
    }
}

#[tokio::test]
async fn a_blob_beyond_the_bound_is_refused() {
    let registry = Registry::start_with(|config| config.max_blob_bytes = 1000).await;
    registry.push_blob("a", &[1; 1000]).await;
    let large = vec![2; 3 << 20];
    let digest = Digest::sha256(&large);
    let single = registry.request(
        Method::POST,
        &format!("/v2/a/blobs/uploads/?digest={digest}"),
    );
    let response = single.body(large.clone()).send().await.expect("an answer");
    refused(response, 413, "SIZE_INVALID").await;
    let location = registry.begin("a").await;
    let patch = registry
        .request(Method::PATCH, &location)
        .body(large)
        .send()
        .await
        .expect("an answer");
    refused(patch, 413, "SIZE_INVALID").await;
    let staged: Vec<u64> = std::fs::read_dir(registry.config.data_dir.join("uploads"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").metadata().expect("its size").len())
        .collect();
    assert_eq!(
        staged,
        [0],
        "only the open upload is left, and it takes no room"
    );
    let put = registry.request(
        Method::PUT,
        &format!("{location}?digest={}", Digest::sha256(b"x")),
    );
    assert_eq!(
        put.body("x").send().await.expect("an answer").status(),
        StatusCode::CREATED
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_pushes_at_once_are_all_there_after_a_restart() {
    let registry = Arc::new(Registry::start().await);
    let pushes: Vec<_> = (0..100_u32)
        .map(|number| {
            let registry = Arc::clone(&registry);
            tokio::spawn(async move {
                // Every fourth push shares its layer with another one.
                let layer = vec![(number / 4) as u8; 300_000];
                let repository = format!("many/{}", number % 10);
                let tag = format!("v{number}");
                (
                    repository.clone(),
                    tag.clone(),
                    registry.push_image(&repository, &tag, &layer).await,
                )
            })
        })
        .collect();
    let mut pushed = Vec::new();
    for push in pushes {
        pushed.push(push.await.expect("a push"));
    }
    let registry = Arc::into_inner(registry)
        .expect("the last one")
        .restart()
        .await;
    for (repository, tag, digest) in pushed {
        let response = registry
            .get(&format!("/v2/{repository}/manifests/{tag}"))
            .await;
        assert_eq!(
            header(response.headers(), "docker-content-digest"),
            digest.as_str()
        );
        let manifest: serde_json::Value = response.json().await.expect("JSON");
        let layer = manifest["layers"][0]["digest"].as_str().expect("a digest");
        let blob = registry
            .get(&format!("/v2/{repository}/blobs/{layer}"))
            .await;
        let bytes = blob.bytes().await.expect("a body");
        assert_eq!(Digest::sha256(&bytes).as_str(), layer);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_never_sees_a_tag_older_than_the_last_answer() {
    let registry = Arc::new(Registry::start().await);
    let first = registry.image("a", b"first").await;
    let second = registry.image("a", b"second").await;
    let bodies = [first.to_string(), second.to_string()];
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let registry = Arc::clone(&registry);
            tokio::spawn(async move {
                for _ in 0..200 {
                    registry.get("/v2/a/manifests/moving").await;
                }
            })
        })
        .collect();
    for round in 0..60 {
        let body = &bodies[round % 2];
        registry
            .put_manifest("a", "moving", IMAGE, body.clone())
            .await;
        let seen = registry.get("/v2/a/manifests/moving").await;
        assert_eq!(
            header(seen.headers(), "docker-content-digest"),
            Digest::sha256(body.as_bytes()).as_str()
        );
    }
    for reader in readers {
        reader.await.expect("a reader");
    }
}

/// Asks until there is an answer; gives up after ten seconds.
async fn wait_for<T>(ask: impl AsyncFn() -> Option<T>) -> T {
    for _ in 0..500 {
        if let Some(found) = ask().await {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("what was waited for did not come");
}
