//! Compares what the provider holds with what the journal knows, and removes what nobody owns.
//!
//! It takes no input but the builds that are being worked on in this process.
//! What it cannot judge it leaves alone and says so.

use std::collections::BTreeSet;

use imagebuilder_provider::{DiskId, ImageId, MachineId, Resource, ResourceKind, Tags};

use crate::failure::Failure;
use crate::workshop::Workshop;

/// What a look found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) removed: Vec<String>,
    /// Left alone, and why.
    pub(crate) left: Vec<String>,
}

impl Report {
    pub(crate) fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.left.is_empty()
    }
}

/// Looks once. `busy` names the builds that a worker of this process has.
pub(crate) async fn reap(shop: &Workshop, busy: &[String]) -> Result<Report, Failure> {
    let mut report = Report::default();
    let resources = shop.provider.resources().await?;
    let rows = shop.journal.live_resources().await?;
    // Rows after the list of the provider: what appears in between belongs to a busy build.
    let kept: BTreeSet<String> = shop
        .journal
        .stages()
        .await?
        .into_iter()
        .map(|stage| stage.disk)
        .collect();
    let owned = |id: &str| {
        let of = rows
            .iter()
            .find(|row| row.id.as_deref() == Some(id) || row.intent == id);
        of.is_some_and(|row| busy.contains(&row.build))
    };
    for resource in sorted(resources) {
        let build = resource.tags.get(Tags::BUILD);
        let alive = owned(&resource.id) || build.is_some_and(|build| busy.contains(build));
        if alive || kept.contains(&resource.id) {
            continue;
        }
        // A build that is busy captures a stage a moment before it notes it.
        if resource.kind == ResourceKind::Disk && !busy.is_empty() {
            continue;
        }
        if resource.kind == ResourceKind::Image && needed_later(shop, &resource).await? {
            continue;
        }
        match remove(shop, &resource).await {
            Ok(()) => report
                .removed
                .push(format!("{:?} {}", resource.kind, resource.id)),
            Err(failure) => report
                .left
                .push(format!("{:?} {}: {failure}", resource.kind, resource.id)),
        }
    }
    forget(shop, busy).await?;
    Ok(report)
}

/// Machines first: disks cannot go while a machine stands on them. Then images, then the youngest disks.
fn sorted(mut resources: Vec<Resource>) -> Vec<Resource> {
    resources.sort_by(|left, right| {
        left.kind
            .cmp(&right.kind)
            .then(right.created.cmp(&left.created))
    });
    resources
}

/// The captured image of a build that waits to go on: it saves the whole machine.
async fn needed_later(shop: &Workshop, resource: &Resource) -> Result<bool, Failure> {
    let unfinished = shop.journal.unfinished().await?;
    let rows = shop.journal.live_resources().await?;
    let row = rows
        .iter()
        .find(|row| row.id.as_deref() == Some(&resource.id));
    Ok(row.is_some_and(|row| unfinished.contains(&row.build)))
}

async fn remove(shop: &Workshop, resource: &Resource) -> Result<(), Failure> {
    let unreadable = |error: imagebuilder_provider::ParseIdError| {
        Failure::person("BadResource", error.to_string())
    };
    match resource.kind {
        ResourceKind::Machine => {
            let id: MachineId = resource.id.parse().map_err(unreadable)?;
            shop.provider.destroy(&id).await?;
        }
        ResourceKind::Disk => {
            let id: DiskId = resource.id.parse().map_err(unreadable)?;
            shop.provider.delete_disk(&id).await?;
        }
        ResourceKind::Image => {
            let id: ImageId = resource.id.parse().map_err(unreadable)?;
            shop.provider.delete_image(&id).await?;
        }
    }
    Ok(())
}

/// Rows of what the provider no longer holds.
async fn forget(shop: &Workshop, busy: &[String]) -> Result<(), Failure> {
    let held: BTreeSet<String> = shop
        .provider
        .resources()
        .await?
        .into_iter()
        .map(|resource| resource.id)
        .collect();
    for row in shop.journal.live_resources().await? {
        let id = row.id.as_deref().unwrap_or(&row.intent);
        if !busy.contains(&row.build) && !held.contains(id) {
            shop.journal.resource_gone(&row.intent).await?;
        }
    }
    Ok(())
}
