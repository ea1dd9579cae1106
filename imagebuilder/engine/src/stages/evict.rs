//! Keeps the stage store below its limit: what was not used for longest goes first.
//!
//! A stage that a build which has not ended may need stays, whatever the limit says, and so
//! does one that another stands on: the provider refuses. What the registry has goes before
//! what it lacks. A stage that is gone is fetched or made again.

use std::collections::BTreeSet;

use imagebuilder_api::signature::BaseImage;
use imagebuilder_api::{Chain, StageInputs};
use imagebuilder_provider::{DiskId, ProviderError};

use crate::failure::Failure;
use crate::journal::StageRow;
use crate::views;
use crate::workshop::Workshop;

/// What a round came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Evicted {
    /// The names of the stages that went.
    pub(crate) stages: Vec<String>,
    /// How much the store takes now.
    pub(crate) size_bytes: u64,
}

/// Removes stages until the store is below its limit, or nothing more can go.
pub(crate) async fn evict(shop: &Workshop) -> Result<Evicted, Failure> {
    // While a build chooses what it stands on, nothing goes; it is done in a moment.
    let _alone = shop.choosing.write().await;
    let mut rows = shop.journal.stages_by_use().await?;
    let mut report = Evicted {
        size_bytes: rows.iter().map(size).sum(),
        ..Evicted::default()
    };
    let Some(limit) = shop.config.stage_store_bytes else {
        return Ok(report);
    };
    let needed = needed(shop).await?;
    rows.retain(|row| !needed.contains(&row.id));
    // Stable: within both halves the order of use stays.
    rows.sort_by_key(|row| row.pushed.is_none());
    // A stage goes only once none stands on it: more than one round.
    let mut gone = true;
    while gone && report.size_bytes > limit {
        gone = false;
        let mut left = Vec::new();
        for row in rows {
            if report.size_bytes <= limit || !remove(shop, &row).await? {
                left.push(row);
                continue;
            }
            gone = true;
            report.size_bytes = report.size_bytes.saturating_sub(size(&row));
            report.stages.push(row.name);
        }
        rows = left;
    }
    Ok(report)
}

fn size(row: &StageRow) -> u64 {
    u64::try_from(row.size_bytes).unwrap_or_default()
}

/// Every stage of every build that has not ended, and their base images.
async fn needed(shop: &Workshop) -> Result<BTreeSet<String>, Failure> {
    let mut ids = BTreeSet::new();
    for chain in shop.journal.unfinished_chains().await? {
        let chain: Chain = views::json("a chain", &chain)?;
        for link in chain.links() {
            if let StageInputs::Base(base) = link.inputs
                && let BaseImage::Digest(digest) = &base.image
            {
                // The disk of a base image is kept under its digest.
                ids.insert(digest.to_string());
            }
            ids.insert(link.id.to_string());
        }
    }
    Ok(ids)
}

/// False where something stands on it.
async fn remove(shop: &Workshop, row: &StageRow) -> Result<bool, Failure> {
    if row.provider != shop.provider.name() {
        return Ok(false);
    }
    if let Ok(disk) = row.disk.parse::<DiskId>() {
        match shop.provider.delete_disk(&disk).await {
            Ok(()) => shop.journal.forget_disk_digest(disk.as_str()).await?,
            Err(ProviderError::Never { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    shop.journal.forget_stage(&row.id).await?;
    Ok(true)
}
