//! Ends a machine and removes all that belonged to it.

use std::{fs, io};

use imagebuilder_provider::{DiskFormat, MachineId, ProviderError};

use crate::disks::{self, DiskRecord};
use crate::machine_file::MachineFile;
use crate::provider::Host;
use crate::{diagnose, durable, process};

pub(crate) async fn destroy(host: &Host, id: &MachineId) -> Result<(), ProviderError> {
    for found in process::scan(host.layout.machines()).await {
        if found.machine == *id {
            found.kill().await?;
        }
    }
    // A record that cannot be read must not keep the machine alive; its overlays are then found as garbage.
    if let Ok(Some(machine)) = MachineFile::read(&host.layout, id).await {
        remove_overlays(host, &machine).await?;
    }
    remove_folder(host, id).await
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
    let (path, record) = (folder.path().to_owned(), folder.record());
    let work = move || {
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            if entry.path() == record {
                continue;
            }
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
        match fs::remove_file(&record) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => fs::remove_dir(&path),
        }
    };
    durable::blocking(work)
        .await
        .map_err(|error| diagnose::io("remove", folder.path(), error))
}
