//! The rules of the distribution specification that implementations get wrong, one test each.

use registry_pack::Digest;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{IMAGE, INDEX, Registry, header, refused};

const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const SHA512_ABC: &str = "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                          2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

#[tokio::test]
async fn rule_01_an_upload_starts_with_or_without_the_slash_at_the_end() {
    let registry = Registry::start().await;
    for path in ["/v2/a/b/blobs/uploads/", "/v2/a/b/blobs/uploads"] {
        assert_eq!(
            registry.send(Method::POST, path).await.status(),
            StatusCode::ACCEPTED
        );
    }
}

#[tokio::test]
async fn rule_02_a_chunk_out_of_order_is_refused_and_the_upload_says_where_it_stands() {
    let registry = Registry::start().await;
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
    let digest = Digest::sha256(b"abcdefgh");
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
}

#[tokio::test]
async fn rule_03_a_chunk_with_a_wrong_range_is_refused_before_a_byte_is_kept() {
    let registry = Registry::start().await;
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
        "PATCH {location} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Range: 0-1\r\n\
         Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n"
    );
    assert!(
        registry
            .raw(request.as_bytes())
            .await
            .starts_with("HTTP/1.1 416")
    );
    let digest = Digest::sha256(b"wxyz");
    let put = registry.request(Method::PUT, &format!("{location}?digest={digest}"));
    let response = put.body("wxyz").send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn rule_04_a_stream_without_length_and_range_is_taken() {
    let registry = Registry::start().await;
    let location = registry.begin("a").await;
    let request = format!(
        "PATCH {location} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\
         \r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    );
    let answer = registry.raw(request.as_bytes()).await.to_lowercase();
    assert!(
        answer.starts_with("http/1.1 202") && answer.contains("range: 0-10"),
        "{answer}"
    );
    let digest = Digest::sha256(b"hello world");
    let response = registry
        .send(Method::PUT, &format!("{location}?digest={digest}"))
        .await;
    assert_eq!(response.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn rule_05_a_wrong_digest_leaves_no_blob_behind() {
    let registry = Registry::start().await;
    let claimed = Digest::sha256(b"claimed");
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
    for digest in [claimed, Digest::sha256(b"other")] {
        let response = registry.get(&format!("/v2/a/blobs/{digest}")).await;
        refused(response, 404, "BLOB_UNKNOWN").await;
    }
    let uploads = registry.config.data_dir.join("uploads");
    assert_eq!(std::fs::read_dir(uploads).expect("a folder").count(), 0);
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
}

#[tokio::test]
async fn rule_06_sha512_is_verified_without_and_with_a_hint() {
    let registry = Registry::start().await;
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
}

#[tokio::test]
async fn rule_07_a_single_post_finishes_or_says_that_it_did_not() {
    let registry = Registry::start().await;
    let digest = Digest::sha256(b"body");
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
}

#[tokio::test]
async fn rule_08_a_mount_gives_the_blob_or_an_upload() {
    let registry = Registry::start().await;
    let digest = registry.push_blob("from", b"shared").await;
    let missing = Digest::sha256(b"missing");
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
}

#[tokio::test]
async fn rule_09_head_says_what_get_says() {
    let registry = Registry::start().await;
    let manifest = registry.push_image("a", "v1", b"layer").await;
    let blob = Digest::sha256(b"layer");
    let none = Digest::sha256(b"none");
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
}

#[tokio::test]
async fn rule_10_ranges_and_conditional_requests() {
    let registry = Registry::start().await;
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
}

#[tokio::test]
async fn rule_11_a_manifest_comes_back_byte_for_byte_with_its_type() {
    let registry = Registry::start().await;
    let manifest = registry.image("a", b"layer").await;
    let text = format!(
        "  {}\n\n",
        serde_json::to_string_pretty(&manifest).expect("JSON")
    );
    let sent = format!("{IMAGE}; charset=utf-8");
    let response = registry.put_manifest("a", "v1", &sent, text.clone()).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let back = registry.get("/v2/a/manifests/v1").await;
    assert_eq!(header(back.headers(), "content-type"), IMAGE);
    assert_eq!(back.text().await.expect("text"), text);
    let response = registry.put_manifest("a", "v2", INDEX, text).await;
    refused(response, 400, "MANIFEST_INVALID").await;
}

#[tokio::test]
async fn rule_12_manifests_of_four_mebibytes_and_no_more() {
    let registry = Registry::start().await;
    let mut manifest = registry.image("a", b"layer").await;
    manifest["annotations"] = json!({ "filler": "" });
    let room = (4 << 20) - manifest.to_string().len();
    manifest["annotations"]["filler"] = Value::from("x".repeat(room));
    let text = manifest.to_string();
    assert_eq!(text.len(), 4 << 20);
    let response = registry.put_manifest("a", "v1", IMAGE, text.clone()).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let back = registry.get("/v2/a/manifests/v1").await;
    assert!(back.text().await.expect("text") == text);
    let response = registry
        .put_manifest("a", "v2", IMAGE, format!("{text} "))
        .await;
    refused(response, 413, "MANIFEST_INVALID").await;
}

#[tokio::test]
async fn rule_13_a_subject_may_be_missing_other_references_may_not() {
    let registry = Registry::start().await;
    let subject = Digest::sha256(b"later");
    let mut manifest = registry.image("a", b"layer").await;
    manifest["subject"] = json!({"mediaType": IMAGE, "digest": subject, "size": 5});
    let response = registry
        .put_manifest("a", "v1", IMAGE, manifest.to_string())
        .await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(header(response.headers(), "oci-subject"), subject.as_str());
    let index = json!({
        "schemaVersion": 2, "mediaType": INDEX, "manifests": [],
        "subject": {"mediaType": IMAGE, "digest": subject, "size": 5},
    });
    let response = registry
        .put_manifest("a", "i", INDEX, index.to_string())
        .await;
    assert_eq!(header(response.headers(), "oci-subject"), subject.as_str());
    let missing = Digest::sha256(b"missing");
    manifest["layers"][0]["digest"] = json!(missing);
    let response = registry
        .put_manifest("a", "v2", IMAGE, manifest.to_string())
        .await;
    let text = refused(response, 400, "MANIFEST_BLOB_UNKNOWN").await;
    assert!(text.contains(missing.as_str()));
    let entry = json!({"mediaType": IMAGE, "digest": missing, "size": 5});
    let index = json!({"schemaVersion": 2, "manifests": [entry]});
    let response = registry
        .put_manifest("a", "v3", INDEX, index.to_string())
        .await;
    refused(response, 400, "MANIFEST_BLOB_UNKNOWN").await;
    // Layers that are distributed from elsewhere need not be here.
    manifest["layers"][0]["urls"] = json!(["https://example.com/layer"]);
    let response = registry
        .put_manifest("a", "v4", IMAGE, manifest.to_string())
        .await;
    assert_eq!(response.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn rule_13_missing_references_can_be_allowed_and_are_tied_when_they_come() {
    let registry = Registry::start_with(|config| config.allow_missing_references = true).await;
    let mut manifest = registry.image("a", b"layer").await;
    manifest["layers"][0]["digest"] = json!(Digest::sha256(b"later"));
    let response = registry
        .put_manifest("a", "v1", IMAGE, manifest.to_string())
        .await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let late = registry.push_blob("a", b"later").await;
    let response = registry.delete(&format!("/v2/a/blobs/{late}")).await;
    refused(response, 405, "UNSUPPORTED").await;
}

#[tokio::test]
async fn rule_14_referrers_are_an_index_also_when_there_are_none() {
    let registry = Registry::start().await;
    let subject = registry.push_image("a", "v1", b"layer").await;
    for path in [
        format!("/v2/a/referrers/{subject}"),
        format!("/v2/nothing/here/referrers/{subject}"),
    ] {
        let response = registry.get(&path).await;
        assert_eq!(header(response.headers(), "content-type"), INDEX);
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(
            body,
            json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []})
        );
    }
    refused(
        registry.get("/v2/a/referrers/sha256:short").await,
        400,
        "DIGEST_INVALID",
    )
    .await;
    let reference = json!({"mediaType": IMAGE, "digest": subject, "size": 5});
    let mut signature = registry.image("a", b"signature").await;
    signature["subject"] = reference.clone();
    signature["artifactType"] = json!("application/vnd.signature");
    signature["annotations"] = json!({"who": "me"});
    let mut report = registry.image("a", b"report").await;
    report["subject"] = reference.clone();
    let index =
        json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "subject": reference});
    for (tag, media_type, body) in [
        ("s", IMAGE, &signature),
        ("r", IMAGE, &report),
        ("i", INDEX, &index),
    ] {
        let response = registry
            .put_manifest("a", tag, media_type, body.to_string())
            .await;
        assert_eq!(response.status(), StatusCode::CREATED);
    }
    let all = registry.json(&format!("/v2/a/referrers/{subject}")).await;
    assert_eq!(
        all["manifests"][0]["artifactType"],
        "application/vnd.signature"
    );
    assert_eq!(all["manifests"][0]["annotations"], json!({"who": "me"}));
    assert_eq!(all["manifests"][0]["size"], signature.to_string().len());
    assert_eq!(
        all["manifests"][1]["artifactType"],
        "application/vnd.oci.empty.v1+json"
    );
    assert!(all["manifests"][2].get("artifactType").is_none());
    let filtered = format!("/v2/a/referrers/{subject}?artifactType=application/vnd.signature");
    let filtered = registry.get(&filtered).await;
    assert_eq!(
        header(filtered.headers(), "oci-filters-applied"),
        "artifactType"
    );
    let filtered: Value = filtered.json().await.expect("JSON");
    assert_eq!(filtered["manifests"].as_array().expect("a list").len(), 1);
    let page = registry
        .get(&format!("/v2/a/referrers/{subject}?n=2"))
        .await;
    let next = header(page.headers(), "link");
    let next = next
        .trim_start_matches('<')
        .split('>')
        .next()
        .expect("a link")
        .to_owned();
    let rest = registry.get(&next).await;
    assert!(!rest.headers().contains_key("link"));
    let rest: Value = rest.json().await.expect("JSON");
    assert_eq!(rest["manifests"][0], all["manifests"][2]);
}

#[tokio::test]
async fn rule_15_tags_come_in_lexical_order_and_in_pages() {
    let registry = Registry::start().await;
    for tag in ["b", "a", "C", "a1"] {
        registry.push_image("r", tag, b"layer").await;
    }
    let list = async |query: &str| {
        let response = registry.get(&format!("/v2/r/tags/list{query}")).await;
        let link = response
            .headers()
            .get("link")
            .map(|link| link.to_str().expect("text").to_owned());
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(body["name"], "r");
        (body["tags"].clone(), link)
    };
    assert_eq!(list("").await, (json!(["C", "a", "a1", "b"]), None));
    assert_eq!(list("?n=0").await, (json!([]), None));
    assert_eq!(list("?n=4").await, (json!(["C", "a", "a1", "b"]), None));
    let next = "</v2/r/tags/list?n=2&last=a>; rel=\"next\"".to_owned();
    assert_eq!(list("?n=2").await, (json!(["C", "a"]), Some(next)));
    assert_eq!(list("?n=2&last=a").await, (json!(["a1", "b"]), None));
    assert_eq!(list("?last=a").await, (json!(["a1", "b"]), None));
    assert_eq!(list("?last=a0").await, (json!(["a1", "b"]), None));
    assert_eq!(
        list("?n=99999999999999999999").await.0,
        json!(["C", "a", "a1", "b"])
    );
    refused(
        registry.get("/v2/r/tags/list?n=-1").await,
        400,
        "UNSUPPORTED",
    )
    .await;
    refused(
        registry.get("/v2/other/tags/list").await,
        404,
        "NAME_UNKNOWN",
    )
    .await;
    for tag in ["b", "a", "C", "a1"] {
        registry.delete(&format!("/v2/r/manifests/{tag}")).await;
    }
    assert_eq!(list("").await, (json!([]), None));
}

#[tokio::test]
async fn rule_16_deletes_take_what_they_name_at_once() {
    let registry = Registry::start().await;
    let digest = registry.push_image("a", "one", b"layer").await;
    registry.push_image("a", "two", b"layer").await;
    registry.push_image("a", "three", b"layer").await;
    let by_digest = format!("/v2/a/manifests/{digest}");
    assert_eq!(
        registry.get("/v2/a/manifests/one").await.status(),
        StatusCode::OK
    );
    assert_eq!(
        registry.delete("/v2/a/manifests/one").await.status(),
        StatusCode::ACCEPTED
    );
    assert_eq!(
        registry.head("/v2/a/manifests/one").await.status(),
        StatusCode::NOT_FOUND
    );
    refused(
        registry.delete("/v2/a/manifests/one").await,
        404,
        "MANIFEST_UNKNOWN",
    )
    .await;
    assert_eq!(registry.head(&by_digest).await.status(), StatusCode::OK);
    let blob = format!("/v2/a/blobs/{}", Digest::sha256(b"layer"));
    refused(registry.delete(&blob).await, 405, "UNSUPPORTED").await;
    assert_eq!(
        registry.delete(&by_digest).await.status(),
        StatusCode::ACCEPTED
    );
    for path in [
        by_digest.as_str(),
        "/v2/a/manifests/two",
        "/v2/a/manifests/three",
    ] {
        assert_eq!(registry.head(path).await.status(), StatusCode::NOT_FOUND);
    }
    assert_eq!(registry.head(&blob).await.status(), StatusCode::OK);
    assert_eq!(registry.delete(&blob).await.status(), StatusCode::ACCEPTED);
    refused(registry.get(&blob).await, 404, "BLOB_UNKNOWN").await;
}

#[tokio::test]
async fn rule_16_a_manifest_of_an_index_goes_after_the_index() {
    let registry = Registry::start().await;
    let child = registry.push_image("a", "child", b"layer").await;
    let entry = json!({"mediaType": IMAGE, "digest": child, "size": 5});
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}).to_string();
    registry
        .put_manifest("a", "index", INDEX, index.clone())
        .await;
    let text = refused(
        registry.delete(&format!("/v2/a/manifests/{child}")).await,
        405,
        "UNSUPPORTED",
    )
    .await;
    let parent = Digest::sha256(index.as_bytes());
    assert!(text.contains(parent.as_str()));
    for digest in [parent, child] {
        let response = registry.delete(&format!("/v2/a/manifests/{digest}")).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
    }
}

