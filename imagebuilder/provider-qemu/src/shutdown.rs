//! Ends a machine in good order.

use std::time::Duration;

use imagebuilder_provider::{MachineId, ProviderError};
use serde_json::json;

use crate::machine_file::MachineFile;
use crate::process::OurProcess;
use crate::provider::Host;
use crate::qmp::Qmp;

/// How long QEMU may take to write out its tables once told to quit.
const QUIT_LIMIT: Duration = Duration::from_secs(60);

pub(crate) async fn shutdown(
    host: &Host,
    id: &MachineId,
    grace: Duration,
) -> Result<(), ProviderError> {
    let _guard = host.lock(id).await;
    let mut machine = MachineFile::require(&host.layout, id).await?;
    if !machine.stop_requested {
        machine.stop_requested = true;
        machine.write(&host.layout).await?;
    }
    let Some(process) = machine.live_process(&host.layout).await else {
        return Ok(());
    };
    let folder = host.layout.machine(id);
    command(folder.path(), "system_powerdown", &process).await?;
    if process.ended_within(grace).await? {
        return Ok(());
    }
    tracing::info!(machine = %id, grace_secs = grace.as_secs(), "guest did not power off, ending it");
    command(folder.path(), "quit", &process).await?;
    if process.ended_within(QUIT_LIMIT).await? {
        return Ok(());
    }
    process.kill().await
}

/// Gives the command, unless the machine ends by itself just now.
async fn command(
    folder: &std::path::Path,
    command: &str,
    process: &OurProcess,
) -> Result<(), ProviderError> {
    let given = async {
        Qmp::connect(folder)
            .await?
            .execute(command, json!({}))
            .await
    };
    match given.await {
        Ok(_) => Ok(()),
        Err(_) if process.ended_within(Duration::from_secs(1)).await? => Ok(()),
        Err(error) => Err(error.into()),
    }
}
