//! Manifests: bytes, sizes, references, forms, tags by parameter (rules 11, 12, 13, 20, 23).

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{
    IMAGE, INDEX, header, on_each_backend, on_each_backend_with, refused, sha256,
};

#[tokio::test]
async fn rule_11_a_manifest_comes_back_byte_for_byte_with_its_type() {
    on_each_backend(async |registry| {
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
    })
    .await;
}

#[tokio::test]
async fn rule_12_manifests_of_four_mebibytes_and_no_more() {
    on_each_backend(async |registry| {
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
    })
    .await;
}

#[tokio::test]
async fn rule_13_a_subject_may_be_missing_other_references_may_not() {
    on_each_backend(async |registry| {
        let subject = sha256(b"later");
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
        let missing = sha256(b"missing");
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
    })
    .await;
}

#[tokio::test]
async fn rule_13_missing_references_can_be_allowed_and_are_tied_when_they_come() {
    on_each_backend_with(
        "registry.allow_missing_references = true",
        async |registry| {
            let mut manifest = registry.image("a", b"layer").await;
            manifest["layers"][0]["digest"] = json!(sha256(b"later"));
            let response = registry
                .put_manifest("a", "v1", IMAGE, manifest.to_string())
                .await;
            assert_eq!(response.status(), StatusCode::CREATED);
            let late = registry.push_blob("a", b"later").await;
            let response = registry.delete(&format!("/v2/a/blobs/{late}")).await;
            refused(response, 405, "UNSUPPORTED").await;
        },
    )
    .await;
}

#[tokio::test]
async fn rule_20_what_is_image_and_index_at_once_is_refused() {
    on_each_backend(async |registry| {
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
    })
    .await;
}

#[tokio::test]
async fn rule_23_a_manifest_is_given_without_accept() {
    on_each_backend(async |registry| {
        registry.push_image("a", "v1", b"layer").await;
        let request =
            "GET /v2/a/manifests/v1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let answer = registry.raw(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let other = registry
            .request(Method::GET, "/v2/a/manifests/v1")
            .header("accept", "text/html");
        assert_eq!(
            other.send().await.expect("an answer").status(),
            StatusCode::OK
        );
    })
    .await;
}

#[tokio::test]
async fn tags_can_be_set_by_parameters_of_a_push_by_digest() {
    on_each_backend(async |registry| {
        let manifest = registry.image("a", b"layer").await.to_string();
        let digest = sha256(manifest.as_bytes());
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
        let wrong = sha256(b"wrong");
        let response = registry
            .put_manifest("a", wrong.as_str(), IMAGE, manifest)
            .await;
        refused(response, 400, "DIGEST_INVALID").await;
    })
    .await;
}

#[tokio::test]
async fn a_push_can_be_made_to_depend_on_what_the_tag_is() {
    on_each_backend(async |registry| {
        let (one, two) = (
            registry.image("a", b"one").await,
            registry.image("a", b"two").await,
        );
        let (one, two) = (one.to_string(), two.to_string());
        let tag = |body: &str| format!("\"{}\"", sha256(body));
        let put = async |name: &'static str, value: &str, body: &str| {
            let request = registry.request(Method::PUT, "/v2/a/manifests/v1");
            let request = request.header("content-type", IMAGE).header(name, value);
            request
                .body(body.to_owned())
                .send()
                .await
                .expect("an answer")
        };
        let cases = [
            ("if-match", "*".to_owned(), &one, 412),
            ("if-match", tag(&one), &one, 412),
            ("if-none-match", "*".to_owned(), &one, 201),
            ("if-none-match", "*".to_owned(), &two, 412),
            ("if-match", tag(&two), &two, 412),
            ("if-match", "\"nonsense\"".to_owned(), &two, 412),
            (
                "if-match",
                format!("{}, {}", tag(&two), tag(&one)),
                &two,
                201,
            ),
            ("if-match", "*".to_owned(), &one, 201),
        ];
        for (name, value, body, status) in cases {
            let response = put(name, &value, body).await;
            assert_eq!(response.status(), status, "{name}: {value}");
        }
        let refused_push = put("if-none-match", "*", &two).await;
        let text = refused(refused_push, 412, "DENIED").await;
        assert!(text.contains(&sha256(&one)), "{text}");
    })
    .await;
}