#[tokio::test]
async fn rule_16_deleting_can_be_turned_off_for_tags_as_well() {
    let registry = Registry::start_with(|config| config.allow_delete = false).await;
    let digest = registry.push_image("a", "v1", b"layer").await;
    let blob = Digest::sha256(b"layer");
    for path in [
        "manifests/v1".to_owned(),
        format!("manifests/{digest}"),
        format!("blobs/{blob}"),
    ] {
        refused(
            registry.delete(&format!("/v2/a/{path}")).await,
            405,
            "UNSUPPORTED",
        )
        .await;
    }
}

#[tokio::test]
async fn rule_17_errors_have_the_form_and_the_codes_of_the_specification() {
    let registry = Registry::start().await;
    let none = Digest::sha256(b"none");
    let cases = [
        (
            Method::GET,
            "/v2/a/manifests/none".to_owned(),
            404,
            "MANIFEST_UNKNOWN",
        ),
        (
            Method::GET,
            format!("/v2/a/blobs/{none}"),
            404,
            "BLOB_UNKNOWN",
        ),
        (
            Method::GET,
            "/v2/a/blobs/sha256:x".to_owned(),
            400,
            "DIGEST_INVALID",
        ),
        (
            Method::GET,
            "/v2/a/tags/list".to_owned(),
            404,
            "NAME_UNKNOWN",
        ),
        (
            Method::GET,
            "/v2/A/tags/list".to_owned(),
            400,
            "NAME_INVALID",
        ),
        (
            Method::PATCH,
            "/v2/a/blobs/uploads/none".to_owned(),
            404,
            "BLOB_UPLOAD_UNKNOWN",
        ),
        (Method::GET, "/v2/nonsense".to_owned(), 404, "NAME_UNKNOWN"),
        (
            Method::PATCH,
            "/v2/a/manifests/v1".to_owned(),
            405,
            "UNSUPPORTED",
        ),
    ];
    for (method, path, status, code) in cases {
        let response = registry.send(method, &path).await;
        assert_eq!(
            header(response.headers(), "content-type"),
            "application/json",
            "{path}"
        );
        refused(response, status, code).await;
    }
}

