//! Disks that machines start from.

use std::path::PathBuf;

use registry_pack::Digest;
use serde::{Deserialize, Serialize};

use crate::id::DiskId;

/// A disk file on this host that is to be made usable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiskSource {
    /// The digest of the file, which the caller has checked.
    pub digest: Digest,
    /// Where it is. It is not changed, and not needed afterwards.
    pub path: PathBuf,
    /// Its format.
    pub format: DiskFormat,
    /// For a stage: the disk to which it is the difference. A base image stands alone.
    pub parent: Option<DiskId>,
}

/// The format of a disk file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskFormat {
    /// QEMU's own.
    Qcow2,
    /// Byte for byte as the guest sees it.
    Raw,
}

impl DiskFormat {
    /// The name as QEMU and records write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Qcow2 => "qcow2",
            Self::Raw => "raw",
        }
    }
}

/// A disk that a provider has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Disk {
    /// Its name.
    pub id: DiskId,
    /// The disk below it, of which this is only the difference.
    pub parent: Option<DiskId>,
    /// Its file, where the provider keeps files on this host. To be read only. Of a disk that was
    /// imported and stands on no other, it has the very bytes that were imported.
    pub path: Option<PathBuf>,
    /// How much it takes where it is kept.
    pub size_bytes: u64,
}
