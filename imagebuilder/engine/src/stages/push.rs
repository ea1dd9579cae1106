//! A captured stage on its way to the registry, beside the builds.

use imagebuilder_api::signature::StageRecord;
use imagebuilder_api::{StageId, StageInputs};
use imagebuilder_provider::DiskId;
use registry_pack::media;

use super::pack::{Download, blocking, compress};
use super::repository;
use super::verify::Reading;
use crate::failure::Failure;
use crate::journal::StageRow;
use crate::registry::{Artifact, Content, Layer};
use crate::workshop::Workshop;

/// Pushes one stage that the registry does not have yet; false where there is none.
pub(crate) async fn push_next(shop: &Workshop) -> Result<bool, Failure> {
    let Some(row) = shop.journal.unpushed_stage().await? else {
        return Ok(false);
    };
    let id: DiskId = match row.disk.parse() {
        Ok(id) => id,
        Err(_) => return forget(shop, &row).await,
    };
    let repository = repository(&row.project)?;
    // A stage is a difference: it fits only the very disk that it was made on. So the first
    // disk of a stage stays in the registry, and nothing is put onto another one.
    let there = shop.registry.resolve(&repository, &row.id).await?.is_some();
    if there || !stands_on_pushed(shop, &id).await? {
        shop.journal.stage_pushed(&row.id, "").await?;
        return Ok(true);
    }
    let disk = shop.provider.disk(&id).await?;
    let Some(reading) = disk.as_ref().and_then(Reading::begin) else {
        return forget(shop, &row).await;
    };
    let record = record_of(&row)?;
    let packed = Download::new(shop, &format!("{}.push.zst", row.id))?;
    let (from, to) = (reading.path().to_owned(), packed.path.clone());
    let (content, digest) = blocking(move || compress(&from, &to)).await?;
    reading.end(shop, &content).await?;
    let config = serde_json::to_vec(&record)
        .map_err(|error| Failure::person("Internal", error.to_string()))?;
    let artifact = Artifact {
        artifact_type: media::STAGE.to_owned(),
        config: (media::STAGE_CONFIG.to_owned(), config),
        layers: vec![Layer {
            media_type: media::STAGE_DISK.to_owned(),
            title: format!("{}.qcow2.zst", row.id),
            content: Content::File(packed.path.clone(), Some(digest)),
        }],
        subject: None,
        annotations: Vec::new(),
    };
    let pushed = shop
        .registry
        .push(&repository, Some(&row.id), &artifact)
        .await?;
    shop.journal
        .stage_pushed(&row.id, pushed.digest.as_str())
        .await?;
    Ok(true)
}

/// Whether the registry has the disk below this one.
async fn stands_on_pushed(shop: &Workshop, disk: &DiskId) -> Result<bool, Failure> {
    let Some(below) = shop.provider.disk(disk).await?.and_then(|disk| disk.parent) else {
        return Ok(false);
    };
    let stages = shop.journal.stages().await?;
    let below = stages.iter().find(|stage| stage.disk == below.as_str());
    let pushed = below.and_then(|stage| stage.pushed.as_deref());
    Ok(pushed.is_some_and(|digest| !digest.is_empty()))
}

/// A row whose disk is gone has nothing to push.
async fn forget(shop: &Workshop, row: &StageRow) -> Result<bool, Failure> {
    shop.journal.forget_stage(&row.id).await?;
    Ok(true)
}

fn record_of(row: &StageRow) -> Result<StageRecord, Failure> {
    let corrupt = |why: String| {
        Failure::person(
            "JournalFailed",
            format!("the row of stage {} does not parse: {why}", row.id),
        )
    };
    let inputs: StageInputs =
        serde_json::from_str(&row.inputs).map_err(|error| corrupt(error.to_string()))?;
    let parent = row
        .parent
        .as_deref()
        .unwrap_or_default()
        .parse::<StageId>()
        .map_err(|error| corrupt(error.to_string()))?;
    Ok(StageRecord::new(parent, inputs))
}