#[tokio::test]
async fn rule_18_names_and_tags_follow_the_grammar() {
    let registry = Registry::start().await;
    let long = "a".repeat(256);
    for name in [
        "A",
        "a//b",
        "a..b",
        "-a",
        "a-",
        "a/../b",
        "a___b",
        "a%20b",
        long.as_str(),
    ] {
        let answer = registry
            .raw(
                format!(
                    "POST /v2/{name}/blobs/uploads/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
                     Content-Length: 0\r\n\r\n"
                )
                .as_bytes(),
            )
            .await;
        assert!(
            answer.starts_with("HTTP/1.1 400") && answer.contains("NAME_INVALID"),
            "{name}: {answer}"
        );
    }
    for name in [
        "a",
        "a/b",
        "a.b_c__d-e---f/0",
        "manifests/blobs/tags",
        "a/blobs/uploads/x",
    ] {
        let digest = registry.push_image(name, "v1", b"layer").await;
        let response = registry.get(&format!("/v2/{name}/manifests/v1")).await;
        assert_eq!(
            header(response.headers(), "docker-content-digest"),
            digest.as_str()
        );
    }
    let manifest = registry.image("a", b"layer").await.to_string();
    let (longest, longer) = ("t".repeat(128), "t".repeat(129));
    for (tag, good) in [
        (longest.as_str(), true),
        ("_A.b-c", true),
        (&longer, false),
        (".a", false),
        ("-a", false),
    ] {
        let response = registry
            .put_manifest("a", tag, IMAGE, manifest.clone())
            .await;
        if good {
            assert_eq!(response.status(), StatusCode::CREATED);
        } else {
            refused(response, 400, "MANIFEST_INVALID").await;
            let response = registry.get(&format!("/v2/a/manifests/{tag}")).await;
            refused(response, 404, "MANIFEST_UNKNOWN").await;
        }
    }
}

