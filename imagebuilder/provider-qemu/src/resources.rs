//! Finds everything that exists because of us: in the folder, and among the host's processes.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::time::SystemTime;

use imagebuilder_provider::{ProviderError, Resource, ResourceKind};
use jiff::Timestamp;

use crate::capture::ImageFile;
use crate::disks::DiskRecord;
use crate::layout::Layout;
use crate::machine_file::MachineFile;
use crate::{diagnose, durable, process};

pub(crate) async fn all(layout: &Layout) -> Result<Vec<Resource>, ProviderError> {
    let machines = machine_files(layout).await?;
    let mut found = Vec::new();
    let known = |id: &str, kind, tags, created| Resource {
        id: id.to_owned(),
        kind,
        tags,
        created,
    };
    for machine in &machines {
        found.push(known(
            machine.id.as_str(),
            ResourceKind::Machine,
            machine.tags.to_map(),
            machine.created,
        ));
    }
    let mut named: BTreeSet<String> = found.iter().map(|resource| resource.id.clone()).collect();
    for (name, created) in list(&layout.machines()).await? {
        // A folder without a record: the very first write did not come through, or the last removal.
        if named.insert(name.clone()) {
            found.push(known(
                &name,
                ResourceKind::Machine,
                BTreeMap::new(),
                created,
            ));
        }
    }
    for process in process::scan(layout.machines()).await {
        // A process whose folder is gone: somebody removed it by hand.
        if named.insert(process.machine.to_string()) {
            found.push(known(
                process.machine.as_str(),
                ResourceKind::Machine,
                BTreeMap::new(),
                Timestamp::now(),
            ));
        }
    }
    found.extend(disks(layout, &machines).await?);
    found.extend(images(layout).await?);
    Ok(found)
}

async fn disks(layout: &Layout, machines: &[MachineFile]) -> Result<Vec<Resource>, ProviderError> {
    let mut found = Vec::new();
    // An overlay that was not kept is part of its machine.
    let mut named: BTreeSet<String> = machines
        .iter()
        .flat_map(|machine| &machine.overlays)
        .map(ToString::to_string)
        .collect();
    for record in disk_records(layout).await? {
        named.insert(record.id.to_string());
        found.push(Resource {
            id: record.id.into(),
            kind: ResourceKind::Disk,
            tags: record.tags,
            created: record.created,
        });
    }
    for (name, created) in list(&layout.disks()).await? {
        let Some(id) = name
            .strip_suffix(".qcow2")
            .or_else(|| name.strip_suffix(".raw"))
        else {
            continue;
        };
        if named.insert(id.to_owned()) {
            found.push(Resource {
                id: id.to_owned(),
                kind: ResourceKind::Disk,
                tags: BTreeMap::new(),
                created,
            });
        }
    }
    Ok(found)
}

async fn images(layout: &Layout) -> Result<Vec<Resource>, ProviderError> {
    let mut found = BTreeMap::new();
    for (name, created) in list(&layout.images()).await? {
        if let Some(id) = name.strip_suffix(".qcow2") {
            let image = Resource {
                id: id.to_owned(),
                kind: ResourceKind::Image,
                tags: BTreeMap::new(),
                created,
            };
            found.entry(id.to_owned()).or_insert(image);
        } else if name.ends_with(".json")
            && let Some(record) =
                durable::read_record::<ImageFile>(layout.images().join(&name)).await?
        {
            let id = record.id.to_string();
            let image = Resource {
                id: id.clone(),
                kind: ResourceKind::Image,
                tags: record.tags,
                created: record.created,
            };
            found.insert(id, image);
        }
    }
    Ok(found.into_values().collect())
}

/// The records of all machines.
pub(crate) async fn machine_files(layout: &Layout) -> Result<Vec<MachineFile>, ProviderError> {
    let mut found = Vec::new();
    for (name, _) in list(&layout.machines()).await? {
        let Ok(id) = name.parse() else { continue };
        // One that cannot be read is listed as a folder without record, so that it can be destroyed.
        if let Ok(Some(machine)) = MachineFile::read(layout, &id).await {
            found.push(machine);
        }
    }
    Ok(found)
}

/// The records of all disks.
pub(crate) async fn disk_records(layout: &Layout) -> Result<Vec<DiskRecord>, ProviderError> {
    let mut found = Vec::new();
    for (name, _) in list(&layout.disks()).await? {
        let Some(Ok(id)) = name.strip_suffix(".json").map(str::parse) else {
            continue;
        };
        if let Some(record) = durable::read_record(layout.disk_record(&id)).await? {
            found.push(record);
        }
    }
    Ok(found)
}

/// The names in a folder, sorted, with their age; unfinished ones begin with a dot and do not count.
async fn list(folder: &Path) -> Result<Vec<(String, Timestamp)>, ProviderError> {
    let shown = folder.to_owned();
    let folder = folder.to_owned();
    let work = move || -> io::Result<Vec<(String, Timestamp)>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let created = entry
                .metadata()
                .and_then(|metadata| metadata.modified())
                .unwrap_or_else(|_| SystemTime::now());
            if !name.starts_with('.') {
                names.push((
                    name,
                    Timestamp::try_from(created).unwrap_or_else(|_| Timestamp::now()),
                ));
            }
        }
        names.sort();
        Ok(names)
    };
    durable::blocking(work)
        .await
        .map_err(|error| diagnose::io("list", &shown, error))
}
