//! The configuration of `packyard serve`: the tables of the servers together,
//! read from a file, the environment and the command line.

use std::path::{Path, PathBuf};

use registry_server::Admission;
use serde::{Deserialize, Serialize};
use service::config::{AuthConfig, ConfigErrors, LogConfig, Section, ServerConfig};
use service::{config, section};

use crate::error::CliError;

section! {
    /// What the registry accepts and keeps.
    pub struct RegistrySettings in "registry" {
        /// What happens to a pack that lint complains about: `off` says nothing,
        /// `warn` warns whoever pushes it, `enforce` refuses packs with errors.
        pub admission: AdmissionSetting = AdmissionSetting::Warn, env "PACKYARD_ADMISSION";
        /// Whether a published version of a pack can never change.
        pub immutable_packs: bool = true, env "PACKYARD_IMMUTABLE_PACKS";
        /// Whether tags, manifests and blobs can be deleted.
        pub allow_delete: bool = true, env "PACKYARD_ALLOW_DELETE";
        /// The largest blob, in bytes.
        pub max_blob_bytes: u64 = 1 << 40, env "PACKYARD_MAX_BLOB_BYTES";
    }
}

section! {
    /// How images are built.
    pub struct BuilderSettings in "builder" {
        /// Whether this process builds images. Without it, it is a registry only.
        pub enabled: bool = true, env "PACKYARD_BUILDER";
        /// The Python virtual environment with ansible-core and ansible-runner.
        /// When it is not set, the one that the set-up script makes is used:
        /// `venv` in Packyard's cache folder.
        pub venv: Option<PathBuf> = None, env "PACKYARD_VENV";
        /// How many builds run at once.
        pub slots: usize = 1, env "PACKYARD_BUILDER_SLOTS";
        /// Processors of a build machine.
        pub machine_cpus: u16 = 2, env "PACKYARD_MACHINE_CPUS";
        /// Memory of a build machine, in bytes.
        pub machine_memory_bytes: u64 = 2 << 30, env "PACKYARD_MACHINE_MEMORY_BYTES";
        /// Size of an image's disk, in bytes. It is part of an image's signature.
        pub disk_size_bytes: u64 = 8 << 30, env "PACKYARD_DISK_SIZE_BYTES";
        /// How long a machine may take until it answers over SSH, in seconds. An
        /// emulated machine on a busy host needs minutes.
        pub boot_timeout_secs: u64 = 600, env "PACKYARD_BOOT_TIMEOUT_SECS";
    }
}

/// `registry.admission`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdmissionSetting {
    /// Say nothing.
    Off,
    /// Warn.
    Warn,
    /// Refuse errors.
    Enforce,
}

impl From<AdmissionSetting> for Admission {
    fn from(setting: AdmissionSetting) -> Self {
        match setting {
            AdmissionSetting::Off => Self::Off,
            AdmissionSetting::Warn => Self::Warn,
            AdmissionSetting::Enforce => Self::Enforce,
        }
    }
}

/// All tables.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) server: ServerConfig,
    pub(crate) auth: AuthConfig,
    pub(crate) log: LogConfig,
    pub(crate) registry: RegistrySettings,
    pub(crate) builder: BuilderSettings,
}

impl Settings {
    /// Reads a file and the environment.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, CliError> {
        let mut settings = Self::default();
        if let Some(path) = file {
            settings.read_file(path)?;
        }
        config::apply_environment(|name| std::env::var(name).ok(), &mut settings.sections())
            .map_err(refuse)?;
        Ok(settings)
    }

    /// Reads a file alone, as `packyard config check` does.
    pub(crate) fn read_file(&mut self, path: &Path) -> Result<(), CliError> {
        let text =
            std::fs::read_to_string(path).map_err(|error| CliError::io("read", path, &error))?;
        config::apply_file(&text, &path.display().to_string(), &mut self.sections()).map_err(refuse)
    }

    /// The reference as Markdown.
    pub(crate) fn reference() -> String {
        let all = Self::default();
        config::reference(&[
            &all.server,
            &all.auth,
            &all.log,
            &all.registry,
            &all.builder,
        ])
    }

    fn sections(&mut self) -> [&mut dyn Section; 5] {
        [
            &mut self.server,
            &mut self.auth,
            &mut self.log,
            &mut self.registry,
            &mut self.builder,
        ]
    }
}

fn refuse(errors: ConfigErrors) -> CliError {
    CliError::usage(format!("the configuration is wrong\n{errors}"))
        .hint("`packyard config reference` lists every key")
}