#[tokio::test]
async fn rule_19_the_empty_blob_and_empty_json_are_ordinary() {
    let registry = Registry::start().await;
    for content in [&b""[..], b"{}"] {
        let digest = Digest::sha256(content);
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
    assert_eq!(Digest::sha256(b"").as_str(), EMPTY);
}

#[tokio::test]
async fn rule_20_what_is_image_and_index_at_once_is_refused() {
    let registry = Registry::start().await;
    let mut both = registry.image("a", b"layer").await;
    both["manifests"] = json!([]);
    let response = registry
        .put_manifest("a", "v1", IMAGE, both.to_string())
        .await;
    refused(response, 400, "MANIFEST_INVALID").await;
    both["mediaType"] = json!(INDEX);
    let response = registry
        .put_manifest("a", "v1", INDEX, both.to_string())
        .await;
    refused(response, 400, "MANIFEST_INVALID").await;
    let layers = json!({"schemaVersion": 2, "manifests": [], "layers": []});
    let response = registry
        .put_manifest("a", "v1", INDEX, layers.to_string())
        .await;
    refused(response, 400, "MANIFEST_INVALID").await;
    for bad in [
        "",
        "{",
        "[]",
        "null",
        "{}",
        "{\"schemaVersion\":1}",
        "{\"schemaVersion\":2}",
        "{\"schemaVersion\":2,\"config\":{\"digest\":\"sha256:x\",\"size\":1}}",
        "\u{feff}{}",
    ] {
        let response = registry.put_manifest("a", "v1", IMAGE, bad).await;
        refused(response, 400, "MANIFEST_INVALID").await;
    }
    let twice = r#"{"schemaVersion":2,"schemaVersion":2,"manifests":[]}"#;
    let response = registry.put_manifest("a", "v1", INDEX, twice).await;
    refused(response, 400, "MANIFEST_INVALID").await;
}

#[tokio::test]
async fn rule_21_locations_are_relative_and_name_the_upload() {
    let registry = Registry::start().await;
    let response = registry.send(Method::POST, "/v2/a/b/blobs/uploads/").await;
    let id = header(response.headers(), "docker-upload-uuid");
    assert_eq!(id.len(), 36);
    assert_eq!(
        header(response.headers(), "location"),
        format!("/v2/a/b/blobs/uploads/{id}")
    );
    let digest = Digest::sha256(b"x");
    let path = format!(
        "/v2/a/b/blobs/uploads/{id}?_state=something&digest={}",
        digest.as_str().replace(':', "%3A")
    );
    let response = registry
        .request(Method::PUT, &path)
        .body("x")
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        header(response.headers(), "location"),
        format!("/v2/a/b/blobs/{digest}")
    );
    let encoded = format!("/v2/a/b/blobs/{}", digest.as_str().replace(':', "%3A"));
    assert_eq!(registry.get(&encoded).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn rule_22_warnings_come_in_their_header() {
    let registry = Registry::start().await;
    let mut pack = registry
        .image("p/spectro-packs/archive/x", b"no archive")
        .await;
    pack["layers"][0]["annotations"] = json!({"org.opencontainers.image.title": "x-1.0.0.tar.gz"});
    let response = registry
        .put_manifest(
            "p/spectro-packs/archive/x",
            "1.0.0",
            IMAGE,
            pack.to_string(),
        )
        .await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let warning = header(response.headers(), "warning");
    assert!(
        warning.starts_with("299 - \"stored, but not listed as a pack:") && warning.ends_with('"')
    );
}

#[tokio::test]
async fn rule_23_a_manifest_is_given_without_accept() {
    let registry = Registry::start().await;
    registry.push_image("a", "v1", b"layer").await;
    let request = "GET /v2/a/manifests/v1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = registry.raw(request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let other = registry
        .request(Method::GET, "/v2/a/manifests/v1")
        .header("accept", "text/html");
    assert_eq!(
        other.send().await.expect("an answer").status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn tags_can_be_set_by_parameters_of_a_push_by_digest() {
    let registry = Registry::start().await;
    let manifest = registry.image("a", b"layer").await.to_string();
    let digest = Digest::sha256(manifest.as_bytes());
    let response = registry
        .put_manifest(
            "a",
            &format!("{digest}?tag=x&tag=y"),
            IMAGE,
            manifest.clone(),
        )
        .await;
    let tags: Vec<_> = response.headers().get_all("oci-tag").iter().collect();
    assert_eq!(tags, ["x", "y"]);
    let list = registry.json("/v2/a/tags/list").await;
    assert_eq!(list["tags"], json!(["x", "y"]));
    let many: String = (0..101).map(|number| format!("tag=t{number}&")).collect();
    let response = registry
        .put_manifest("a", &format!("{digest}?{many}"), IMAGE, manifest.clone())
        .await;
    refused(response, 414, "MANIFEST_INVALID").await;
    let wrong = Digest::sha256(b"wrong");
    let response = registry
        .put_manifest("a", wrong.as_str(), IMAGE, manifest)
        .await;
    refused(response, 400, "DIGEST_INVALID").await;
}

#[tokio::test]
async fn the_catalog_lists_repositories_with_content_in_pages() {
    let registry = Registry::start().await;
    registry.begin("empty").await;
    for name in ["c", "a/b", "b"] {
        registry.push_image(name, "v1", b"layer").await;
    }
    assert_eq!(
        registry.json("/v2/_catalog").await,
        json!({"repositories": ["a/b", "b", "c"]})
    );
    let page = registry.get("/v2/_catalog?n=2").await;
    assert_eq!(
        header(page.headers(), "link"),
        "</v2/_catalog?n=2&last=b>; rel=\"next\""
    );
    assert_eq!(
        registry.json("/v2/_catalog?n=2&last=b").await,
        json!({"repositories": ["c"]})
    );
    let base = registry.get("/v2/").await;
    assert_eq!(
        header(base.headers(), "docker-distribution-api-version"),
        "registry/2.0"
    );
    assert_eq!(registry.get("/v2").await.status(), StatusCode::OK);
}
