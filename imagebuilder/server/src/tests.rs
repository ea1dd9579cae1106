//! The routes over an engine that does not run: what is refused, and how.

mod contract;
mod operations;
mod stream;
mod webhooks;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use imagebuilder_engine::{
    Artifact, Descriptor, Engine, EngineConfig, Manifest, Registry, RegistryError, VenvRunner,
};
use imagebuilder_provider::FakeProvider;
use registry_pack::{Digest, RepositoryName};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::router::router;

/// A registry that holds nothing.
struct Empty;

fn nothing<T>(what: &str) -> Result<T, RegistryError> {
    Err(RegistryError::NotFound {
        what: what.to_owned(),
    })
}

#[async_trait]
impl Registry for Empty {
    async fn resolve(
        &self,
        _: &RepositoryName,
        _: &str,
    ) -> Result<Option<Descriptor>, RegistryError> {
        Ok(None)
    }
    async fn manifest(&self, _: &RepositoryName, _: &Digest) -> Result<Manifest, RegistryError> {
        nothing("manifest")
    }
    async fn blob(
        &self,
        _: &RepositoryName,
        _: &Descriptor,
        _: u64,
    ) -> Result<Vec<u8>, RegistryError> {
        nothing("blob")
    }
    async fn download(
        &self,
        _: &RepositoryName,
        _: &Descriptor,
        _: &Path,
    ) -> Result<(), RegistryError> {
        nothing("blob")
    }
    async fn referrers(
        &self,
        _: &RepositoryName,
        _: &Digest,
        _: &str,
    ) -> Result<Vec<Descriptor>, RegistryError> {
        Ok(Vec::new())
    }
    async fn upload(&self, _: &RepositoryName, _: &Path, _: &Digest) -> Result<(), RegistryError> {
        nothing("repository")
    }
    async fn push(
        &self,
        _: &RepositoryName,
        _: Option<&str>,
        _: &Artifact,
    ) -> Result<Descriptor, RegistryError> {
        nothing("repository")
    }
    async fn delete(&self, _: &RepositoryName, _: &Digest) -> Result<(), RegistryError> {
        Ok(())
    }
}

async fn routes() -> (TempDir, Router) {
    let (folder, engine) = engine().await;
    (folder, router(engine, CancellationToken::new()))
}

async fn engine() -> (TempDir, Engine) {
    let folder = tempfile::tempdir().unwrap();
    let provider = FakeProvider::open(&folder.path().join("cloud")).unwrap();
    let venv = folder.path().join("venv");
    let config = EngineConfig::new(folder.path().join("builder"), venv.clone());
    let ansible = VenvRunner::new(venv, folder.path().join("ansible"));
    let engine = Engine::open(
        config,
        Arc::new(provider),
        Arc::new(Empty),
        Arc::new(ansible),
    )
    .await
    .unwrap();
    (folder, engine)
}

async fn ask(router: &Router, method: &str, path: &str, body: Option<&str>) -> (StatusCode, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json");
    let request = request
        .body(Body::from(body.unwrap_or_default().to_owned()))
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (
        status,
        serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    )
}

#[tokio::test]
async fn lists_are_empty_at_first_and_have_no_next_page() {
    let (_folder, router) = routes().await;
    for (path, key) in [
        ("/api/v1/images", "images"),
        ("/api/v1/builds?limit=3", "builds"),
    ] {
        let (status, body) = ask(&router, "GET", path, None).await;
        assert_eq!(
            (status, body),
            (StatusCode::OK, json!({key: [], "next": null}))
        );
    }
}

#[tokio::test]
async fn refusals_are_problems_with_the_right_status() {
    let (_folder, router) = routes().await;
    let signature = "0".repeat(64);
    let cases = [
        (
            "POST",
            "/api/v1/images".to_owned(),
            Some("{"),
            StatusCode::BAD_REQUEST,
        ),
        (
            "POST",
            "/api/v1/images".to_owned(),
            Some(r#"{"profile": "p/profiles/x:1", "colour": 1}"#),
            StatusCode::BAD_REQUEST,
        ),
        (
            "POST",
            "/api/v1/images".to_owned(),
            Some(r#"{"profile": "p/profiles/x:1", "provider": "moon"}"#),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "POST",
            "/api/v1/images".to_owned(),
            Some(r#"{"profile": "p/profiles/x:1", "provider": "fake"}"#),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "GET",
            "/api/v1/images?limit=many".to_owned(),
            None,
            StatusCode::BAD_REQUEST,
        ),
        (
            "GET",
            format!("/api/v1/images/{signature}"),
            None,
            StatusCode::NOT_FOUND,
        ),
        (
            "GET",
            format!("/api/v1/images/{signature}/explain"),
            None,
            StatusCode::NOT_FOUND,
        ),
        (
            "GET",
            format!("/api/v1/images/{signature}/diff/{signature}"),
            None,
            StatusCode::NOT_FOUND,
        ),
        (
            "GET",
            "/api/v1/builds/none".to_owned(),
            None,
            StatusCode::NOT_FOUND,
        ),
        (
            "GET",
            "/api/v1/builds/none/events".to_owned(),
            None,
            StatusCode::NOT_FOUND,
        ),
        (
            "GET",
            "/api/v1/builds/none/logs".to_owned(),
            None,
            StatusCode::NOT_FOUND,
        ),
        (
            "POST",
            "/api/v1/builds/none/cancel".to_owned(),
            None,
            StatusCode::NOT_FOUND,
        ),
    ];
    for (method, path, body, wanted) in cases {
        let (status, problem) = ask(&router, method, &path, body).await;
        assert_eq!(status, wanted, "{method} {path} {body:?}: {problem}");
        assert_eq!(
            problem["status"],
            wanted.as_u16(),
            "{method} {path}: {problem}"
        );
        assert!(
            problem["detail"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{problem}"
        );
    }
}

#[tokio::test]
async fn a_missing_profile_is_named_with_the_remedy() {
    let (_folder, router) = routes().await;
    let body = r#"{"profile": "library/profiles/x:1.0.0", "provider": "fake"}"#;
    let (_, problem) = ask(&router, "POST", "/api/v1/images", Some(body)).await;
    assert_eq!(problem["reason"], "ProfileNotFound");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("packyard profile push"),
        "{problem}"
    );
}

#[test]
fn every_route_is_described() {
    let described = crate::openapi();
    let paths: Vec<&String> = described.paths.paths.keys().collect();
    let source = include_str!("router.rs");
    for path in &paths {
        assert!(
            source.contains(path.as_str()),
            "{path} is described and not served"
        );
    }
    assert_eq!(
        source.matches("\"/api/v1/").count(),
        paths.len(),
        "a route is served and not described: {paths:?}"
    );
}
