//! What the provider has to be told.

use std::path::PathBuf;

use crate::accelerator::Accelerator;

/// Where things are. `QemuConfig::new` gives the defaults of a Debian host.
#[derive(Debug, Clone)]
pub struct QemuConfig {
    /// The folder that holds machines, disks and images. All on one file system.
    pub data: PathBuf,
    /// QEMU. Default: `qemu-system-x86_64`, found on the path.
    pub qemu: PathBuf,
    /// Its image tool. Default: `qemu-img`, found on the path.
    pub qemu_img: PathBuf,
    /// What writes volumes. Default: `xorriso`, found on the path.
    pub xorriso: PathBuf,
    /// How machines run. Default: KVM where processor and host allow it, else emulation.
    pub accelerator: Option<Accelerator>,
}

impl QemuConfig {
    /// The defaults, with everything below `data`.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            qemu: "qemu-system-x86_64".into(),
            qemu_img: "qemu-img".into(),
            xorriso: "xorriso".into(),
            accelerator: None,
        }
    }
}
