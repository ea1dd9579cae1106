//! A stage from the registry, with whatever lies below it, checked on its way.

use imagebuilder_api::signature::{Link, StageRecord};
use imagebuilder_provider::{DiskFormat, DiskId, DiskSource};
use registry_pack::{RepositoryName, media};

use super::keep::row;
use super::pack::{Download, blocking, decompress};
use super::{base_disk, repository, usable, verify};
use crate::failure::Failure;
use crate::journal::StageRow;
use crate::registry::Descriptor;
use crate::resolve::Resolved;
use crate::workshop::Workshop;

const RECORD_BYTES: u64 = 16 << 20;

/// Fetches a stage and whatever lies below it; `None` where the registry lacks one of them.
pub(super) async fn fetch(
    shop: &Workshop,
    resolved: &Resolved,
    links: &[Link<'_>],
    at: usize,
) -> Result<Option<DiskId>, Failure> {
    let repository = repository(&resolved.project)?;
    // From the wanted stage down to the first that this host has.
    let mut wanted = Vec::new();
    let mut below = None;
    for lower in (0..=at)
        .rev()
        .filter(|lower| links[*lower].inputs.is_captured())
    {
        let Some(found) = shop
            .registry
            .resolve(&repository, links[lower].id.as_str())
            .await?
        else {
            return Ok(None);
        };
        // Only the very disk that the registry has: a stage fits no other.
        if lower != at
            && let Some(row) = shop.journal.stage(links[lower].id.as_str()).await?
            && row.pushed.as_deref() == Some(found.digest.as_str())
            && let Some(disk) = usable(shop, &row).await?
        {
            below = Some(disk);
            break;
        }
        wanted.push((lower, found));
    }
    let mut disk = match below {
        Some(disk) => disk,
        None => base_disk(shop, resolved).await?,
    };
    for (lower, found) in wanted.into_iter().rev() {
        disk = fetch_one(shop, resolved, &repository, &links[lower], &found, disk).await?;
    }
    Ok(Some(disk))
}

async fn fetch_one(
    shop: &Workshop,
    resolved: &Resolved,
    repository: &RepositoryName,
    link: &Link<'_>,
    found: &Descriptor,
    parent: DiskId,
) -> Result<DiskId, Failure> {
    let _turn = shop.fetching.take(link.id.as_str()).await;
    if let Some(disk) = fetched(shop, link, found, &parent).await? {
        return Ok(disk);
    }
    let bad = |why: String| {
        Failure::person(
            "BadStage",
            format!("stage {} in {repository}: {why}", link.id),
        )
    };
    let manifest = shop.registry.manifest(repository, &found.digest).await?;
    let config = shop
        .registry
        .blob(repository, &manifest.config, RECORD_BYTES)
        .await?;
    let record: StageRecord =
        serde_json::from_slice(&config).map_err(|error| bad(error.to_string()))?;
    record.verify().map_err(|error| bad(error.to_string()))?;
    if record.id != link.id {
        return Err(bad(format!("its record is that of stage {}", record.id)));
    }
    let layer = manifest
        .layers
        .iter()
        .find(|layer| layer.media_type == media::STAGE_DISK);
    let layer = layer.ok_or_else(|| bad("it has no disk".to_owned()))?;
    let packed = Download::new(shop, &format!("{}.zst", link.id))?;
    shop.registry
        .download(repository, layer, &packed.path)
        .await?;
    let unpacked = Download::new(shop, &format!("{}.qcow2", link.id))?;
    let (from, to) = (packed.path.clone(), unpacked.path.clone());
    let digest = blocking(move || decompress(&from, &to)).await?;
    let source = DiskSource {
        digest,
        path: unpacked.path.clone(),
        format: DiskFormat::Qcow2,
        parent: Some(parent),
    };
    let disk = shop.provider.import_disk(&source).await?;
    let size_bytes = shop
        .provider
        .disk(&disk)
        .await?
        .map_or(0, |disk| disk.size_bytes);
    let row = row(
        shop,
        link.id.as_str(),
        link.parent.as_ref(),
        link.inputs,
        &disk,
        resolved,
        size_bytes,
    )?;
    shop.journal
        .put_stage(&StageRow {
            pushed: Some(found.digest.to_string()),
            ..row
        })
        .await?;
    verify::note(shop, &disk).await?;
    Ok(disk)
}

/// What another build fetched while this one waited for its turn.
async fn fetched(
    shop: &Workshop,
    link: &Link<'_>,
    found: &Descriptor,
    parent: &DiskId,
) -> Result<Option<DiskId>, Failure> {
    let row = shop.journal.stage(link.id.as_str()).await?;
    let Some(row) = row.filter(|row| row.pushed.as_deref() == Some(found.digest.as_str())) else {
        return Ok(None);
    };
    let Some(disk) = usable(shop, &row).await? else {
        return Ok(None);
    };
    let stands_on = shop
        .provider
        .disk(&disk)
        .await?
        .and_then(|disk| disk.parent);
    Ok((stands_on.as_ref() == Some(parent)).then_some(disk))
}
