//! The OCI distribution API: one table of paths and methods, a file per noun.
//!
//! It knows the specification and the store; of packs it knows only that a
//! pushed manifest may have an entry for the index.

mod blobs;
mod catalog;
mod condition;
mod detached;
mod document;
mod error;
mod headers;
mod manifests;
mod path;
mod query;
mod receive;
mod referrers;
mod tags;
mod uploads;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::ALLOW;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request};
use registry_pack::RepositoryName;

use crate::access::Action;
use crate::state::RegistryState;

pub(crate) use catalog::PAGE as CATALOG_PAGE;
pub(crate) use document::{Document, NESTING as MANIFEST_DEPTH};
pub(crate) use error::{Code, OciError};
pub(crate) use headers::WARNING_CHARS;
pub(crate) use manifests::{MANIFEST_BYTES, TAGS};
use path::Endpoint;
pub(crate) use referrers::{PAGE as REFERRERS_PAGE, PAGE_BYTES as REFERRERS_PAGE_BYTES};
pub(crate) use tags::PAGE as TAGS_PAGE;
pub(crate) use uploads::HOLDERS;

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// What a handler gets to see of a request beside its body.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a RegistryState,
    pub(crate) parts: &'a Parts,
}

impl Call<'_> {
    /// Refuses what the caller may not do.
    pub(crate) fn require(
        &self,
        repository: &RepositoryName,
        action: Action,
    ) -> Result<(), OciError> {
        if self.allows(repository, action) {
            return Ok(());
        }
        let message = format!("you may not {action} {repository}");
        Err(OciError::new(
            http::StatusCode::FORBIDDEN,
            Code::Denied,
            message,
        ))
    }

    pub(crate) fn allows(&self, repository: &RepositoryName, action: Action) -> bool {
        self.state
            .access()
            .allows(&self.parts.extensions, repository, action)
    }
}

/// Answers every request under `/v2`.
pub(crate) async fn serve(State(state): State<RegistryState>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let mut response = match answer(&state, &parts, body).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    };
    response
        .headers_mut()
        .insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    response
}

async fn answer(state: &RegistryState, parts: &Parts, body: Body) -> Result<Response, OciError> {
    let endpoint = path::parse(parts.uri.path())?;
    let call = Call { state, parts };
    let method = parts.method.as_str();
    match (method, endpoint) {
        ("GET" | "HEAD", Endpoint::Base) => Ok(base()),
        ("GET" | "HEAD", Endpoint::Catalog) => catalog::list(&call).await,
        ("GET" | "HEAD", Endpoint::Tags(name)) => tags::list(&call, &name).await,
        ("GET" | "HEAD", Endpoint::Manifest(name, reference)) => {
            manifests::get(&call, &name, &reference).await
        }
        ("PUT", Endpoint::Manifest(name, reference)) => {
            manifests::put(&call, &name, reference, body).await
        }
        ("DELETE", Endpoint::Manifest(name, reference)) => {
            manifests::delete(&call, &name, &reference).await
        }
        ("GET" | "HEAD", Endpoint::Blob(name, digest)) => blobs::get(&call, &name, &digest).await,
        ("DELETE", Endpoint::Blob(name, digest)) => blobs::delete(&call, &name, &digest).await,
        ("POST", Endpoint::StartUpload(name)) => uploads::start(&call, &name, body).await,
        ("GET" | "HEAD", Endpoint::Upload(name, id)) => uploads::status(&call, &name, &id).await,
        ("PATCH", Endpoint::Upload(name, id)) => uploads::append(&call, &name, &id, body).await,
        ("PUT", Endpoint::Upload(name, id)) => uploads::finish(&call, &name, &id, body).await,
        ("DELETE", Endpoint::Upload(name, id)) => uploads::cancel(&call, &name, &id).await,
        ("GET" | "HEAD", Endpoint::Referrers(name, digest)) => {
            referrers::list(&call, &name, &digest).await
        }
        (_, endpoint) => Err(not_allowed(&parts.method, &endpoint)),
    }
}

fn base() -> Response {
    axum::Json(serde_json::json!({})).into_response()
}

fn not_allowed(method: &Method, endpoint: &Endpoint) -> OciError {
    let allowed = match endpoint {
        Endpoint::Manifest(..) => "GET, HEAD, PUT, DELETE",
        Endpoint::Blob(..) => "GET, HEAD, DELETE",
        Endpoint::StartUpload(_) => "POST",
        Endpoint::Upload(..) => "GET, PATCH, PUT, DELETE",
        Endpoint::Base | Endpoint::Catalog | Endpoint::Tags(_) | Endpoint::Referrers(..) => {
            "GET, HEAD"
        }
    };
    OciError::unsupported(format!("{method} does nothing here; use {allowed}"))
        .with_header(ALLOW, HeaderValue::from_static(allowed))
}
