//! Captured stages: on this host, in the registry, and from one to the other.
//!
//! A stage is the difference to the stage below it. It is addressed by its
//! content-made id, so whoever captured it, it is the same; what comes out of
//! the registry is checked before anything stands on it.

mod base;
mod evict;
mod fetch;
mod keep;
mod pack;
mod push;
mod verify;

use imagebuilder_api::StageId;
use imagebuilder_api::signature::Link;
use imagebuilder_provider::DiskId;
use registry_pack::RepositoryName;

use crate::build::{Build, Plan};
use crate::failure::Failure;
use crate::journal::StageRow;
use crate::resolve::Resolved;
use crate::steps::StagePart;
use crate::workshop::Workshop;

pub(crate) use base::base_disk;
pub(crate) use evict::evict;
pub(crate) use keep::{discard_unkept, keep};
pub(crate) use push::push_next;
pub(crate) use verify::Verified;

/// Looks for the deepest stage that is there and says what is missing above it.
pub(crate) async fn plan(build: &Build, resolved: &Resolved) -> Result<Plan, Failure> {
    let chain = resolved
        .chain
        .as_ref()
        .ok_or_else(|| Failure::person("Internal", "there is nothing to build"))?;
    // What is chosen here stays: from now on it belongs to a build that has not ended.
    let _choosing = build.shop.choosing.read().await;
    let links = chain.links();
    let captured: Vec<usize> = (0..links.len())
        .filter(|at| links[*at].inputs.is_captured())
        .collect();
    let mut missing = Vec::new();
    for at in captured.iter().rev().copied() {
        let link = &links[at];
        if let Some(disk) = disk_of(build, resolved, &links, at).await? {
            missing.reverse();
            return Ok(Plan {
                start: Some((link.id.clone(), disk)),
                missing,
            });
        }
        missing.push(StagePart {
            id: link.id.clone(),
            name: link.inputs.name(),
            index: at,
        });
    }
    missing.reverse();
    Ok(Plan {
        start: None,
        missing,
    })
}

/// The disk of a captured stage, from this host or else from the registry.
async fn disk_of(
    build: &Build,
    resolved: &Resolved,
    links: &[Link<'_>],
    at: usize,
) -> Result<Option<DiskId>, Failure> {
    let shop = &build.shop;
    if let Some(disk) = kept(build, &links[at].id, build.fresh).await? {
        return Ok(Some(disk));
    }
    if build.fresh {
        return Ok(None);
    }
    match fetch::fetch(shop, resolved, links, at).await {
        Ok(disk) => Ok(disk),
        Err(failure) => {
            // A stage that cannot be fetched is made again; that is slower and never wrong.
            let name = links[at].inputs.name();
            tracing::warn!(build.id = %build.id, stage = name, "a stored stage is not usable: {failure}");
            let message = format!(
                "stage {name} is in the registry but not usable, and is made again: {failure}"
            );
            build
                .event(imagebuilder_api::EventType::Warning, None, &message, None)
                .await?;
            Ok(None)
        }
    }
}

/// The disk of a stage on this host; with `own`, only if this build captured it.
async fn kept(build: &Build, id: &StageId, own: bool) -> Result<Option<DiskId>, Failure> {
    let row = build.shop.journal.stage(id.as_str()).await?;
    match row {
        Some(row) if own && row.build.as_deref() != Some(&build.id) => Ok(None),
        Some(row) => usable(&build.shop, &row).await,
        None => Ok(None),
    }
}

async fn usable(shop: &Workshop, row: &StageRow) -> Result<Option<DiskId>, Failure> {
    if row.provider != shop.provider.name() {
        return Ok(None);
    }
    let Ok(id) = row.disk.parse::<DiskId>() else {
        return Ok(None);
    };
    if verify::stands(shop, &id).await? {
        return Ok(Some(id));
    }
    shop.journal.forget_stage(&row.id).await?;
    Ok(None)
}

fn repository(project: &str) -> Result<RepositoryName, Failure> {
    format!("{project}/stages")
        .parse()
        .map_err(|error: registry_pack::ParseError| {
            Failure::person("BadReference", error.to_string())
        })
}
