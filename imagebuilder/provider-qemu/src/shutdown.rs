//! Ends a machine in good order.

use std::time::Duration;

use imagebuilder_provider::{Ended, MachineId, ProviderError};
use serde_json::json;

use crate::machine_file::MachineFile;
use crate::process::OurProcess;
use crate::provider::Host;
use crate::qmp::Qmp;

/// How long QEMU may take to write out its tables once the guest is off, or once it is told to quit.
const QUIT_LIMIT: Duration = Duration::from_secs(60);

pub(crate) async fn shutdown(
    host: &Host,
    id: &MachineId,
    grace: Duration,
) -> Result<Ended, ProviderError> {
    let mut machine = MachineFile::require(&host.layout, id).await?;
    let Some(process) = machine.live_process(&host.layout).await else {
        let ended = machine.ended.unwrap_or(Ended::ByForce);
        record(host, &mut machine, ended).await?;
        return Ok(ended);
    };
    if !machine.stop_requested {
        machine.stop_requested = true;
        machine.write(&host.layout).await?;
    }
    let ended = end(host, &machine, &process, grace).await?;
    if !process.ended_within(QUIT_LIMIT).await? {
        process.kill().await?;
    }
    record(host, &mut machine, ended).await?;
    Ok(ended)
}

async fn record(host: &Host, machine: &mut MachineFile, ended: Ended) -> Result<(), ProviderError> {
    if machine.stop_requested && machine.ended == Some(ended) {
        return Ok(());
    }
    machine.stop_requested = true;
    machine.ended = Some(ended);
    machine.write(&host.layout).await
}

/// Presses the power button and listens whether the guest obeys; else tells QEMU to quit.
async fn end(
    host: &Host,
    machine: &MachineFile,
    process: &OurProcess,
    grace: Duration,
) -> Result<Ended, ProviderError> {
    let folder = host.layout.machine(&machine.id);
    let listen = async {
        let mut qmp = Qmp::connect(folder.path()).await?;
        qmp.execute("system_powerdown", json!({})).await?;
        match tokio::time::timeout(grace, qmp.guest_shuts_down()).await {
            Ok(Ok(by_guest)) => Ok(Some(by_guest)),
            Ok(Err(error)) => Err(error),
            Err(_) => qmp.execute("quit", json!({})).await.map(|_| None),
        }
    };
    match listen.await {
        Ok(Some(true)) => Ok(Ended::ByGuest),
        Ok(Some(false)) => Ok(Ended::ByForce),
        Ok(None) => {
            tracing::info!(machine = %machine.id, grace_secs = grace.as_secs(), "guest did not power off, ended it");
            Ok(Ended::ByForce)
        }
        // It ended by itself while it was being told to.
        Err(_) if process.ended_within(Duration::from_secs(1)).await? => Ok(Ended::ByForce),
        Err(error) => Err(error.into()),
    }
}
