//! Compares what the provider holds with what the journal knows, and removes what nobody owns.
//!
//! It takes no input: who is at work is in the journal, whichever process it is. What it
//! cannot judge, or may not remove yet, it leaves alone and says why.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use imagebuilder_provider::{DiskId, ImageId, MachineId, Resource, ResourceKind, Tags};
use jiff::Timestamp;

use crate::failure::Failure;
use crate::journal::ResourceRow;
use crate::workshop::Workshop;

/// What a look found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) removed: Vec<String>,
    pub(crate) left: Vec<Left>,
}

/// Something that was left alone, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) what: String,
    pub(crate) why: String,
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}

impl Report {
    pub(crate) fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.left.is_empty()
    }
}

/// Looks once.
pub(crate) async fn reap(shop: &Workshop) -> Result<Report, Failure> {
    let mut report = Report::default();
    // The provider first, then who is busy, then what they wrote: what appears in between
    // belongs to somebody busy, and whoever ended in between has written all that it keeps.
    let resources = shop.provider.resources().await?;
    let known = Known::read(shop).await?;
    for resource in sorted(resources) {
        let what = format!("{:?} {}", resource.kind, resource.id);
        match known.judge(shop, &resource) {
            Verdict::Owned => {}
            Verdict::Leave(why) => report.left.push(Left { what, why }),
            Verdict::Remove => match remove(shop, &resource).await {
                Ok(()) => report.removed.push(what),
                Err(failure) => report.left.push(Left {
                    what,
                    why: failure.to_string(),
                }),
            },
        }
    }
    known.forget(shop).await?;
    Ok(report)
}

enum Verdict {
    /// Somebody needs it.
    Owned,
    /// Nobody is known to need it, and still it stays.
    Leave(String),
    Remove,
}

/// What the journal knows of this place.
struct Known {
    busy: BTreeSet<String>,
    unfinished: BTreeSet<String>,
    rows: Vec<ResourceRow>,
    /// Disks of stages, with all that they stand on.
    kept: BTreeSet<String>,
}

impl Known {
    async fn read(shop: &Workshop) -> Result<Self, Failure> {
        let journal = &shop.journal;
        let busy = journal.busy().await?.into_iter().collect();
        let unfinished = journal.unfinished().await?.into_iter().collect();
        let rows = journal.live_resources().await?;
        let stages = journal.stages().await?;
        let kept = stages.into_iter().map(|stage| stage.disk).collect();
        Ok(Self {
            busy,
            unfinished,
            rows,
            kept: with_those_below(shop, kept).await?,
        })
    }

    fn judge(&self, shop: &Workshop, resource: &Resource) -> Verdict {
        let row = self.rows.iter().find(|row| row.name() == resource.id);
        if row.is_some_and(|row| self.busy.contains(&row.build)) {
            return Verdict::Owned;
        }
        match resource.kind {
            // Intent comes before the call: one that no row names was launched by a worker
            // that had lost its lease, or its build is over.
            ResourceKind::Machine => Verdict::Remove,
            // The captured image of a build that waits to go on saves the whole machine.
            ResourceKind::Image => match row {
                Some(row) if self.unfinished.contains(&row.build) => Verdict::Owned,
                _ => Verdict::Remove,
            },
            ResourceKind::Disk if self.kept.contains(&resource.id) => Verdict::Owned,
            ResourceKind::Disk => self.judge_disk(shop, resource),
        }
    }

    /// A build that is busy captures a stage a moment before it notes it. A disk without a
    /// build's tag came from a file; whoever brings one notes it a moment later as well.
    fn judge_disk(&self, shop: &Workshop, resource: &Resource) -> Verdict {
        let build = resource.tags.get(Tags::BUILD);
        if build.is_some_and(|build| self.busy.contains(build)) {
            return Verdict::Owned;
        }
        let age = Timestamp::now().duration_since(resource.created);
        let long = age.as_secs() > shop.config.machine_lifetime.as_secs().cast_signed();
        if build.is_some() || self.busy.is_empty() || long {
            return Verdict::Remove;
        }
        Verdict::Leave(format!(
            "it names no build, and {} builds run that may be bringing it in; looked at again \
             when they ended",
            self.busy.len()
        ))
    }

    /// Ends the rows of what the provider no longer holds.
    async fn forget(&self, shop: &Workshop) -> Result<(), Failure> {
        let held: BTreeSet<String> = shop
            .provider
            .resources()
            .await?
            .into_iter()
            .map(|resource| resource.id)
            .collect();
        let busy: BTreeSet<String> = shop.journal.busy().await?.into_iter().collect();
        for row in &self.rows {
            let quiet = !self.busy.contains(&row.build) && !busy.contains(&row.build);
            if quiet && !held.contains(row.name()) {
                shop.journal.resource_gone(&row.intent).await?;
            }
        }
        Ok(())
    }
}

/// The disks, and every disk below one of them.
async fn with_those_below(
    shop: &Workshop,
    mut disks: BTreeSet<String>,
) -> Result<BTreeSet<String>, Failure> {
    let mut parents: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut open: Vec<String> = disks.iter().cloned().collect();
    while let Some(disk) = open.pop() {
        let (Ok(id), false) = (disk.parse::<DiskId>(), parents.contains_key(&disk)) else {
            continue;
        };
        let parent = shop.provider.disk(&id).await?.and_then(|disk| disk.parent);
        let parent = parent.map(|parent| parent.to_string());
        if let Some(parent) = &parent {
            disks.insert(parent.clone());
            open.push(parent.clone());
        }
        parents.insert(disk, parent);
    }
    Ok(disks)
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
