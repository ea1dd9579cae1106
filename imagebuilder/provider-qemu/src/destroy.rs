//! Ends a machine and removes all that belonged to it.

use std::io;

use imagebuilder_provider::{DiskFormat, MachineId, ProviderError};

use crate::disks::{self, DiskRecord};
use crate::machine_file::MachineFile;
use crate::provider::Host;
use crate::{diagnose, process};

pub(crate) async fn destroy(host: &Host, id: &MachineId) -> Result<(), ProviderError> {
    let guard = host.lock(id).await;
    for found in process::scan(host.layout.machines()).await {
        if found.machine == *id {
            found.kill().await?;
        }
    }
    // A record that cannot be read must not keep the machine alive; its overlays are then found as garbage.
    if let Ok(Some(machine)) = MachineFile::read(&host.layout, id).await {
        remove_overlays(host, &machine).await?;
    }
    remove_folder(host, id).await?;
    drop(guard);
    host.forget(id);
    Ok(())
}

/// Those that were kept are disks now, and stay.
async fn remove_overlays(host: &Host, machine: &MachineFile) -> Result<(), ProviderError> {
    for overlay in &machine.overlays {
        if DiskRecord::read(&host.layout, overlay).await?.is_none() {
            disks::remove_all(vec![host.layout.disk_file(overlay, DiskFormat::Qcow2)]).await?;
        }
    }
    Ok(())
}

/// The record goes last, so that a machine that is half removed is still found.
async fn remove_folder(host: &Host, id: &MachineId) -> Result<(), ProviderError> {
    let folder = host.layout.machine(id);
    let failed = |error| diagnose::io("remove", folder.path(), error);
    let mut entries = match tokio::fs::read_dir(folder.path()).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    while let Some(entry) = entries.next_entry().await.map_err(failed)? {
        if entry.path() == folder.record() {
            continue;
        }
        let kind = entry.file_type().await.map_err(failed)?;
        let removed = if kind.is_dir() {
            tokio::fs::remove_dir_all(entry.path()).await
        } else {
            tokio::fs::remove_file(entry.path()).await
        };
        removed.map_err(failed)?;
    }
    disks::remove_all(vec![folder.record()]).await?;
    tokio::fs::remove_dir(folder.path()).await.map_err(failed)
}
