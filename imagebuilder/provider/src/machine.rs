//! Machines: what is asked for, and how one is doing.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::ProviderError;
use crate::id::{DiskId, MachineId};
use crate::network::Network;
use crate::seed::Seed;
use crate::tags::Tags;

/// A machine that is to run. It has no `Serialize`, as its seed holds a private key.
#[derive(Debug)]
pub struct MachineSpec {
    /// Whose it is; also its name.
    pub tags: Tags,
    /// The disk that it starts from. The machine's own writes go elsewhere.
    pub disk: DiskId,
    /// How many processors.
    pub cpus: u16,
    /// How much memory.
    pub memory_bytes: u64,
    /// How large a disk the guest sees; at least that of `disk`.
    pub disk_size_bytes: u64,
    /// What it learns when it first boots.
    pub seed: Seed,
    /// Volumes that it can mount, read-only.
    pub media: Vec<Media>,
    /// What it can reach.
    pub network: Network,
}

/// A folder that a machine sees as a read-only volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Media {
    /// The volume's label, by which the guest mounts it.
    pub label: MediaLabel,
    /// The folder. It must not change while a machine is launched from it.
    pub dir: PathBuf,
}

/// A volume's label: 1 to 16 of A-Z, 0-9 and '_'.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MediaLabel(String);

impl MediaLabel {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MediaLabel {
    type Err = ProviderError;

    fn from_str(text: &str) -> Result<Self, ProviderError> {
        let fits = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        if text.is_empty() || text.len() > 16 || !text.bytes().all(fits) {
            let text: String = text.chars().take(40).collect();
            return Err(ProviderError::never(
                format!("{text:?} is not a volume label"),
                "use 1 to 16 of A-Z, 0-9 and '_'",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for MediaLabel {
    type Error = ProviderError;

    fn try_from(text: String) -> Result<Self, ProviderError> {
        text.parse()
    }
}

impl From<MediaLabel> for String {
    fn from(label: MediaLabel) -> Self {
        label.0
    }
}

impl fmt::Display for MediaLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A machine that was launched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// Its name.
    pub id: MachineId,
    /// Where its SSH answers, once it has booted.
    pub ssh: SocketAddr,
}

/// How a machine is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "state",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum MachineState {
    /// It runs. Whether the guest has booted, only SSH tells.
    Running {
        /// Where its SSH answers.
        ssh: SocketAddr,
    },
    /// It does not run; its disk is there.
    Stopped {
        /// What its end looked like, where that is known and was not asked for.
        why: Option<String>,
    },
    /// There is no such machine.
    Gone,
}

/// How a machine that was told to shut down ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ended {
    /// The guest powered off by itself, so all that it does at its end was done.
    ByGuest,
    /// It did not within the grace and was ended, or it was not running when it was told to.
    ByForce,
}
