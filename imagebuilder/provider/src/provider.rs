//! The trait that every cloud implements.

use std::time::Duration;

use async_trait::async_trait;
use imagebuilder_api::StageId;
use serde::{Deserialize, Serialize};

use crate::disk::{Disk, DiskSource};
use crate::error::ProviderError;
use crate::id::{DiskId, ImageId, MachineId};
use crate::image::{CaptureSpec, CapturedImage, Progress};
use crate::machine::{Ended, Machine, MachineSpec, MachineState};
use crate::resource::Resource;

/// A place where machines run and images are kept.
///
/// The rules that [`crate::contract`] proves:
/// - Every call may be repeated. What is already so is not done again.
/// - Every call may be dropped at any await; the repeated call completes or undoes what was left.
/// - Whatever exists is listed by [`Provider::resources`], from the moment before it is made,
///   also to another process that opens the same place.
/// - No call waits without bound.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// Its name in requests and records, such as `qemu`.
    fn name(&self) -> &'static str;

    /// What it makes.
    fn facts(&self) -> ProviderFacts;

    /// Whether other processes and hosts that open this provider see the same machines,
    /// disks and images. Where they do not, each host cleans up after itself alone.
    fn is_shared(&self) -> bool {
        false
    }

    /// Makes a disk file of this host usable. The same digest on the same parent is the same disk.
    async fn import_disk(&self, source: &DiskSource) -> Result<DiskId, ProviderError>;

    /// The disk, if it is there and whole.
    async fn disk(&self, id: &DiskId) -> Result<Option<Disk>, ProviderError>;

    /// Removes a disk, refusing while a machine or another disk stands on it. Of one that is gone: done.
    async fn delete_disk(&self, id: &DiskId) -> Result<(), ProviderError>;

    /// Starts a machine; returns when it runs, not when it has booted. The same build,
    /// purpose and attempt is the same machine, and with another specification an error.
    async fn launch(&self, spec: &MachineSpec) -> Result<Machine, ProviderError>;

    /// How a machine is doing.
    async fn machine(&self, id: &MachineId) -> Result<MachineState, ProviderError>;

    /// Keeps the machine's disk as it is now; the machine goes on. The caller has synced the guest.
    /// The same stage of the same machine is the same disk.
    async fn checkpoint(&self, id: &MachineId, stage: &StageId) -> Result<DiskId, ProviderError>;

    /// Asks the guest to power off, and ends the machine where it has not after `grace`.
    /// A second call gives the answer of the first.
    async fn shutdown(&self, id: &MachineId, grace: Duration) -> Result<Ended, ProviderError>;

    /// Makes an image of a stopped machine's disk.
    async fn capture(
        &self,
        id: &MachineId,
        spec: &CaptureSpec,
        progress: Progress<'_>,
    ) -> Result<CapturedImage, ProviderError>;

    /// Removes an image. Of one that is gone: done.
    async fn delete_image(&self, id: &ImageId) -> Result<(), ProviderError>;

    /// Ends a machine and removes all that belonged to it, but not the disks that were kept. Of one that is gone: done.
    async fn destroy(&self, id: &MachineId) -> Result<(), ProviderError>;

    /// Everything that exists because of us.
    async fn resources(&self) -> Result<Vec<Resource>, ProviderError>;

    /// The last `max_bytes` of what the machine wrote to its console.
    async fn console(&self, id: &MachineId, max_bytes: usize) -> Result<Vec<u8>, ProviderError>;
}

/// What a provider makes. All but the accelerator are inputs of the signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderFacts {
    /// The format of its images, such as `qcow2` or `ami`.
    pub output_format: String,
    /// The processor of its machines, such as `amd64`.
    pub architecture: String,
    /// `bios` or `uefi`.
    pub firmware: String,
    /// How machines are run, such as `kvm` or `tcg`. It changes the time a build
    /// takes and not what comes out, so it does not enter the signature.
    pub accelerator: String,
}
