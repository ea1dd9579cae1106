//! Requests whose client goes away while they are answered.

use std::time::Duration;

use axum::body::Body;
use http::{Method, Request, StatusCode};
use registry_server::router;
use tower::ServiceExt as _;

use crate::support::Registry;

/// A manifest without content of its own.
const MANIFEST: &str = r#"{"schemaVersion":2,"manifests":[]}"#;
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_delete_that_is_given_up_leaves_no_old_answer() {
    let registry = Registry::start().await;
    for round in 0..300_u32 {
        let path = format!("/v2/a/manifests/v{round}");
        let put = registry.request(Method::PUT, &path);
        let put = put.header("content-type", INDEX).body(MANIFEST);
        assert_eq!(put.send().await.unwrap().status(), StatusCode::CREATED);
        let request = Request::delete(&path).body(Body::empty()).unwrap();
        let delete = router(registry.state.clone()).oneshot(request);
        let patience = Duration::from_micros(u64::from(round % 30) * 40);
        drop(tokio::time::timeout(patience, delete).await);
        for _ in 0..4 {
            drop(registry.get(&path).await);
        }
        // The delete may still be on its way, once: an old answer stays until the next write.
        let mut same = false;
        for _ in 0..40 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            same = is_answered(&registry, &path).await == is_listed(&registry, &path).await;
            if same {
                break;
            }
        }
        assert!(same, "round {round}");
    }
}

async fn is_answered(registry: &Registry, path: &str) -> bool {
    registry.get(path).await.status() == StatusCode::OK
}

/// What the database says, which lists come from.
async fn is_listed(registry: &Registry, path: &str) -> bool {
    let tag = path.rsplit('/').next().unwrap_or_default();
    let listed = registry.get("/v2/a/tags/list").await.text().await;
    listed.expect("a body").contains(&format!("\"{tag}\""))
}
