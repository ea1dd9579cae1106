//! One past each bound of `docs/reference/limits.md`, over the line.
//!
//! Bounds of the content of archives have their tests where archives are read.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{
    IMAGE, INDEX, Registry, header, on_each_backend, on_each_backend_with, refused, sha256,
};

#[tokio::test]
async fn a_name_of_255_characters_and_no_more() {
    on_each_backend(async |registry| {
        for (length, status) in [(255, 202), (256, 400)] {
            let path = format!("/v2/{}/blobs/uploads/", "n".repeat(length));
            let response = registry.send(Method::POST, &path).await;
            assert_eq!(response.status(), status);
        }
    })
    .await;
}

#[tokio::test]
async fn a_tag_of_128_characters_and_no_more() {
    on_each_backend(async |registry| {
        let manifest = registry.image("a", b"layer").await.to_string();
        for (length, status) in [(128, 201), (129, 400)] {
            let tag = "t".repeat(length);
            let response = registry
                .put_manifest("a", &tag, IMAGE, manifest.clone())
                .await;
            assert_eq!(response.status(), status);
        }
    })
    .await;
}

#[tokio::test]
async fn sixty_four_tags_in_one_push_and_no_more() {
    on_each_backend(async |registry| {
        let manifest = registry.image("a", b"layer").await.to_string();
        for (number, status) in [(64, 201), (65, 414)] {
            let target = format!("{}?{}", sha256(&manifest), tags(0..number));
            let response = registry
                .put_manifest("a", &target, IMAGE, manifest.clone())
                .await;
            assert_eq!(response.status(), status);
        }
    })
    .await;
}

#[tokio::test]
async fn a_manifest_nests_a_hundred_levels_and_no_more() {
    on_each_backend(async |registry| {
        for (levels, status) in [(99, 201), (100, 400), (100_000, 400)] {
            let (open, close) = ("[".repeat(levels), "]".repeat(levels));
            let text = format!("{{\"schemaVersion\":2,\"manifests\":[],\"x\":{open}{close}}}");
            let response = registry.put_manifest("a", "v1", INDEX, text).await;
            assert_eq!(response.status(), status, "{levels}");
        }
        let brackets = "[{".repeat(100);
        let text = json!({"schemaVersion": 2, "manifests": [], "annotations": {"a": brackets}});
        let response = registry
            .put_manifest("a", "v1", INDEX, text.to_string())
            .await;
        assert_eq!(response.status(), 201, "brackets in a text are none");
    })
    .await;
}

#[tokio::test]
async fn a_blob_as_large_as_configured_and_no_larger() {
    on_each_backend_with("registry.max_blob_bytes = 1000", async |registry| {
        registry.push_blob("a", &[1; 1000]).await;
        let large = [2; 1001];
        let response = registry.put_blob_as("a", &large, &sha256(large)).await;
        refused(response, 413, "SIZE_INVALID").await;
    })
    .await;
}

#[tokio::test]
async fn a_thousand_open_uploads_in_a_repository_and_no_more() {
    on_each_backend(async |registry| {
        for _ in 0..1000 {
            registry.begin("a").await;
        }
        let path = "/v2/a/blobs/uploads/";
        let response = registry.send(Method::POST, path).await;
        assert_eq!(header(response.headers(), "retry-after"), "60");
        refused(response, 429, "TOOMANYREQUESTS").await;
        // Others are not stopped by it.
        registry.push_image("b", "v1", b"layer").await;
    })
    .await;
}

#[tokio::test]
async fn pages_of_tags_end_at_ten_thousand() {
    on_each_backend(async |registry| {
        let manifest = registry.image("a", b"layer").await.to_string();
        for start in (0..10_001).step_by(64) {
            let tags = tags(start..(start + 64).min(10_001));
            let target = format!("{}?{tags}", sha256(&manifest));
            let response = registry
                .put_manifest("a", &target, IMAGE, manifest.clone())
                .await;
            assert_eq!(response.status(), StatusCode::CREATED);
        }
        let lengths = page_lengths(&registry, "/v2/a/tags/list?n=20000", "tags").await;
        assert_eq!(lengths, [10_000, 1]);
    })
    .await;
}

