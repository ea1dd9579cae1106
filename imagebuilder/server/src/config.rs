//! What the builder is told when it starts.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use imagebuilder_engine::{
    Database, EngineConfig, Hidden, KeepLogs, Limits, MachineSize, Names, ReachRule,
};
use proxies::{Proxies, ProxyUrl};
use registry_client::Client;
use traces::Tracer;

use crate::webhooks::Webhooks;

const DAY: u64 = 24 * 3600;

/// Where things are and how large machines are. [`BuilderConfig::new`] gives the defaults.
#[derive(Clone)]
pub struct BuilderConfig {
    /// Everything that the builder keeps.
    pub data: PathBuf,
    /// The Python virtual environment with ansible-core and ansible-runner.
    pub venv: PathBuf,
    /// The registry that packs come from and images go to.
    pub registry: Client,
    /// What its names stand for, where it is in this process.
    pub names: Option<Arc<dyn Names>>,
    /// How many builds run at once.
    pub slots: usize,
    /// What keeps the journal. SQLite lies in the data folder.
    pub database: Database,
    /// How much runs at once in all workers of the journal.
    pub limits: Limits,
    /// How large a build machine is.
    pub machine: MachineSize,
    /// What is tried instead, in order, where there is no room for that size.
    pub other_machines: Vec<MachineSize>,
    /// Size of an image's disk; part of the signature.
    pub disk_size_bytes: u64,
    /// How long a machine may take until it answers over SSH.
    pub boot_timeout_secs: u64,
    /// How long the roles of one stage may take.
    pub stage_timeout_secs: u64,
    /// After how long a machine switches itself off.
    pub machine_lifetime_secs: u64,
    /// How much the disks of stages and base images may take; none is no limit.
    pub stage_store_bytes: Option<u64>,
    /// For how many days logs and events of ended builds are kept.
    pub keep_logs_days: u32,
    /// Of how many ended builds logs and events are kept.
    pub keep_logs_builds: u32,
    /// What a build's machine may reach; none is what this host can reach.
    pub reach: Option<Vec<ReachRule>>,
    /// The proxies that lead out of this site.
    pub proxies: Proxies,
    /// Who is told of what happens.
    pub webhooks: Option<Webhooks>,
    /// Values that may appear nowhere, beside the key of the webhooks: credentials of this server.
    pub hidden: Vec<String>,
    /// Makes the spans of builds, or none.
    pub tracer: Tracer,
}

impl BuilderConfig {
    /// The defaults.
    #[must_use]
    pub fn new(data: PathBuf, venv: PathBuf, registry: Client) -> Self {
        let engine = EngineConfig::new(data, venv);
        Self {
            slots: engine.slots,
            database: engine.database,
            limits: engine.limits,
            machine: engine.machine,
            other_machines: engine.other_machines,
            disk_size_bytes: engine.disk_size_bytes,
            boot_timeout_secs: engine.boot_timeout.as_secs(),
            stage_timeout_secs: engine.stage_timeout.as_secs(),
            machine_lifetime_secs: engine.machine_lifetime.as_secs(),
            stage_store_bytes: engine.stage_store_bytes,
            keep_logs_days: u32::try_from(engine.logs.age.as_secs() / DAY).unwrap_or(u32::MAX),
            keep_logs_builds: engine.logs.builds,
            reach: engine.reach,
            proxies: engine.proxies,
            webhooks: None,
            hidden: Vec::new(),
            tracer: engine.tracer,
            data: engine.data,
            venv: engine.venv,
            registry,
            names: None,
        }
    }

    /// The engine's part of it. The clouds are those that QEMU's images run on.
    pub(crate) fn engine(&self) -> EngineConfig {
        let secret = self.webhooks.iter().map(|hooks| hooks.secret.clone());
        let urls = self.webhooks.iter().flat_map(|hooks| hooks.urls.clone());
        let proxies = self.proxies.each().flat_map(ProxyUrl::secrets);
        EngineConfig {
            reach: self.reach.clone(),
            proxies: self.proxies.clone(),
            stage_store_bytes: self.stage_store_bytes,
            logs: KeepLogs {
                age: Duration::from_secs(u64::from(self.keep_logs_days) * DAY),
                builds: self.keep_logs_builds,
            },
            hidden: Hidden(
                self.hidden
                    .iter()
                    .cloned()
                    .chain(secret)
                    .chain(proxies)
                    .collect(),
            ),
            webhooks: urls.collect(),
            tracer: self.tracer.clone(),
            cloud_types: ["libvirt", "qemu", "maas"].map(str::to_owned).to_vec(),
            slots: self.slots.max(1),
            database: self.database.clone(),
            limits: self.limits.clone(),
            machine: self.machine,
            other_machines: self.other_machines.clone(),
            disk_size_bytes: self.disk_size_bytes,
            boot_timeout: Duration::from_secs(self.boot_timeout_secs),
            stage_timeout: Duration::from_secs(self.stage_timeout_secs),
            machine_lifetime: Duration::from_secs(self.machine_lifetime_secs),
            ..EngineConfig::new(self.data.clone(), self.venv.clone())
        }
    }
}
