//! `machine.json`: what a machine is, written before it is made.

use std::collections::BTreeMap;

use imagebuilder_api::StageId;
use imagebuilder_provider::{DiskId, Ended, MachineId, MachineSpec, Network, ProviderError, Tags};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::layout::Layout;
use crate::process::{OurProcess, ProcessId, find, scan};

/// All that must survive the process that made the machine. No secret is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MachineFile {
    pub(crate) schema_version: u32,
    pub(crate) id: MachineId,
    pub(crate) tags: Tags,
    pub(crate) created: Timestamp,
    pub(crate) shape: Shape,
    /// What the machine writes, or wrote, to: oldest first. Each is written here before it is made.
    pub(crate) overlays: Vec<DiskId>,
    /// The overlays that were kept.
    pub(crate) checkpoints: BTreeMap<StageId, DiskId>,
    /// The volumes, as file names in `media/`.
    pub(crate) media: Vec<String>,
    /// Where its SSH is forwarded to on loopback.
    pub(crate) ssh_port: u16,
    pub(crate) process: Option<ProcessId>,
    /// Whether its end was asked for.
    pub(crate) stop_requested: bool,
    /// How that went.
    #[serde(default)]
    pub(crate) ended: Option<Ended>,
}

/// What was asked for, to know the same request again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shape {
    pub(crate) disk: DiskId,
    pub(crate) cpus: u16,
    pub(crate) memory_bytes: u64,
    pub(crate) disk_size_bytes: u64,
    pub(crate) instance_id: String,
    /// The public keys: a machine that has others is of no use to who asks.
    #[serde(default)]
    pub(crate) public_keys: [String; 2],
    pub(crate) media_labels: Vec<String>,
    pub(crate) network: Network,
}

impl Shape {
    pub(crate) fn of(spec: &MachineSpec) -> Self {
        Self {
            disk: spec.disk.clone(),
            cpus: spec.cpus,
            memory_bytes: spec.memory_bytes,
            disk_size_bytes: spec.disk_size_bytes,
            instance_id: spec.seed.instance_id.clone(),
            public_keys: [
                &spec.seed.ssh_authorized_key,
                &spec.seed.ssh_host_key.public,
            ]
            .map(Clone::clone),
            media_labels: spec
                .media
                .iter()
                .map(|media| media.label.to_string())
                .collect(),
            network: spec.network,
        }
    }
}

impl MachineFile {
    pub(crate) const SCHEMA_VERSION: u32 = 1;

    /// A machine that is about to be made.
    pub(crate) fn intend(id: MachineId, spec: &MachineSpec) -> Self {
        Self {
            schema_version: Self::SCHEMA_VERSION,
            id,
            tags: spec.tags.clone(),
            created: Timestamp::now(),
            shape: Shape::of(spec),
            overlays: Vec::new(),
            checkpoints: BTreeMap::new(),
            media: Vec::new(),
            ssh_port: 0,
            process: None,
            stop_requested: false,
            ended: None,
        }
    }

    pub(crate) async fn read(
        layout: &Layout,
        id: &MachineId,
    ) -> Result<Option<Self>, ProviderError> {
        durable::read_record(layout.machine(id).record()).await
    }

    /// The same, for calls that make no sense without the machine.
    pub(crate) async fn require(layout: &Layout, id: &MachineId) -> Result<Self, ProviderError> {
        Self::read(layout, id).await?.ok_or_else(|| {
            ProviderError::never(
                format!("there is no machine {id}"),
                "launch it first; it may have been destroyed",
            )
        })
    }

    pub(crate) async fn write(&self, layout: &Layout) -> Result<(), ProviderError> {
        durable::write_record(layout.machine(&self.id).record(), self).await
    }

    /// Its live process. A host that was restarted has another one under that pid, or none.
    pub(crate) async fn live_process(&self, layout: &Layout) -> Option<OurProcess> {
        match self.process {
            Some(process) => find(process, &self.id, &layout.machines()),
            // A crash right after the start: the process is there and was not written down.
            None => scan(layout.machines())
                .await
                .into_iter()
                .find(|process| process.machine == self.id),
        }
    }

    /// Whether the machine stands on that disk.
    pub(crate) fn uses(&self, disk: &DiskId) -> bool {
        self.shape.disk == *disk || self.overlays.contains(disk)
    }

    /// The overlay that it writes to now.
    pub(crate) fn current_overlay(&self) -> Option<&DiskId> {
        self.overlays.last()
    }
}
