//! `GET /api/v1/packs` and one pack with its texts.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use http::Extensions;
use registry_store::{PackDocuments, PackEntry, PackQuery};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::Problem;
use utoipa::{IntoParams, ToSchema};

use super::{Lint, bad_cursor, bad_path, bad_query, cursor, failed, page_size, repository};
use crate::access::Action;
use crate::state::RegistryState;

const FOLDER: &str = "spectro-packs/archive";

/// Which packs to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListPacks {
    /// Only this project.
    project: Option<String>,
    /// Only packs of this name.
    name: Option<String>,
    /// Only this layer: kernel, os, k8s, cni, csi or addon.
    layer: Option<String>,
    /// How many at most; 100 if it is left out, 1000 at most.
    limit: Option<u32>,
    /// The `next` of the page before.
    last: Option<String>,
}

/// A page of packs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PackPage {
    packs: Vec<PackView>,
    /// What to send as `last` for the next page; null on the last one.
    next: Option<String>,
}

/// A version of a pack.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PackView {
    project: String,
    name: String,
    version: String,
    layer: String,
    display_name: String,
    cloud_types: Vec<String>,
    annotations: BTreeMap<String, String>,
    /// The manifest's digest.
    #[schema(value_type = String)]
    digest: registry_pack::Digest,
    archive: ArchiveView,
    #[schema(value_type = String, format = DateTime)]
    pushed_at: jiff::Timestamp,
    lint: Lint,
    /// Why it should no longer be used; empty without a reason, null while it may be.
    deprecated: Option<String>,
}

/// The archive of a pack.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ArchiveView {
    #[schema(value_type = String)]
    digest: registry_pack::Digest,
    /// In bytes.
    size: u64,
}

/// A version of a pack with its texts, verbatim.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PackDetails {
    #[serde(flatten)]
    pack: PackView,
    values: Option<String>,
    readme: Option<String>,
    presets: Option<String>,
    schema: Option<String>,
    /// What lint found.
    #[schema(value_type = Vec<Object>)]
    findings: Vec<Value>,
}

/// Lists packs by project, name and version.
#[utoipa::path(
    get, path = "/api/v1/packs", tag = "packs", params(ListPacks),
    responses((status = 200, body = PackPage), (status = 400, description = "the query cannot be read"))
)]
pub(super) async fn list_packs(
    State(state): State<RegistryState>,
    query: Result<Query<ListPacks>, QueryRejection>,
    extensions: Extensions,
) -> Result<Json<PackPage>, Problem> {
    let Query(query) = query.map_err(|rejection| bad_query(&rejection))?;
    let size = page_size(query.limit);
    let after = match query.last.as_deref() {
        Some(last) => Some(cursor(last).ok_or_else(|| bad_cursor(last))?),
        None => None,
    };
    let wanted = PackQuery {
        project: query.project,
        name: query.name,
        layer: query.layer,
        after,
    };
    let mut packs = state
        .store()
        .packs(&wanted, size + 1)
        .await
        .map_err(failed)?;
    let more = packs.len() > size as usize;
    packs.truncate(size as usize);
    let next = packs
        .last()
        .filter(|_| more)
        .map(|pack| format!("{}/{}/{}", pack.project, pack.name, pack.version));
    packs.retain(|pack| is_visible(&state, &extensions, &pack.project, &pack.name));
    Ok(Json(PackPage {
        packs: views(&state, packs).await?,
        next,
    }))
}

/// Shows one version of a pack.
#[utoipa::path(
    get, path = "/api/v1/packs/{project}/{name}/{version}", tag = "packs",
    params(
        ("project" = String, Path, description = "the project; slashes as %2F"),
        ("name" = String, Path, description = "the pack's name"),
        ("version" = String, Path, description = "its version"),
    ),
    responses((status = 200, body = PackDetails), (status = 404, description = "there is no such pack"))
)]
pub(super) async fn show_pack(
    State(state): State<RegistryState>,
    path: Result<Path<(String, String, String)>, PathRejection>,
    extensions: Extensions,
) -> Result<Json<PackDetails>, Problem> {
    let Path((project, name, version)) = path.map_err(|rejection| bad_path(&rejection))?;
    let found = if is_visible(&state, &extensions, &project, &name) {
        state
            .store()
            .pack(&project, &name, &version)
            .await
            .map_err(failed)?
    } else {
        None
    };
    let (entry, documents) = found.ok_or_else(|| {
        Problem::not_found(format!("there is no pack {project}/{name}:{version}"))
            .with_remedy("list what there is with GET /api/v1/packs")
    })?;
    let pack = views(&state, vec![entry]).await?.pop();
    let pack = pack.ok_or_else(|| Problem::not_found("the pack is gone"))?;
    Ok(Json(details(pack, documents)))
}

fn is_visible(state: &RegistryState, caller: &Extensions, project: &str, name: &str) -> bool {
    repository(project, FOLDER, name)
        .is_some_and(|name| state.access().allows(caller, &name, Action::Pull))
}

/// The entries as they are shown, with what was said about them since.
async fn views(state: &RegistryState, packs: Vec<PackEntry>) -> Result<Vec<PackView>, Problem> {
    let manifests: Vec<_> = packs
        .iter()
        .filter_map(|pack| {
            let repository = repository(&pack.project, FOLDER, &pack.name)?;
            Some((repository, pack.digest.clone()))
        })
        .collect();
    let store = state.store();
    let reasons = store.deprecations(&manifests).await.map_err(failed)?;
    let view = |pack: PackEntry| {
        let repository = repository(&pack.project, FOLDER, &pack.name);
        let deprecated =
            repository.and_then(|name| reasons.get(&(name.to_string(), pack.digest.to_string())));
        view(pack, deprecated.cloned())
    };
    Ok(packs.into_iter().map(view).collect())
}

fn view(pack: PackEntry, deprecated: Option<String>) -> PackView {
    PackView {
        project: pack.project,
        name: pack.name,
        version: pack.version,
        layer: pack.layer,
        display_name: pack.display_name,
        cloud_types: pack.cloud_types,
        annotations: pack.annotations,
        digest: pack.digest,
        archive: ArchiveView {
            digest: pack.archive_digest,
            size: pack.archive_bytes,
        },
        pushed_at: pack.pushed_at,
        lint: Lint {
            errors: pack.lint_errors,
            warnings: pack.lint_warnings,
        },
        deprecated,
    }
}

fn details(pack: PackView, documents: PackDocuments) -> PackDetails {
    PackDetails {
        pack,
        values: documents.values,
        readme: documents.readme,
        presets: documents.presets,
        schema: documents.schema,
        findings: documents.findings,
    }
}
