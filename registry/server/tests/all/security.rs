//! Mistakes that other registries had to publish, each tried on ours.

use std::sync::Arc;

use http::Extensions;
use registry_pack::{Digest, RepositoryName};
use registry_server::{Access, Action};
use reqwest::{Method, StatusCode};

use crate::support::{Registry, refused};

/// Everybody may read `open/…` and write everywhere but there.
struct OpenOnly;

impl Access for OpenOnly {
    fn allows(&self, _: &Extensions, repository: &RepositoryName, action: Action) -> bool {
        (repository.project() == "open") == (action == Action::Pull)
    }

    fn administers(&self, _: &Extensions) -> bool {
        false
    }
}

#[tokio::test]
async fn a_mount_needs_the_right_to_read_where_the_blob_is() {
    let registry = Registry::start_with(|config| config.access = Arc::new(OpenOnly)).await;
    let digest = registry.push_blob("secret/a", b"secret").await;
    for from in ["&from=secret/a", ""] {
        let path = format!("/v2/other/b/blobs/uploads/?mount={digest}{from}");
        assert_eq!(
            registry.send(Method::POST, &path).await.status(),
            StatusCode::ACCEPTED
        );
    }
    refused(
        registry.get(&format!("/v2/open/b/blobs/{digest}")).await,
        404,
        "BLOB_UNKNOWN",
    )
    .await;
    refused(
        registry.get(&format!("/v2/secret/a/blobs/{digest}")).await,
        403,
        "DENIED",
    )
    .await;
}

#[tokio::test]
async fn every_endpoint_asks_whether_the_caller_may() {
    struct Nobody;
    impl Access for Nobody {
        fn allows(&self, _: &Extensions, _: &RepositoryName, _: Action) -> bool {
            false
        }

        fn administers(&self, _: &Extensions) -> bool {
            false
        }
    }
    let registry = Registry::start_with(|config| config.access = Arc::new(Nobody)).await;
    let digest = Digest::sha256(b"x");
    let endpoints = [
        ("GET HEAD DELETE", format!("/v2/a/blobs/{digest}")),
        ("GET HEAD PUT DELETE", "/v2/a/manifests/v1".to_owned()),
        ("GET HEAD PUT DELETE", format!("/v2/a/manifests/{digest}")),
        ("POST", "/v2/a/blobs/uploads/".to_owned()),
        ("POST", format!("/v2/a/blobs/uploads/?digest={digest}")),
        (
            "POST",
            format!("/v2/a/blobs/uploads/?mount={digest}&from=b"),
        ),
        ("GET PATCH PUT DELETE", "/v2/a/blobs/uploads/id".to_owned()),
        ("GET", "/v2/a/tags/list".to_owned()),
        ("GET", format!("/v2/a/referrers/{digest}")),
    ];
    for (methods, path) in endpoints {
        for method in methods.split(' ') {
            let method: Method = method.parse().expect("a method");
            let response = registry.send(method.clone(), &path).await;
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{method} {path}");
        }
    }
    assert_eq!(
        registry.json("/v2/_catalog").await["repositories"],
        serde_json::json!([])
    );
}

#[tokio::test]
async fn the_catalog_tells_nothing_of_what_may_not_be_read() {
    struct ByProject;
    impl Access for ByProject {
        fn allows(&self, _: &Extensions, repository: &RepositoryName, action: Action) -> bool {
            action != Action::Pull || repository.project() == "open"
        }
    }
    let registry = Registry::start_with(|config| config.access = Arc::new(ByProject)).await;
    for name in ["a/1", "open/1", "open/2", "open/3", "p/1", "p/2", "z/1"] {
        registry.push_image(name, "v1", b"layer").await;
    }
    let mut path = "/v2/_catalog?n=2".to_owned();
    let mut pages = Vec::new();
    loop {
        let page = registry.get(&path).await;
        let link = page.headers().get("link").cloned();
        let body: serde_json::Value = page.json().await.expect("JSON");
        pages.push(body["repositories"].clone());
        let Some(link) = link else { break };
        let link = link.to_str().expect("text").to_owned();
        path = link[1..link.find('>').expect("a target")].to_owned();
        assert_eq!(path, "/v2/_catalog?n=2&last=open%2F2");
    }
    assert_eq!(
        serde_json::json!(pages),
        serde_json::json!([["open/1", "open/2"], ["open/3"]])
    );
}

#[tokio::test]
async fn a_blob_belongs_to_the_repositories_that_hold_it() {
    let registry = Registry::start().await;
    let digest = registry.push_blob("a", b"mine").await;
    for method in [Method::GET, Method::DELETE] {
        let response = registry
            .send(method, &format!("/v2/b/blobs/{digest}"))
            .await;
        refused(response, 404, "BLOB_UNKNOWN").await;
    }
    let upload = registry.begin("a").await.replace("/v2/a/", "/v2/b/");
    refused(registry.get(&upload).await, 404, "BLOB_UPLOAD_UNKNOWN").await;
}

#[tokio::test]
async fn a_deleted_blob_is_not_readable_from_a_cache() {
    let registry = Registry::start().await;
    let digest = registry.push_blob("a", b"gone").await;
    let other = format!("/v2/b/blobs/uploads/?mount={digest}&from=a");
    registry.send(Method::POST, &other).await;
    let path = format!("/v2/a/blobs/{digest}");
    assert_eq!(registry.get(&path).await.status(), StatusCode::OK);
    assert_eq!(registry.delete(&path).await.status(), StatusCode::ACCEPTED);
    refused(registry.get(&path).await, 404, "BLOB_UNKNOWN").await;
    assert_eq!(
        registry
            .get(&format!("/v2/b/blobs/{digest}"))
            .await
            .status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_huge_page_is_cut_and_costs_nothing() {
    let registry = Registry::start().await;
    registry.push_image("a", "v1", b"layer").await;
    for path in [
        "/v2/_catalog?n=999999999999",
        "/v2/a/tags/list?n=4294967295",
        "/api/v1/packs?limit=4294967295",
    ] {
        assert_eq!(registry.get(path).await.status(), StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_failure_of_our_own_does_not_tell_its_cause() {
    let registry = Registry::start().await;
    let digest = registry.push_blob("a", b"lost").await;
    let hex = digest.trim_start_matches("sha256:");
    let path = registry
        .config
        .data_dir
        .join(format!("blobs/sha256/{}/{hex}", &hex[..2]));
    std::fs::remove_file(path).expect("removed");
    let response = registry.get(&format!("/v2/a/blobs/{digest}")).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let text = response.text().await.expect("text");
    assert!(
        !text.contains("blobs/") && !text.contains("os error"),
        "{text}"
    );
}
