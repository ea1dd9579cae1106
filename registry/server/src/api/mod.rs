//! The registry's own API: packs and profiles as a catalog shows them.
//!
//! The catalog is only read here; pushing is `/v2`. What an administrator may
//! do is below `/api/v1/admin`.

mod fsck;
mod gc;
mod openapi;
mod packs;
mod profiles;

use axum::Router;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::routing::get;
use http::{Extensions, StatusCode};
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
            get(gc::show_collection).post(gc::begin_collection),
        )
        .route(
            "/api/v1/admin/fsck",
            get(fsck::show_fsck)
                .post(fsck::start_fsck)
                .delete(fsck::stop_fsck),
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

/// What a caller gets who does not administer the registry.
fn refusal(state: &RegistryState, caller: &Extensions) -> Option<Problem> {
    let detail = "only those who administer the registry may do this";
    (!state.access().administers(caller))
        .then(|| Problem::new(StatusCode::FORBIDDEN, "forbidden", detail))
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
