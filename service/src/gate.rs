//! Who may talk to the server at all: the safe defaults.
//!
//! Without configuration the server listens on loopback only and lets everybody
//! on this machine in, but not the web pages they visit: a page can make a
//! browser send requests to a loopback port (CSRF), and can point a name of its
//! own at 127.0.0.1 to read the answers (DNS rebinding). So the Host must be
//! loopback, and an Origin, if there is one, must be the server itself.

use std::net::{IpAddr, SocketAddr};

use axum::Json;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use serde_json::json;

use crate::auth::{AuthError, Authenticator, Principal};
use crate::config::ServerConfig;
use crate::problem::Problem;

/// Paths that a health checker may ask without saying who it is.
const OPEN_PATHS: [&str; 2] = ["/healthz", "/readyz"];

/// What is asked of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody on this machine: Host must be loopback.
    Loopback,
    /// Whoever proves to be a user.
    Users,
    /// Everybody who reaches the port; only with `insecure`.
    Everybody,
}

/// Why a server refuses to start. The remedy is part of the message.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnsafeAddress {
    /// Not loopback, and nobody has to log in.
    #[error(
        "refusing to listen on {0} without authentication: everybody who reaches the port could change everything"
    )]
    NoAuthentication(SocketAddr),
    /// Not loopback, and passwords would travel in the clear.
    #[error("refusing to listen on {0} without TLS: passwords would travel in the clear")]
    NoTls(SocketAddr),
}

impl UnsafeAddress {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::NoAuthentication(_) => {
                "set auth.htpasswd, server.tls_certificate and server.tls_key; or listen on 127.0.0.1; \
                 or pass --insecure if the network itself is trusted"
            }
            Self::NoTls(_) => {
                "set server.tls_certificate and server.tls_key; or listen on 127.0.0.1 behind a proxy \
                 that speaks TLS; or pass --insecure if the network itself is trusted"
            }
        }
    }
}

/// The layer that lets requests in. Cloning shares it.
#[derive(Clone)]
pub struct Gate {
    access: Access,
    public: Option<Authority>,
    authenticator: Authenticator,
}

impl Gate {
    /// Chooses what is asked of requests, and refuses unsafe addresses.
    ///
    /// # Errors
    /// When the address is not loopback and authentication or TLS is missing.
    pub fn new(config: &ServerConfig, authenticator: Authenticator) -> Result<Self, UnsafeAddress> {
        let loopback = config.listen.ip().is_loopback();
        let users = authenticator.has_users();
        let tls = config.tls_certificate.is_some() && config.tls_key.is_some();
        if !loopback && !config.insecure {
            if !users {
                return Err(UnsafeAddress::NoAuthentication(config.listen));
            }
            if !tls {
                return Err(UnsafeAddress::NoTls(config.listen));
            }
        }
        let access = match (users, loopback) {
            (true, _) => Access::Users,
            (false, true) => Access::Loopback,
            (false, false) => Access::Everybody,
        };
        let public = config.public_url.as_deref().and_then(|url| {
            let uri: Uri = url.parse().ok()?;
            uri.authority().cloned()
        });
        Ok(Self {
            access,
            public,
            authenticator,
        })
    }

    /// What is asked of requests.
    pub fn access(&self) -> Access {
        self.access
    }

    async fn admit(&self, uri: &Uri, headers: &HeaderMap) -> Result<Principal, Refusal> {
        let host = host(uri, headers).ok_or(Refusal::BadHost)?;
        if self.access == Access::Loopback && !is_loopback(&host) && !self.is_public(&host) {
            return Err(Refusal::ForeignHost);
        }
        if !self.origin_is_ours(headers, &host) {
            return Err(Refusal::ForeignOrigin);
        }
        if OPEN_PATHS.contains(&uri.path()) {
            return Ok(Principal::Anonymous);
        }
        match headers.get(header::AUTHORIZATION) {
            Some(header) => match self.authenticator.check(header).await {
                Ok(principal) => Ok(principal),
                // Clients send what they have stored; where nobody needs it, it does no harm.
                Err(_) if self.access != Access::Users => Ok(Principal::Anonymous),
                Err(error) => Err(Refusal::Unauthorized(error)),
            },
            None if self.access == Access::Users => Err(Refusal::Unauthorized(AuthError::Missing)),
            None => Ok(Principal::Anonymous),
        }
    }

    fn is_public(&self, host: &Authority) -> bool {
        self.public.as_ref().is_some_and(|public| public == host)
    }

    /// A browser names the page that a request comes from; other clients name nothing.
    fn origin_is_ours(&self, headers: &HeaderMap, host: &Authority) -> bool {
        let cross_site = headers
            .get("sec-fetch-site")
            .is_some_and(|site| site == "cross-site");
        let Some(origin) = headers.get(header::ORIGIN) else {
            return !cross_site;
        };
        let authority = origin
            .to_str()
            .ok()
            .and_then(|text| text.parse::<Uri>().ok())
            .and_then(|uri| uri.authority().cloned());
        authority.is_some_and(|authority| authority == *host || self.is_public(&authority))
    }
}

/// The layer's function: `axum::middleware::from_fn_with_state(gate, guard)`.
pub async fn guard(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match gate.admit(&parts.uri, &parts.headers).await {
        Ok(principal) => {
            parts.extensions.insert(principal);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(refusal) => refusal.answer(parts.uri.path(), gate.authenticator.realm()),
    }
}

enum Refusal {
    BadHost,
    ForeignHost,
    ForeignOrigin,
    Unauthorized(AuthError),
}

impl Refusal {
    fn answer(&self, path: &str, realm: &str) -> Response {
        let (status, code, kind, detail, remedy) = match self {
            Self::BadHost => (
                StatusCode::BAD_REQUEST,
                "UNSUPPORTED",
                "bad-host",
                "the request has no usable Host header".to_owned(),
                "send the server's own address as Host",
            ),
            Self::ForeignHost => (
                StatusCode::FORBIDDEN,
                "DENIED",
                "foreign-host",
                "without authentication the server answers only to loopback names".to_owned(),
                "use http://127.0.0.1:PORT, or configure auth.htpasswd and TLS",
            ),
            Self::ForeignOrigin => (
                StatusCode::FORBIDDEN,
                "DENIED",
                "foreign-origin",
                "the request was sent by a web page of another site".to_owned(),
                "set server.public_url if the page is served from this server's public address",
            ),
            Self::Unauthorized(error) => (
                StatusCode::UNAUTHORIZED,
                "UNAUTHORIZED",
                "unauthorized",
                error.to_string(),
                "log in: packyard login HOST",
            ),
        };
        let mut response = if path == "/v2" || path.starts_with("/v2/") {
            let body = json!({"errors": [{"code": code, "message": detail, "detail": remedy}]});
            (status, Json(body)).into_response()
        } else {
            Problem::new(status, kind, detail)
                .with_remedy(remedy)
                .into_response()
        };
        if status == StatusCode::UNAUTHORIZED {
            let quoted = realm.replace(['"', '\\'], "");
            let challenge = format!("Basic realm=\"{quoted}\", charset=\"UTF-8\"");
            let value = HeaderValue::from_str(&challenge)
                .unwrap_or_else(|_| HeaderValue::from_static("Basic realm=\"packyard\""));
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, value);
        }
        response
    }
}

fn host(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    if let Some(authority) = uri.authority() {
        return Some(authority.clone());
    }
    headers.get(header::HOST)?.to_str().ok()?.parse().ok()
}

fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host();
    if host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>()
        .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
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
}
