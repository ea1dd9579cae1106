//! Uploads: how they begin, go on and end (rules 1 to 7).

use reqwest::{Method, StatusCode};

use crate::support::{header, on_each_backend, refused, sha256};

const SHA512_ABC: &str = "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                          2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

#[tokio::test]
async fn rule_01_an_upload_starts_with_or_without_the_slash_at_the_end() {
    on_each_backend(async |registry| {
        for path in ["/v2/a/b/blobs/uploads/", "/v2/a/b/blobs/uploads"] {
            assert_eq!(
                registry.send(Method::POST, path).await.status(),
                StatusCode::ACCEPTED
            );
        }
    })
    .await;
}

#[tokio::test]
async fn rule_02_a_chunk_out_of_order_is_refused_and_the_upload_says_where_it_stands() {
    on_each_backend(async |registry| {
        let location = registry.begin("a").await;
        let status = registry.get(&location).await;
        assert_eq!(status.status(), StatusCode::NO_CONTENT);
        assert_eq!(header(status.headers(), "range"), "0-0");
        assert_eq!(header(status.headers(), "location"), location);
        let patch = |range: &'static str, body: &'static str| {
            registry
                .request(Method::PATCH, &location)
                .header("content-range", range)
                .body(body)
                .send()
        };
        let first = patch("0-3", "abcd").await.expect("an answer");
        assert_eq!(first.status(), StatusCode::ACCEPTED);
        assert_eq!(header(first.headers(), "range"), "0-3");
        let gap = patch("8-11", "ijkl").await.expect("an answer");
        assert_eq!(header(gap.headers(), "range"), "0-3");
        assert_eq!(header(gap.headers(), "location"), location);
        refused(gap, 416, "BLOB_UPLOAD_INVALID").await;
        let digest = sha256(b"abcdefgh");
        let put = |range: &'static str| {
            registry
                .request(Method::PUT, &format!("{location}?digest={digest}"))
                .header("content-range", range)
                .body("efgh")
                .send()
        };
        refused(
            put("0-3").await.expect("an answer"),
            416,
            "BLOB_UPLOAD_INVALID",
        )
        .await;
        assert_eq!(
            put("4-7").await.expect("an answer").status(),
            StatusCode::CREATED
        );
        assert_eq!(
            registry
                .get(&format!("/v2/a/blobs/{digest}"))
                .await
                .text()
                .await
                .expect("text"),
            "abcdefgh"
        );
    })
    .await;
}

#[tokio::test]
async fn rule_03_a_chunk_with_a_wrong_range_is_refused_before_a_byte_is_kept() {
    on_each_backend(async |registry| {
        let location = registry.begin("a").await;
        for range in ["bytes=0-3", "0-", "-3", "0-2", "0-9", "3-0", "x-y", "+0-+3"] {
            let request = registry
                .request(Method::PATCH, &location)
                .header("content-range", range);
            let response = request.body("abcd").send().await.expect("an answer");
            refused(response, 416, "BLOB_UPLOAD_INVALID").await;
            let status = registry.get(&location).await;
            assert_eq!(header(status.headers(), "range"), "0-0", "after {range}");
        }
        // The same without a length: what does not fit the range is found out while it comes.
        let request = format!(
            "PATCH {location} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Range: 0-1\r\n\
         Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n"
        );
        assert!(
            registry
                .raw(request.as_bytes())
                .await
                .starts_with("HTTP/1.1 416")
        );
        let digest = sha256(b"wxyz");
        let put = registry.request(Method::PUT, &format!("{location}?digest={digest}"));
        let response = put.body("wxyz").send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::CREATED);
    })
    .await;
}

