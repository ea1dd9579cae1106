//! `GET /api/v1/profiles` and one profile with its text.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use http::Extensions;
use registry_store::{ProfileEntry, ProfileQuery};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::Problem;
use utoipa::{IntoParams, ToSchema};

use super::{Lint, bad_cursor, bad_path, bad_query, cursor, failed, page_size, repository};
use crate::access::Action;
use crate::state::RegistryState;

const FOLDER: &str = "profiles";

/// Which profiles to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListProfiles {
    /// Only this project.
    project: Option<String>,
    /// How many at most; 100 if it is left out, 1000 at most.
    limit: Option<u32>,
    /// The `next` of the page before.
    last: Option<String>,
}

/// A page of profiles.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProfilePage {
    profiles: Vec<ProfileView>,
    /// What to send as `last` for the next page; null on the last one.
    next: Option<String>,
}

/// A version of a profile.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProfileView {
    project: String,
    name: String,
    version: String,
    description: Option<String>,
    labels: BTreeMap<String, String>,
    /// cluster, infra, add-on or system
    kind: String,
    cloud_type: String,
    /// Name, layer, version and tag of each pack.
    #[schema(value_type = Vec<Object>)]
    packs: Vec<Value>,
    /// The manifest's digest.
    #[schema(value_type = String)]
    digest: registry_pack::Digest,
    #[schema(value_type = String, format = DateTime)]
    pushed_at: jiff::Timestamp,
    lint: Lint,
}

/// A version of a profile with its text, verbatim.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProfileDetails {
    #[serde(flatten)]
    profile: ProfileView,
    /// The text as it was pushed, JSON or YAML.
    document: String,
    /// What lint found.
    #[schema(value_type = Vec<Object>)]
    findings: Vec<Value>,
}

/// Lists profiles by project, name and version.
#[utoipa::path(
    get, path = "/api/v1/profiles", tag = "profiles", params(ListProfiles),
    responses((status = 200, body = ProfilePage), (status = 400, description = "the query cannot be read"))
)]
pub(super) async fn list_profiles(
    State(state): State<RegistryState>,
    query: Result<Query<ListProfiles>, QueryRejection>,
    extensions: Extensions,
) -> Result<Json<ProfilePage>, Problem> {
    let Query(query) = query.map_err(|rejection| bad_query(&rejection))?;
    let size = page_size(query.limit);
    let after = match query.last.as_deref() {
        Some(last) => Some(cursor(last).ok_or_else(|| bad_cursor(last))?),
        None => None,
    };
    let wanted = ProfileQuery {
        project: query.project,
        after,
    };
    let mut profiles = state
        .store()
        .profiles(&wanted, size + 1)
        .await
        .map_err(failed)?;
    let more = profiles.len() > size as usize;
    profiles.truncate(size as usize);
    let next = profiles
        .last()
        .filter(|_| more)
        .map(|profile| format!("{}/{}/{}", profile.project, profile.name, profile.version));
    profiles.retain(|profile| is_visible(&state, &extensions, &profile.project, &profile.name));
    let profiles = profiles.into_iter().map(|entry| view(entry).0).collect();
    Ok(Json(ProfilePage { profiles, next }))
}

/// Shows one version of a profile.
#[utoipa::path(
    get, path = "/api/v1/profiles/{project}/{name}/{version}", tag = "profiles",
    params(
        ("project" = String, Path, description = "the project; slashes as %2F"),
        ("name" = String, Path, description = "the profile's name"),
        ("version" = String, Path, description = "its version"),
    ),
    responses(
        (status = 200, body = ProfileDetails),
        (status = 404, description = "there is no such profile"),
    )
)]
pub(super) async fn show_profile(
    State(state): State<RegistryState>,
    path: Result<Path<(String, String, String)>, PathRejection>,
    extensions: Extensions,
) -> Result<Json<ProfileDetails>, Problem> {
    let Path((project, name, version)) = path.map_err(|rejection| bad_path(&rejection))?;
    let found = if is_visible(&state, &extensions, &project, &name) {
        state
            .store()
            .profile(&project, &name, &version)
            .await
            .map_err(failed)?
    } else {
        None
    };
    let (entry, document) = found.ok_or_else(|| {
        Problem::not_found(format!("there is no profile {project}/{name}:{version}"))
            .with_remedy("list what there is with GET /api/v1/profiles")
    })?;
    let (profile, findings) = view(entry);
    Ok(Json(ProfileDetails {
        profile,
        document,
        findings,
    }))
}

fn is_visible(state: &RegistryState, caller: &Extensions, project: &str, name: &str) -> bool {
    repository(project, FOLDER, name)
        .is_some_and(|name| state.access().allows(caller, &name, Action::Pull))
}

fn view(profile: ProfileEntry) -> (ProfileView, Vec<Value>) {
    let view = ProfileView {
        project: profile.project,
        name: profile.name,
        version: profile.version,
        description: profile.description,
        labels: profile.labels,
        kind: profile.kind,
        cloud_type: profile.cloud_type,
        packs: profile.packs,
        digest: profile.digest,
        pushed_at: profile.pushed_at,
        lint: Lint {
            errors: profile.lint_errors,
            warnings: profile.lint_warnings,
        },
    };
    (view, profile.findings)
}
