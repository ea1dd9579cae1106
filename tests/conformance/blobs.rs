//! Blobs: mounts, HEAD, ranges, conditions, and the two that look special (rules 8, 9, 10, 19).

use reqwest::{Method, StatusCode};

use crate::support::{header, on_each_backend, refused, sha256};

const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[tokio::test]
async fn rule_08_a_mount_gives_the_blob_or_an_upload() {
    on_each_backend(async |registry| {
        let digest = registry.push_blob("from", b"shared").await;
        let missing = sha256(b"missing");
        let cases = [
            (format!("mount={digest}&from=from"), StatusCode::CREATED),
            (format!("mount={digest}"), StatusCode::CREATED),
            (
                format!("mount={digest}&from=elsewhere"),
                StatusCode::ACCEPTED,
            ),
            (format!("mount={missing}&from=from"), StatusCode::ACCEPTED),
            (format!("mount={missing}"), StatusCode::ACCEPTED),
        ];
        for (number, (query, status)) in cases.into_iter().enumerate() {
            let path = format!("/v2/to/{number}/blobs/uploads/?{query}");
            let response = registry.send(Method::POST, &path).await;
            assert_eq!(response.status(), status, "{query}");
            let location = header(response.headers(), "location");
            assert_eq!(
                location.contains("/uploads/"),
                status == StatusCode::ACCEPTED
            );
            let there = registry
                .head(&format!("/v2/to/{number}/blobs/{digest}"))
                .await
                .status();
            assert_eq!(
                there == StatusCode::OK,
                status == StatusCode::CREATED,
                "{query}"
            );
        }
        let bad = registry
            .send(Method::POST, "/v2/to/blobs/uploads/?mount=sha256:x")
            .await;
        refused(bad, 400, "DIGEST_INVALID").await;
    })
    .await;
}

#[tokio::test]
async fn rule_09_head_says_what_get_says() {
    on_each_backend(async |registry| {
        let manifest = registry.push_image("a", "v1", b"layer").await;
        let blob = sha256(b"layer");
        let none = sha256(b"none");
        let paths = [
            format!("/v2/a/blobs/{blob}"),
            "/v2/a/manifests/v1".to_owned(),
            format!("/v2/a/manifests/{manifest}"),
            format!("/v2/a/blobs/{none}"),
            format!("/v2/a/manifests/{none}"),
        ];
        for path in paths {
            let (get, head) = (registry.get(&path).await, registry.head(&path).await);
            assert_eq!(get.status(), head.status(), "{path}");
            for name in [
                "content-length",
                "content-type",
                "docker-content-digest",
                "accept-ranges",
                "etag",
            ] {
                assert_eq!(
                    get.headers().get(name),
                    head.headers().get(name),
                    "{name} of {path}"
                );
            }
            assert_eq!(
                get.headers().contains_key("docker-content-digest"),
                get.status() == StatusCode::OK
            );
            assert!(head.bytes().await.expect("a body").is_empty());
        }
    })
    .await;
}

#[tokio::test]
async fn rule_10_ranges_and_conditional_requests() {
    on_each_backend(async |registry| {
        let content: Vec<u8> = (0..2_000_000_u32)
            .map(|number| (number % 251) as u8)
            .collect();
        let digest = registry.push_blob("a", &content).await;
        let path = format!("/v2/a/blobs/{digest}");
        let size = content.len();
        let cases = [
            ("bytes=500-1499", Some(500..1500)),
            ("bytes=500-", Some(500..size)),
            ("bytes=-500", Some(size - 500..size)),
            ("bytes=1999999-9999999", Some(size - 1..size)),
            ("bytes=0-1048576", Some(0..1_048_577)),
            ("bytes=2000000-", None),
            ("bytes=-0", None),
            ("bytes=500-0", None),
        ];
        for (range, expected) in cases {
            let response = registry
                .request(Method::GET, &path)
                .header("range", range)
                .send()
                .await;
            let response = response.expect("an answer");
            match expected {
                Some(part) => {
                    assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT, "{range}");
                    let said = header(response.headers(), "content-range");
                    assert_eq!(
                        said,
                        format!("bytes {}-{}/{size}", part.start, part.end - 1)
                    );
                    assert!(
                        response.bytes().await.expect("a body") == content[part],
                        "{range}"
                    );
                }
                None => {
                    assert_eq!(
                        response.status(),
                        StatusCode::RANGE_NOT_SATISFIABLE,
                        "{range}"
                    );
                    assert_eq!(
                        header(response.headers(), "content-range"),
                        format!("bytes */{size}")
                    );
                }
            }
        }
        for ignored in ["lines=1-2", "bytes=0-1,3-4", "bytes", "bytes=a-b"] {
            let response = registry
                .request(Method::GET, &path)
                .header("range", ignored)
                .send()
                .await;
            assert_eq!(
                response.expect("an answer").status(),
                StatusCode::OK,
                "{ignored}"
            );
        }
        let tag = format!("\"{digest}\"");
        let request = registry
            .request(Method::GET, &path)
            .header("if-none-match", &tag);
        assert_eq!(
            request.send().await.expect("an answer").status(),
            StatusCode::NOT_MODIFIED
        );
        let request = registry
            .request(Method::GET, &path)
            .header("if-range", "\"other\"");
        let whole = request
            .header("range", "bytes=0-1")
            .send()
            .await
            .expect("an answer");
        assert_eq!(whole.status(), StatusCode::OK);
    })
    .await;
}

#[tokio::test]
async fn rule_19_the_empty_blob_and_empty_json_are_ordinary() {
    on_each_backend(async |registry| {
        for content in [&b""[..], b"{}"] {
            let digest = sha256(content);
            let path = format!("/v2/a/blobs/{digest}");
            refused(registry.get(&path).await, 404, "BLOB_UNKNOWN").await;
            let single = registry.request(
                Method::POST,
                &format!("/v2/a/blobs/uploads/?digest={digest}"),
            );
            let response = single.body(content).send().await.expect("an answer");
            assert_eq!(response.status(), StatusCode::CREATED);
            assert_eq!(registry.push_blob("a", content).await, digest);
            let head = registry.head(&path).await;
            assert_eq!(
                header(head.headers(), "content-length"),
                content.len().to_string()
            );
            assert_eq!(
                registry.get(&path).await.bytes().await.expect("a body"),
                content
            );
            assert_eq!(registry.delete(&path).await.status(), StatusCode::ACCEPTED);
            refused(registry.get(&path).await, 404, "BLOB_UNKNOWN").await;
        }
        assert_eq!(sha256(b"").as_str(), EMPTY);
    })
    .await;
}
