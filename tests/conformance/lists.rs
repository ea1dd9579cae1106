//! Lists of tags and of repositories, in pages (rule 15).

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{header, on_each_backend, refused};

#[tokio::test]
async fn rule_15_tags_come_in_lexical_order_and_in_pages() {
    on_each_backend(async |registry| {
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
    })
    .await;
}

#[tokio::test]
async fn the_catalog_lists_repositories_with_content_in_pages() {
    on_each_backend(async |registry| {
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
    })
    .await;
}
