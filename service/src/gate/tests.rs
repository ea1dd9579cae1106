//! Requests that are let in, and requests that are not.

use axum::Router;
use axum::body::Body;
use axum::middleware::from_fn_with_state;
use axum::routing::any;
use http::{Request, StatusCode};
use tower::ServiceExt as _;

use super::{Access, Gate, UnsafeAddress, guard};
use crate::auth::{Authenticator, Principal};
use crate::config::{AuthConfig, ServerConfig};

fn gate(listen: &str, change: impl FnOnce(&mut ServerConfig)) -> Result<Gate, UnsafeAddress> {
    let mut config = ServerConfig {
        listen: listen.parse().expect("an address"),
        ..ServerConfig::default()
    };
    change(&mut config);
    Gate::new(
        &config,
        Authenticator::new(&AuthConfig::default()).expect("no users"),
    )
}

async fn status(gate: Gate, headers: &[(&str, &str)]) -> StatusCode {
    let handler = any(|principal: Principal| async move { principal.to_string() });
    let router = Router::new()
        .fallback_service(handler)
        .layer(from_fn_with_state(gate, guard));
    let mut request = Request::get("/v2/").body(Body::empty()).expect("a request");
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().expect("a name");
        request
            .headers_mut()
            .insert(name, value.parse().expect("a value"));
    }
    router.oneshot(request).await.expect("an answer").status()
}

#[tokio::test]
async fn loopback_lets_this_machine_in_but_no_web_page() {
    let gate = gate("127.0.0.1:5000", |_| {}).expect("a safe address");
    assert_eq!(gate.access(), Access::Loopback);
    let ours = ("host", "127.0.0.1:5000");
    for (headers, expect) in [
        (vec![ours], StatusCode::OK),
        (vec![("host", "localhost:5000")], StatusCode::OK),
        (vec![("host", "[::1]:5000")], StatusCode::OK),
        (vec![("host", "127.9.9.9")], StatusCode::OK),
        (
            vec![("host", "rebound.example:5000")],
            StatusCode::FORBIDDEN,
        ),
        (vec![("host", "127.0.0.1.example")], StatusCode::FORBIDDEN),
        (vec![], StatusCode::BAD_REQUEST),
        (
            vec![ours, ("origin", "http://127.0.0.1:5000")],
            StatusCode::OK,
        ),
        (
            vec![ours, ("origin", "http://127.0.0.1:6000")],
            StatusCode::FORBIDDEN,
        ),
        (
            vec![ours, ("origin", "https://evil.example")],
            StatusCode::FORBIDDEN,
        ),
        (vec![ours, ("origin", "null")], StatusCode::FORBIDDEN),
        (
            vec![ours, ("sec-fetch-site", "cross-site")],
            StatusCode::FORBIDDEN,
        ),
        (
            vec![ours, ("authorization", "Basic bm86Ym9keQ==")],
            StatusCode::OK,
        ),
    ] {
        assert_eq!(status(gate.clone(), &headers).await, expect, "{headers:?}");
    }
}

#[tokio::test]
async fn users_have_to_prove_who_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("htpasswd");
    let hash = bcrypt::hash("secret", 4).expect("a hash");
    std::fs::write(&path, format!("ann:{hash}\n")).expect("written");
    let auth = AuthConfig {
        htpasswd: Some(path),
        ..AuthConfig::default()
    };
    let authenticator = Authenticator::new(&auth).expect("users");
    let gate = Gate::new(&ServerConfig::default(), authenticator).expect("a safe address");
    assert_eq!(gate.access(), Access::Users);
    let host = ("host", "packs.example");
    for (headers, expect) in [
        (vec![host], StatusCode::UNAUTHORIZED),
        (
            vec![host, ("authorization", "Basic YW5uOnNlY3JldA==")],
            StatusCode::OK,
        ),
        (
            vec![host, ("authorization", "Basic YW5uOndyb25n")],
            StatusCode::UNAUTHORIZED,
        ),
        (
            vec![
                host,
                ("authorization", "Basic YW5uOnNlY3JldA=="),
                ("origin", "https://evil.example"),
            ],
            StatusCode::FORBIDDEN,
        ),
    ] {
        assert_eq!(status(gate.clone(), &headers).await, expect, "{headers:?}");
    }
}

#[test]
fn an_open_address_needs_users_and_tls_or_plain_words() {
    let open = "0.0.0.0:5000";
    assert!(matches!(
        gate(open, |_| {}),
        Err(UnsafeAddress::NoAuthentication(_))
    ));
    let everybody = gate(open, |config| config.insecure = true).expect("told so");
    assert_eq!(everybody.access(), Access::Everybody);
    let told = gate(open, |_| {}).err().expect("refused");
    assert!(told.to_string().contains("0.0.0.0") && told.remedy().contains("--insecure"));
}
