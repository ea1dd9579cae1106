//! Where files are below the data folder.

use std::path::{Path, PathBuf};

use imagebuilder_provider::{DiskFormat, DiskId, ImageId, MachineId};

/// The paths below the data folder.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    /// `root` is absolute and has no link in it: processes are recognised by it.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(crate) fn machines(&self) -> PathBuf {
        self.root.join("machines")
    }

    pub(crate) fn disks(&self) -> PathBuf {
        self.root.join("disks")
    }

    pub(crate) fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    pub(crate) fn media(&self) -> PathBuf {
        self.root.join("media")
    }

    pub(crate) fn folders(&self) -> [PathBuf; 4] {
        [self.machines(), self.disks(), self.images(), self.media()]
    }

    pub(crate) fn machine(&self, id: &MachineId) -> MachineFolder {
        MachineFolder(self.machines().join(id.as_str()))
    }

    /// The file of a disk; the name alone is what lies in the header of the disk above it.
    pub(crate) fn disk_name(id: &DiskId, format: DiskFormat) -> String {
        format!("{id}.{}", format.as_str())
    }

    pub(crate) fn disk_file(&self, id: &DiskId, format: DiskFormat) -> PathBuf {
        self.disks().join(Self::disk_name(id, format))
    }

    pub(crate) fn disk_record(&self, id: &DiskId) -> PathBuf {
        self.disks().join(format!("{id}.json"))
    }

    pub(crate) fn image_file(&self, id: &ImageId) -> PathBuf {
        self.images().join(format!("{id}.qcow2"))
    }

    pub(crate) fn image_record(&self, id: &ImageId) -> PathBuf {
        self.images().join(format!("{id}.json"))
    }
}

/// The files of one machine.
#[derive(Debug, Clone)]
pub(crate) struct MachineFolder(PathBuf);

/// Names within a machine's folder. QEMU runs in it, so its arguments need no path.
pub(crate) const QMP_SOCKET: &str = "qmp.sock";
pub(crate) const SERIAL_LOG: &str = "serial.log";
pub(crate) const SERIAL_OLD: &str = "serial.old";
pub(crate) const QEMU_LOG: &str = "qemu.log";
pub(crate) const SEED: &str = "seed.iso";

impl MachineFolder {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn record(&self) -> PathBuf {
        self.0.join("machine.json")
    }

    pub(crate) fn qemu_log(&self) -> PathBuf {
        self.0.join(QEMU_LOG)
    }

    pub(crate) fn seed(&self) -> PathBuf {
        self.0.join(SEED)
    }
}
