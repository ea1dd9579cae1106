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
mod tests;
