//! The provider: opens the folder, gives each call its turn, hands it to its file.

use std::time::Duration;

use async_trait::async_trait;
use imagebuilder_api::StageId;
use imagebuilder_provider::{
    CaptureSpec, CapturedImage, Disk, DiskFormat, DiskId, DiskSource, Ended, ImageId, Machine,
    MachineId, MachineSpec, MachineState, Progress, Provider, ProviderError, ProviderFacts,
    Resource,
};

use crate::accelerator::Accelerator;
use crate::config::QemuConfig;
use crate::keeper::Keeper;
use crate::layout::Layout;
use crate::machine_file::MachineFile;
use crate::qemu_img::QemuImg;
use crate::turns::Turns;
use crate::{
    capture, checkpoint, console, destroy, diagnose, disks, durable, launch, resources, shutdown,
};

/// How much of QEMU's own log is repeated as the reason of a machine's end.
const WHY_BYTES: usize = 2048;

/// Machines on this host.
pub struct QemuProvider {
    host: Host,
    turns: Turns,
    _keeper: Keeper,
}

/// What every call needs.
pub(crate) struct Host {
    pub(crate) config: QemuConfig,
    pub(crate) layout: Layout,
    pub(crate) accelerator: Accelerator,
}

impl Host {
    pub(crate) fn img(&self) -> QemuImg<'_> {
        QemuImg(&self.config.qemu_img)
    }
}

impl QemuProvider {
    /// Opens the folder, making it where it is missing. Only one process may have it
    /// open; the caller sees to that. Machines that an earlier process left keep running.
    pub async fn open(config: QemuConfig) -> Result<Self, ProviderError> {
        let data = config.data.clone();
        let failed = {
            let data = data.clone();
            move |error| diagnose::io("open", &data, error)
        };
        let layout = durable::blocking(move || {
            std::fs::create_dir_all(&data)?;
            let layout = Layout::new(data.canonicalize()?);
            for folder in layout.folders() {
                std::fs::create_dir_all(&folder)?;
                remove_unfinished(&folder)?;
            }
            Ok(layout)
        });
        let layout = layout.await.map_err(failed)?;
        let accelerator = config.accelerator.unwrap_or_else(Accelerator::detect);
        Ok(Self {
            _keeper: Keeper::start(&layout),
            turns: Turns::default(),
            host: Host {
                config,
                layout,
                accelerator,
            },
        })
    }
}

/// What an earlier process began to write and did not finish.
fn remove_unfinished(folder: &std::path::Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(".tmp-") && entry.file_type()?.is_file()
        {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[async_trait]
impl Provider for QemuProvider {
    fn name(&self) -> &'static str {
        "qemu"
    }

    fn facts(&self) -> ProviderFacts {
        ProviderFacts {
            output_format: DiskFormat::Qcow2.as_str().to_owned(),
            architecture: "amd64".to_owned(),
            firmware: "bios".to_owned(),
            accelerator: self.host.accelerator.as_str().to_owned(),
        }
    }

    async fn import_disk(&self, source: &DiskSource) -> Result<DiskId, ProviderError> {
        disks::import(&self.host.layout, self.host.img(), source).await
    }

    async fn disk(&self, id: &DiskId) -> Result<Option<Disk>, ProviderError> {
        disks::disk(&self.host.layout, id).await
    }

    async fn delete_disk(&self, id: &DiskId) -> Result<(), ProviderError> {
        disks::delete(&self.host.layout, id).await
    }

    async fn launch(&self, spec: &MachineSpec) -> Result<Machine, ProviderError> {
        let id = spec.tags.machine_id()?;
        let call = launch::launch(&self.host, &id, spec);
        self.turns.take(&id, call).await
    }

    async fn machine(&self, id: &MachineId) -> Result<MachineState, ProviderError> {
        let Some(machine) = MachineFile::read(&self.host.layout, id).await? else {
            return Ok(MachineState::Gone);
        };
        if machine.live_process(&self.host.layout).await.is_some() {
            return Ok(MachineState::Running {
                ssh: launch::ssh_address(&machine),
            });
        }
        let log =
            console::tail(&self.host.layout.machine(id).qemu_log(), WHY_BYTES).unwrap_or_default();
        let said = String::from_utf8_lossy(&log).trim().to_owned();
        Ok(MachineState::Stopped {
            why: (!machine.stop_requested && !said.is_empty()).then_some(said),
        })
    }

    async fn checkpoint(&self, id: &MachineId, stage: &StageId) -> Result<DiskId, ProviderError> {
        let call = checkpoint::checkpoint(&self.host, id, stage);
        self.turns.take(id, call).await
    }

    async fn shutdown(&self, id: &MachineId, grace: Duration) -> Result<Ended, ProviderError> {
        let call = shutdown::shutdown(&self.host, id, grace);
        self.turns.take(id, call).await
    }

    async fn capture(
        &self,
        id: &MachineId,
        spec: &CaptureSpec,
        progress: Progress<'_>,
    ) -> Result<CapturedImage, ProviderError> {
        let call = capture::capture(&self.host, id, spec, progress);
        self.turns.take(id, call).await
    }

    async fn delete_image(&self, id: &ImageId) -> Result<(), ProviderError> {
        capture::delete(&self.host, id).await
    }

    async fn destroy(&self, id: &MachineId) -> Result<(), ProviderError> {
        self.turns.take(id, destroy::destroy(&self.host, id)).await
    }

    async fn resources(&self) -> Result<Vec<Resource>, ProviderError> {
        resources::all(&self.host.layout).await
    }

    async fn console(&self, id: &MachineId, max_bytes: usize) -> Result<Vec<u8>, ProviderError> {
        let folder = self.host.layout.machine(id).path().to_owned();
        let shown = folder.clone();
        let read = durable::blocking(move || console::both(&folder, max_bytes)).await;
        read.map_err(|error| diagnose::io("read", &shown, error))
    }
}
