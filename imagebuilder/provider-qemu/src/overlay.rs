//! Makes the overlays that machines write to.

use std::fs;

use imagebuilder_provider::{DiskFormat, DiskId, ProviderError};
use uuid::Uuid;

use crate::disks::DiskRecord;
use crate::layout::Layout;
use crate::machine_file::MachineFile;
use crate::qemu_img::QemuImg;
use crate::{diagnose, durable};

/// The name of an overlay's node in QEMU, which allows 31 characters: the random end of its UUID.
pub(crate) fn node_name(overlay: &DiskId) -> String {
    let text = overlay.as_str();
    format!("overlay-{}", &text[text.len().saturating_sub(20)..])
}

/// Gives the machine a new overlay on top of all it has. Its record knows it before the file is there.
pub(crate) async fn add(
    layout: &Layout,
    img: QemuImg<'_>,
    machine: &mut MachineFile,
) -> Result<(), ProviderError> {
    let id: DiskId = format!("disk-{}", Uuid::now_v7().simple())
        .parse()
        .expect("a UUID is a name");
    machine.overlays.push(id);
    machine.write(layout).await?;
    ensure(layout, img, machine).await
}

/// Makes the file of the newest overlay where a crash came in between.
pub(crate) async fn ensure(
    layout: &Layout,
    img: QemuImg<'_>,
    machine: &MachineFile,
) -> Result<(), ProviderError> {
    let Some(newest) = machine.overlays.last() else {
        return Ok(());
    };
    let file = layout.disk_file(newest, DiskFormat::Qcow2);
    if file.exists() {
        return Ok(());
    }
    let below = machine
        .overlays
        .len()
        .checked_sub(2)
        .and_then(|index| machine.overlays.get(index));
    let (backing, format) = match below {
        Some(overlay) => (overlay.clone(), DiskFormat::Qcow2),
        None => {
            let disk = DiskRecord::require(layout, &machine.shape.disk).await?;
            (disk.id, disk.format)
        }
    };
    let backing = Layout::disk_name(&backing, format);
    let partial = durable::Partial::new_in(&layout.disks());
    let size_bytes = machine.shape.disk_size_bytes;
    img.create_overlay(partial.path(), &backing, format, size_bytes)
        .await?;
    let shown = file.clone();
    durable::blocking(move || fs::rename(partial.path(), &file))
        .await
        .map_err(|error| diagnose::io("make", &shown, error))
}
