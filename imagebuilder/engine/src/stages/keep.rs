//! A stage that a machine of this host made: kept under its id, or taken back.

use std::cmp::Reverse;

use imagebuilder_api::{StageId, StageInputs};
use imagebuilder_provider::{DiskId, ResourceKind, Tags};

use super::usable;
use crate::build::Build;
use crate::failure::Failure;
use crate::journal::StageRow;
use crate::resolve::Resolved;
use crate::steps::StagePart;
use crate::workshop::Workshop;

/// Keeps a stage that a machine of this build just made.
pub(crate) async fn keep(
    build: &Build,
    resolved: &Resolved,
    stage: &StagePart,
    disk: &DiskId,
) -> Result<u64, Failure> {
    let shop = &build.shop;
    let chain = resolved
        .chain
        .as_ref()
        .ok_or_else(|| Failure::person("Internal", "there is nothing to build"))?;
    let links = chain.links();
    let link = links
        .get(stage.index)
        .ok_or_else(|| Failure::person("Internal", "a stage is not in the chain"))?;
    let found = shop.provider.disk(disk).await?.ok_or_else(|| {
        let what = format!("it kept the stage as disk {disk}, and has no such disk");
        Failure::contradiction(shop.provider.name(), &what)
    })?;
    let size_bytes = found.size_bytes;
    // Kept stages stand on kept ones. Of two builds that make the same stages at once only
    // the first one's are kept; what the other made goes when it ends.
    let below = found.parent;
    let kept = shop.journal.stages().await?;
    let fits = |below: &DiskId| kept.iter().any(|stage| stage.disk == below.as_str());
    if !below.as_ref().is_none_or(fits) {
        return Ok(size_bytes);
    }
    let mut row = row(
        shop,
        link.id.as_str(),
        link.parent.as_ref(),
        link.inputs,
        disk,
        resolved,
        size_bytes,
    )?;
    // The first of two builds that made a stage at once stays: others may stand on it.
    if !build.fresh
        && let Some(before) = shop.journal.stage(link.id.as_str()).await?
        && before.disk != disk.as_str()
        && usable(shop, &before).await?.is_some()
    {
        return Ok(size_bytes);
    }
    row.seconds = build.seconds(&link.id);
    row.build = Some(build.id.clone());
    shop.journal.put_stage(&row).await?;
    shop.stage_captured.notify_one();
    Ok(size_bytes)
}

/// Removes disks that this build captured and came no further with: no row names them.
pub(crate) async fn discard_unkept(build: &Build) -> Result<(), Failure> {
    let shop = &build.shop;
    let mut disks: Vec<_> = shop
        .provider
        .resources()
        .await?
        .into_iter()
        .filter(|one| one.kind == ResourceKind::Disk)
        .filter(|one| one.tags.get(Tags::BUILD) == Some(&build.id))
        .collect();
    let kept = shop.journal.stages().await?;
    // The youngest first: it may stand on the one before.
    disks.sort_by_key(|disk| Reverse(disk.created));
    for disk in disks {
        if !kept.iter().any(|stage| stage.disk == disk.id)
            && let Ok(id) = disk.id.parse::<DiskId>()
        {
            shop.provider.delete_disk(&id).await?;
        }
    }
    Ok(())
}

/// What the journal says of a disk that stands for a stage.
pub(super) fn row(
    shop: &Workshop,
    id: &str,
    parent: Option<&StageId>,
    inputs: &StageInputs,
    disk: &DiskId,
    resolved: &Resolved,
    size_bytes: u64,
) -> Result<StageRow, Failure> {
    Ok(StageRow {
        id: id.to_owned(),
        parent: parent.map(ToString::to_string),
        name: inputs.name(),
        provider: shop.provider.name().to_owned(),
        disk: disk.to_string(),
        inputs: serde_json::to_string(inputs)
            .map_err(|error| Failure::person("Internal", error.to_string()))?,
        size_bytes: i64::try_from(size_bytes).unwrap_or(i64::MAX),
        seconds: 0.0,
        build: None,
        project: resolved.project.clone(),
        pushed: None,
    })
}
