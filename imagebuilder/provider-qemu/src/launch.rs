//! Starts a machine.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Stdio;
use std::time::Duration;

use imagebuilder_provider::{Machine, MachineId, MachineSpec, ProviderError, Remedy};
use tokio::process::{Child, Command};

use crate::disks::DiskRecord;
use crate::machine_file::{MachineFile, Shape};
use crate::provider::Host;
use crate::qmp::Qmp;
use crate::{arguments, console, diagnose, durable, media, overlay, process, resources, seed};

/// How often another port is tried, where somebody takes ours in between.
const PORT_ATTEMPTS: u32 = 5;
/// How long QEMU may take until it answers; it is a second where the host has air.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How often is looked whether it answers by now.
const START_POLL: Duration = Duration::from_millis(20);
/// A machine smaller than this has no room for its firmware's tables and a kernel.
const MIN_MEMORY_BYTES: u64 = 64 << 20;
/// More would not fit on the machine's bus.
const MAX_MEDIA: usize = 8;
/// The label of the seed.
const SEED_LABEL: &str = "CIDATA";

pub(crate) async fn launch(host: &Host, spec: &MachineSpec) -> Result<Machine, ProviderError> {
    let id = spec.tags.machine_id()?;
    check(spec)?;
    let _guard = host.lock(&id).await;
    let mut machine = match MachineFile::read(&host.layout, &id).await? {
        Some(machine) => resume(host, machine, spec)?,
        None => intend(host, &id, spec).await?,
    };
    if machine.live_process(&host.layout).await.is_none() {
        prepare(host, &mut machine, spec).await?;
        start(host, &mut machine).await?;
    }
    Ok(Machine {
        id,
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
    tokio::fs::create_dir_all(folder.path())
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

async fn start(host: &Host, machine: &mut MachineFile) -> Result<(), ProviderError> {
    let mut attempt = 1;
    loop {
        machine.ssh_port = free_port()?;
        machine.process = None;
        machine.stop_requested = false;
        machine.ended = None;
        machine.write(&host.layout).await?;
        match start_once(host, machine).await {
            Err(error)
                if error.remedy() == Remedy::Retry
                    && is_port_conflict(&error)
                    && attempt < PORT_ATTEMPTS =>
            {
                tracing::info!(machine = %machine.id, port = machine.ssh_port, "port was taken, trying another");
                attempt += 1;
            }
            other => return other,
        }
    }
}

fn is_port_conflict(error: &ProviderError) -> bool {
    let cause = std::error::Error::source(error)
        .map(ToString::to_string)
        .unwrap_or_default();
    cause.contains("host forwarding rule")
}

async fn start_once(host: &Host, machine: &mut MachineFile) -> Result<(), ProviderError> {
    let folder = host.layout.machine(&machine.id);
    let mut child = spawn(host, machine)?;
    machine.process = child.id().and_then(process::identify);
    let recorded = machine.write(&host.layout).await;
    let answered = match recorded {
        Ok(()) => wait_until_it_answers(&mut child, folder.path()).await,
        Err(error) => Err(error),
    };
    let Err(error) = answered else { return Ok(()) };
    // Nothing half started is left: the caller may never come back.
    drop(child.start_kill());
    drop(child.wait().await);
    let said = console::tail(&folder.qemu_log(), 4096).unwrap_or_default();
    let said = String::from_utf8_lossy(&said).into_owned();
    if said.trim().is_empty() {
        return Err(error);
    }
    Err(diagnose::complaint(
        format!("machine {} does not start", machine.id),
        &said,
    ))
}

fn spawn(host: &Host, machine: &MachineFile) -> Result<Child, ProviderError> {
    let folder = host.layout.machine(&machine.id);
    let log_path = folder.qemu_log();
    let log = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .open(&log_path);
    let log = log.map_err(|error| diagnose::io("write", &log_path, error))?;
    let log_too = log
        .try_clone()
        .map_err(|error| diagnose::io("write", &log_path, error))?;
    let mut command = Command::new(&host.config.qemu);
    command.args(arguments::command_line(
        &host.layout,
        machine,
        host.accelerator,
    ));
    command
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(log_too);
    // Its own group: a Ctrl-C in our terminal, or our end, is not the machine's.
    command.process_group(0).kill_on_drop(false);
    command
        .spawn()
        .map_err(|error| diagnose::start(&host.config.qemu, error))
}

async fn wait_until_it_answers(
    child: &mut Child,
    folder: &std::path::Path,
) -> Result<(), ProviderError> {
    let late = || {
        ProviderError::retry(
            "QEMU does not answer",
            "see qemu.log in the machine's folder",
        )
    };
    let ended = || {
        ProviderError::retry(
            "QEMU ended as soon as it was started",
            "see qemu.log in the machine's folder",
        )
    };
    let poll = async {
        loop {
            if child.try_wait().is_ok_and(|status| status.is_some()) {
                return Err(ended());
            }
            if Qmp::connect(folder).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(START_POLL).await;
        }
    };
    tokio::time::timeout(START_LIMIT, poll)
        .await
        .unwrap_or_else(|_| Err(late()))
}

/// A port that is free now. It may be taken a moment later; QEMU says so, and another is tried.
fn free_port() -> Result<u16, ProviderError> {
    let bound =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    let address = bound.map_err(|error| {
        ProviderError::wait(
            "no port is free on loopback",
            "end programs that hold many connections",
        )
        .because(error)
    })?;
    Ok(address.port())
}
