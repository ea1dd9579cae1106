//! Makes a machine: checks what is asked for, writes it down, lays out its files.
//!
//! Running QEMU is in `start`.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use imagebuilder_provider::{Machine, MachineId, MachineSpec, ProviderError};

use crate::disks::DiskRecord;
use crate::machine_file::{MachineFile, Shape};
use crate::provider::Host;
use crate::{diagnose, durable, media, overlay, resources, seed, start};

/// A machine smaller than this has no room for its firmware's tables and a kernel.
const MIN_MEMORY_BYTES: u64 = 64 << 20;
/// More would not fit on the machine's bus.
const MAX_MEDIA: usize = 8;
/// The label of the seed.
const SEED_LABEL: &str = "CIDATA";

pub(crate) async fn launch(
    host: &Host,
    id: &MachineId,
    spec: &MachineSpec,
) -> Result<Machine, ProviderError> {
    check(spec)?;
    let mut machine = match MachineFile::read(&host.layout, id).await? {
        Some(machine) => resume(host, machine, spec)?,
        None => intend(host, id, spec).await?,
    };
    if machine.live_process(&host.layout).await.is_none() {
        prepare(host, &mut machine, spec).await?;
        start::start(host, &mut machine).await?;
    }
    Ok(Machine {
        id: id.clone(),
        ssh: ssh_address(&machine),
    })
}

/// Where the machine's SSH is forwarded to: loopback, so that nobody else on the network can try it.
pub(crate) fn ssh_address(machine: &MachineFile) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, machine.ssh_port).into()
}

fn check(spec: &MachineSpec) -> Result<(), ProviderError> {
    let refuse = |what: String, hint: &str| Err(ProviderError::never(what, hint));
    if spec.cpus == 0 || spec.memory_bytes < MIN_MEMORY_BYTES {
        let what = format!(
            "{} processors and {} bytes of memory make no machine",
            spec.cpus, spec.memory_bytes
        );
        return refuse(what, "ask for at least 1 processor and 64 MiB");
    }
    let labels: BTreeSet<_> = spec
        .media
        .iter()
        .map(|media| media.label.as_str())
        .collect();
    if labels.len() != spec.media.len() || labels.contains(SEED_LABEL) || labels.len() > MAX_MEDIA {
        let hint = format!(
            "use at most {MAX_MEDIA} volumes with different labels, none of them {SEED_LABEL}"
        );
        return refuse("the volumes cannot be told apart".to_owned(), &hint);
    }
    Ok(())
}

/// The machine is known already: the same one, or a mistake.
fn resume(
    host: &Host,
    machine: MachineFile,
    spec: &MachineSpec,
) -> Result<MachineFile, ProviderError> {
    if machine.shape == Shape::of(spec) {
        return Ok(machine);
    }
    let folder = host.layout.machine(&machine.id);
    Err(ProviderError::never(
        format!(
            "machine {} was launched with another specification ({})",
            machine.id,
            folder.record().display()
        ),
        "destroy it first, or launch with the next attempt",
    ))
}

async fn intend(
    host: &Host,
    id: &MachineId,
    spec: &MachineSpec,
) -> Result<MachineFile, ProviderError> {
    let disk = DiskRecord::require(&host.layout, &spec.disk).await?;
    if disk.virtual_size_bytes > spec.disk_size_bytes {
        let what = format!(
            "disk {} has {} bytes and cannot shrink to {}",
            disk.id, disk.virtual_size_bytes, spec.disk_size_bytes
        );
        return Err(ProviderError::never(
            what,
            "ask for a disk at least as large as the one it starts from",
        ));
    }
    let folder = host.layout.machine(id);
    let path = folder.path().to_owned();
    durable::blocking(move || fs::create_dir_all(path))
        .await
        .map_err(|error| diagnose::io("make", folder.path(), error))?;
    let machine = MachineFile::intend(id.clone(), spec);
    machine.write(&host.layout).await?;
    Ok(machine)
}

/// Makes what the machine needs and does not have yet.
async fn prepare(
    host: &Host,
    machine: &mut MachineFile,
    spec: &MachineSpec,
) -> Result<(), ProviderError> {
    if machine.overlays.is_empty() {
        overlay::add(&host.layout, host.img(), machine).await?;
    }
    overlay::ensure(&host.layout, host.img(), machine).await?;
    let folder = host.layout.machine(&machine.id);
    if !folder.seed().exists() {
        seed::write(&host.config.xorriso, &spec.seed, &folder.seed()).await?;
    }
    prune_media(host).await;
    machine.media.clear();
    for media in &spec.media {
        machine
            .media
            .push(media::volume(&host.config.xorriso, &host.layout, media).await?);
    }
    Ok(())
}

/// Old volumes are only a cache: that they could not be removed stops no machine.
async fn prune_media(host: &Host) {
    let Ok(machines) = resources::machine_files(&host.layout).await else {
        return;
    };
    let in_use: Vec<_> = machines
        .into_iter()
        .flat_map(|machine| machine.media)
        .collect();
    let layout = host.layout.clone();
    if let Err(error) = durable::blocking(move || media::prune(&layout, &in_use)).await {
        tracing::warn!(%error, "cannot remove old volumes");
    }
}
