//! The registry's own API: packs and profiles as a catalog shows them.
//!
//! It only reads; pushing is `/v2`.

mod admin;
mod openapi;
mod packs;
mod profiles;

use axum::Router;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::routing::get;
use registry_pack::RepositoryName;
use registry_store::StoreError;
use serde::Serialize;
use service::Problem;
use utoipa::ToSchema;

use crate::state::RegistryState;

pub use openapi::openapi;

/// The longest page, and the one that is given when none is asked for.
pub(crate) const PAGE_MAX: u32 = 1000;
const PAGE: u32 = 100;

/// The routes of this API.
pub(crate) fn router() -> Router<RegistryState> {
    Router::new()
        .route("/api/v1/packs", get(packs::list_packs))
        .route(
            "/api/v1/packs/{project}/{name}/{version}",
            get(packs::show_pack),
        )
        .route("/api/v1/profiles", get(profiles::list_profiles))
        .route(
            "/api/v1/profiles/{project}/{name}/{version}",
            get(profiles::show_profile),
        )
        .route(
            "/api/v1/admin/gc",
            get(admin::show_collection).post(admin::begin_collection),
        )
}

/// How many complaints there are.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Lint {
    /// It will not work as it says.
    errors: u32,
    /// Somebody will be surprised.
    warnings: u32,
}

fn failed(error: StoreError) -> Problem {
    Problem::internal(&error)
}

fn bad_query(rejection: &QueryRejection) -> Problem {
    Problem::bad_request(rejection.body_text())
}

fn bad_path(rejection: &PathRejection) -> Problem {
    Problem::bad_request(rejection.body_text())
}

fn page_size(limit: Option<u32>) -> u32 {
    limit.unwrap_or(PAGE).clamp(1, PAGE_MAX)
}

/// The cursor `project/name/version`; a project may have slashes.
type Cursor = (String, String, String);

fn cursor(text: &str) -> Option<Cursor> {
    let mut parts = text.rsplitn(3, '/').map(str::to_owned);
    let (version, name, project) = (parts.next()?, parts.next()?, parts.next()?);
    Some((project, name, version))
}

fn bad_cursor(text: &str) -> Problem {
    Problem::bad_request(format!("last={text} is no cursor"))
        .with_remedy("take it from next of the page before")
}

/// The repository that an entry comes from, to ask whether the caller may see it.
fn repository(project: &str, folder: &str, name: &str) -> Option<RepositoryName> {
    let path = match project {
        "_" => format!("{folder}/{name}"),
        project => format!("{project}/{folder}/{name}"),
    };
    path.parse().ok()
}