#[tokio::test]
async fn pages_of_repositories_and_referrers_end_at_a_thousand() {
    on_each_backend(async |registry| {
        let subject = sha256("subject");
        let about = json!({"mediaType": IMAGE, "digest": subject, "size": 7});
        for number in 0..1001 {
            let index = json!({
                "schemaVersion": 2, "mediaType": INDEX, "manifests": [],
                "annotations": {"number": number.to_string()}, "subject": about,
            });
            for (repository, tag) in [("many", number.to_string()), ("", "v1".to_owned())] {
                let one = format!("one/{number}");
                let repository = if repository.is_empty() {
                    &one
                } else {
                    repository
                };
                let response = registry
                    .put_manifest(repository, &tag, INDEX, index.to_string())
                    .await;
                assert_eq!(response.status(), StatusCode::CREATED);
            }
        }
        let lengths = page_lengths(&registry, "/v2/_catalog?n=5000", "repositories").await;
        assert_eq!(lengths, [1000, 2]);
        let path = format!("/v2/many/referrers/{subject}?n=5000");
        let lengths = page_lengths(&registry, &path, "manifests").await;
        assert_eq!(lengths, [1000, 1]);
    })
    .await;
}

#[tokio::test]
async fn a_page_of_referrers_has_two_mebibytes_of_annotations() {
    on_each_backend(async |registry| {
        let subject = sha256("subject");
        for number in 0..3 {
            let index = json!({
                "schemaVersion": 2, "mediaType": INDEX, "manifests": [],
                "annotations": {"filler": number.to_string().repeat(900 << 10)},
                "subject": {"mediaType": IMAGE, "digest": subject, "size": 7},
            });
            registry
                .put_manifest("a", &number.to_string(), INDEX, index.to_string())
                .await;
        }
        let path = format!("/v2/a/referrers/{subject}");
        assert_eq!(page_lengths(&registry, &path, "manifests").await, [2, 1]);
    })
    .await;
}

#[tokio::test]
async fn a_header_has_its_bounds_in_bytes_fields_and_address() {
    on_each_backend(async |registry| {
        let cases = [
            ("a".repeat(1000), 10, 50, "200"),
            ("a".repeat(70_000), 10, 1, "414"),
            ("a".repeat(10), 10, 110, "431"),
            ("a".repeat(10), 10_000, 60, "431"),
        ];
        for (query, length, fields, status) in cases {
            let mut request = format!("GET /v2/?q={query} HTTP/1.1\r\nHost: localhost\r\n");
            request.push_str("Connection: close\r\n");
            for number in 0..fields {
                request.push_str(&format!("x-{number}: {}\r\n", "v".repeat(length)));
            }
            request.push_str("\r\n");
            let answer = registry.raw(request.as_bytes()).await;
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status}")),
                "{fields} fields of {length}: {:.100}",
                answer
            );
        }
    })
    .await;
}

/// `tag=t0&tag=t1…`
fn tags(numbers: std::ops::Range<usize>) -> String {
    let tags: Vec<_> = numbers.map(|number| format!("tag=t{number}")).collect();
    tags.join("&")
}

/// How many entries each page of a list has.
async fn page_lengths(registry: &Registry, first: &str, key: &str) -> Vec<usize> {
    let mut lengths = Vec::new();
    let mut next = Some(first.to_owned());
    while let Some(path) = next {
        let page = registry.get(&path).await;
        assert_eq!(page.status(), StatusCode::OK, "{path}");
        let link = page.headers().get("link");
        let link = link.map(|link| link.to_str().expect("text").to_owned());
        next = link.and_then(|link| Some(link.strip_prefix('<')?.split_once('>')?.0.to_owned()));
        let body: Value = page.json().await.expect("JSON");
        lengths.push(body[key].as_array().expect("a list").len());
    }
    lengths
}
