//! Runs QEMU for a machine: on a port that is free, watched until it answers.

use std::fs::OpenOptions;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Stdio;
use std::time::Duration;

use imagebuilder_provider::{ProviderError, Remedy};
use tokio::process::{Child, Command};

use crate::machine_file::MachineFile;
use crate::provider::Host;
use crate::qmp::Qmp;
use crate::{arguments, console, diagnose, process};

/// How often another port is tried, where somebody takes ours in between.
const PORT_ATTEMPTS: u32 = 5;
/// How long QEMU may take until it answers; it is a second where the host has air.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How often is looked whether it answers by now.
const START_POLL: Duration = Duration::from_millis(20);
/// Starts QEMU for a machine that is laid out, and returns when it answers.
pub(crate) async fn start(host: &Host, machine: &mut MachineFile) -> Result<(), ProviderError> {
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
