//! What a deletion takes, and when it is turned off (rule 16).

use reqwest::StatusCode;
use serde_json::json;

use crate::support::{IMAGE, INDEX, on_each_backend, on_each_backend_with, refused, sha256};

#[tokio::test]
async fn rule_16_deletes_take_what_they_name_at_once() {
    on_each_backend(async |registry| {
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
        let blob = format!("/v2/a/blobs/{}", sha256(b"layer"));
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
    })
    .await;
}

#[tokio::test]
async fn rule_16_a_manifest_of_an_index_goes_after_the_index() {
    on_each_backend(async |registry| {
        let child = registry.push_image("a", "child", b"layer").await;
        let entry = json!({"mediaType": IMAGE, "digest": child, "size": 5});
        let index =
            json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}).to_string();
        registry
            .put_manifest("a", "index", INDEX, index.clone())
            .await;
        let text = refused(
            registry.delete(&format!("/v2/a/manifests/{child}")).await,
            405,
            "UNSUPPORTED",
        )
        .await;
        let parent = sha256(index.as_bytes());
        assert!(text.contains(parent.as_str()));
        for digest in [parent, child] {
            let response = registry.delete(&format!("/v2/a/manifests/{digest}")).await;
            assert_eq!(response.status(), StatusCode::ACCEPTED);
        }
    })
    .await;
}

#[tokio::test]
async fn rule_16_deleting_can_be_turned_off_for_tags_as_well() {
    on_each_backend_with("registry.allow_delete = false", async |registry| {
        let digest = registry.push_image("a", "v1", b"layer").await;
        let blob = sha256(b"layer");
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
    })
    .await;
}
