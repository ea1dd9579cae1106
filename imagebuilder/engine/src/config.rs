//! What the engine is told: folders, sizes of machines, bounds.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use database::Database;
use proxies::Proxies;
use traces::Tracer;

use crate::backoff::RetryPolicy;
use crate::quotas::Limits;
use crate::reach::ReachRule;
use crate::size::MachineSize;

/// The engine's settings. `EngineConfig::new` gives defaults that fit one machine.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Everything that the engine keeps: journal, packs, components, disks, build folders.
    pub data: PathBuf,
    /// The virtual environment with ansible-core and ansible-runner.
    pub venv: PathBuf,
    /// The clouds that the provider builds for, in the words of a pack's `cloudTypes`.
    pub cloud_types: Vec<String>,
    /// What keeps the journal. SQLite lies in the data folder.
    pub database: Database,
    /// How many builds run at once in this process.
    pub slots: usize,
    /// How much runs at once in all processes of the journal.
    pub limits: Limits,
    /// How large a build machine is.
    pub machine: MachineSize,
    /// What is tried instead, in order, where a provider has no room for that size.
    pub other_machines: Vec<MachineSize>,
    /// Size of an image's disk; part of the signature.
    pub disk_size_bytes: u64,
    /// How long a machine may take until SSH answers.
    pub boot_timeout: Duration,
    /// How long one run of Ansible may take.
    pub stage_timeout: Duration,
    /// How long kube-bench may take.
    pub check_timeout: Duration,
    /// How long a sealed machine may take to switch off.
    pub shutdown_timeout: Duration,
    /// After this long a machine is nobody's any more.
    pub machine_lifetime: Duration,
    /// What is tried again, and for how long.
    pub retry: RetryPolicy,
    /// Values that may appear nowhere: the server's own credentials.
    pub hidden: Hidden,
    /// Which builds' logs are kept.
    pub logs: KeepLogs,
    /// How much the disks of stages and base images may take; none is no limit.
    pub stage_store_bytes: Option<u64>,
    /// What a build's machine may reach; none is what this host can reach, and an empty list nothing.
    pub reach: Option<Vec<ReachRule>>,
    /// The proxies that lead out of this site.
    pub proxies: Proxies,
    /// The addresses that are told of builds that end and images that are withdrawn.
    pub webhooks: Vec<String>,
    /// Makes the spans of builds, or none.
    pub tracer: Tracer,
}

/// Secrets of the server itself. They show nothing of themselves.
#[derive(Clone, Default)]
pub struct Hidden(pub Vec<String>);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hidden({})", self.0.len())
    }
}

/// How long the logs and events of builds that have ended are kept; what ends first counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepLogs {
    /// For this long after the build's end.
    pub age: Duration,
    /// Of this many builds, those that ended last.
    pub builds: u32,
}

impl Default for KeepLogs {
    fn default() -> Self {
        Self {
            age: Duration::from_secs(30 * 24 * 3600),
            builds: 500,
        }
    }
}

impl EngineConfig {
    /// Defaults, for a data folder and a virtual environment.
    #[must_use]
    pub fn new(data: PathBuf, venv: PathBuf) -> Self {
        Self {
            data,
            venv,
            cloud_types: vec!["all".to_owned()],
            database: Database::Sqlite,
            slots: 1,
            limits: Limits::default(),
            machine: MachineSize {
                cpus: 2,
                memory_mib: 2048,
            },
            other_machines: Vec::new(),
            disk_size_bytes: 8 << 30,
            // Software emulation boots in under a minute; a busy host takes several.
            boot_timeout: Duration::from_secs(600),
            stage_timeout: Duration::from_secs(3600),
            check_timeout: Duration::from_secs(1800),
            shutdown_timeout: Duration::from_secs(180),
            machine_lifetime: Duration::from_secs(6 * 3600),
            retry: RetryPolicy::default(),
            hidden: Hidden::default(),
            logs: KeepLogs::default(),
            stage_store_bytes: Some(100 << 30),
            reach: None,
            proxies: Proxies::none(),
            webhooks: Vec::new(),
            tracer: Tracer::default(),
        }
    }

    pub(crate) fn packs(&self) -> PathBuf {
        self.data.join("packs")
    }

    pub(crate) fn components(&self) -> PathBuf {
        self.data.join("components")
    }

    pub(crate) fn builds(&self) -> PathBuf {
        self.data.join("builds")
    }

    pub(crate) fn downloads(&self) -> PathBuf {
        self.data.join("downloads")
    }

    /// What a killed server was fetching or unpacking. Nobody else works in this folder.
    pub(crate) fn remove_unfinished(&self) {
        drop(std::fs::remove_dir_all(self.downloads()));
        for build in std::fs::read_dir(self.builds())
            .into_iter()
            .flatten()
            .flatten()
        {
            crate::ansible::clean_up(&build.path().join("ansible"));
        }
        for folder in [self.packs(), self.data.join("ansible")] {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.file_name().to_string_lossy().starts_with(UNPACKING) {
                    drop(std::fs::remove_dir_all(entry.path()));
                }
            }
        }
    }
}

/// How folders are called while something is unpacked into them.
pub(crate) const UNPACKING: &str = "unpacking-";