#[tokio::test]
async fn rule_04_a_stream_without_length_and_range_is_taken() {
    on_each_backend(async |registry| {
    let location = registry.begin("a").await;
    let request = format!(
        "PATCH {location} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\
         \r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    );
    let answer = registry.raw(request.as_bytes()).await.to_lowercase();
    assert!(
        answer.starts_with("http/1.1 202") && answer.contains("range: 0-10"),
        "{answer}"
    );
    let digest = sha256(b"hello world");
    let response = registry
        .send(Method::PUT, &format!("{location}?digest={digest}"))
        .await;
    assert_eq!(response.status(), StatusCode::CREATED);
    })
    .await;
}

#[tokio::test]
async fn rule_05_a_wrong_digest_leaves_no_blob_behind() {
    on_each_backend(async |registry| {
        let claimed = sha256(b"claimed");
        let response = registry.put_blob_as("a", b"other", claimed.as_str()).await;
        refused(response, 400, "DIGEST_INVALID").await;
        let single = registry.request(
            Method::POST,
            &format!("/v2/a/blobs/uploads/?digest={claimed}"),
        );
        refused(
            single.body("other").send().await.expect("an answer"),
            400,
            "DIGEST_INVALID",
        )
        .await;
        for digest in [claimed, sha256(b"other")] {
            let response = registry.get(&format!("/v2/a/blobs/{digest}")).await;
            refused(response, 404, "BLOB_UNKNOWN").await;
        }
        let location = registry.begin("a").await;
        for digest in [
            "",
            "?digest=",
            "?digest=sha256:abc",
            "?digest=md5:d41d8cd98f00b204e9800998ecf8427e",
        ] {
            let response = registry
                .send(Method::PUT, &format!("{location}{digest}"))
                .await;
            refused(response, 400, "DIGEST_INVALID").await;
        }
    })
    .await;
}

#[tokio::test]
async fn rule_06_sha512_is_verified_without_and_with_a_hint() {
    on_each_backend(async |registry| {
        let plain = registry.begin("a").await;
        let hinted = registry
            .send(Method::POST, "/v2/b/blobs/uploads/?digest-algorithm=sha512")
            .await;
        for location in [plain, header(hinted.headers(), "location")] {
            let part = registry
                .request(Method::PATCH, &location)
                .body("ab")
                .send()
                .await
                .expect("an answer");
            assert_eq!(part.status(), StatusCode::ACCEPTED);
            let put = registry.request(Method::PUT, &format!("{location}?digest={SHA512_ABC}"));
            let response = put.body("c").send().await.expect("an answer");
            assert_eq!(response.status(), StatusCode::CREATED);
        }
        for repository in ["a", "b"] {
            let response = registry
                .get(&format!("/v2/{repository}/blobs/{SHA512_ABC}"))
                .await;
            assert_eq!(
                header(response.headers(), "docker-content-digest"),
                SHA512_ABC
            );
            assert_eq!(response.text().await.expect("text"), "abc");
        }
        refused(
            registry.put_blob_as("c", b"abd", SHA512_ABC).await,
            400,
            "DIGEST_INVALID",
        )
        .await;
        let other = registry
            .send(Method::POST, "/v2/b/blobs/uploads/?digest-algorithm=blake3")
            .await;
        refused(other, 400, "DIGEST_INVALID").await;
    })
    .await;
}

#[tokio::test]
async fn rule_07_a_single_post_finishes_or_says_that_it_did_not() {
    on_each_backend(async |registry| {
        let digest = sha256(b"body");
        let path = format!("/v2/a/blobs/uploads/?digest={digest}");
        let asked = registry
            .request(Method::POST, &path)
            .header("content-length", "0")
            .send()
            .await;
        assert_eq!(asked.expect("an answer").status(), StatusCode::ACCEPTED);
        let done = registry
            .request(Method::POST, &path)
            .body("body")
            .send()
            .await
            .expect("an answer");
        assert_eq!(done.status(), StatusCode::CREATED);
        assert_eq!(
            header(done.headers(), "location"),
            format!("/v2/a/blobs/{digest}")
        );
        assert_eq!(
            registry
                .head(&format!("/v2/a/blobs/{digest}"))
                .await
                .status(),
            StatusCode::OK
        );
    })
    .await;
}
