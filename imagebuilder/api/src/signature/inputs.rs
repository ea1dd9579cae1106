//! What a stage is made of: every field here moves the signature, and nothing else does.
//!
//! `Option` fields are written as `null` when absent, never left out.

use std::collections::BTreeMap;

use registry_pack::Digest;
use serde::{Deserialize, Serialize};

use super::variable::Variables;

/// The inputs of one stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "camelCase")]
pub enum StageInputs {
    /// Where the machine starts from.
    Base(BaseInputs),
    /// The built-in hardening.
    Harden(HardenInputs),
    /// The container runtime and Kubernetes.
    Kubernetes(KubernetesInputs),
    /// A stage that this image goes without, said in so many words.
    Skipped(SkippedInputs),
    /// The roles of one pack.
    Roles(RolesInputs),
    /// Some roles of a pack in which a role asks for a stage of its own.
    Part(PartInputs),
    /// The clean-up before capture. It is never captured as a stage.
    Seal(SealInputs),
}

/// The machine before anything was done to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BaseInputs {
    /// Which provider, such as `qemu`.
    pub provider: String,
    /// What comes out, such as `qcow2` or `ami`.
    pub output_format: String,
    /// The processor, `amd64` or `arm64`.
    pub architecture: String,
    /// `bios` or `uefi`.
    pub firmware: String,
    /// The size of the disk that the guest sees.
    pub disk_size_bytes: u64,
    /// What is on it.
    pub image: BaseImage,
}

/// A base image under a name that can never mean another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BaseImage {
    /// The digest of its disk file.
    Digest(Digest),
    /// The cloud's own immutable id. A filter or "latest" is resolved before it comes here.
    Id(String),
}

/// The built-in hardening.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HardenInputs {
    /// Raised whenever the engine runs this stage differently.
    pub stage_version: u32,
    /// The exact version of ansible-core.
    pub ansible_core: String,
    /// The built-in roles that run, in order.
    pub roles: Vec<RoleInputs>,
    /// The freshness epoch of the OS pack, if it declares one.
    #[serde(deserialize_with = "explicit")]
    pub freshness: Option<String>,
}

/// The container runtime and Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KubernetesInputs {
    /// Raised whenever the engine runs this stage differently.
    pub stage_version: u32,
    /// The exact version of ansible-core.
    pub ansible_core: String,
    /// The Kubernetes pack.
    pub pack: PackInputs,
    /// What is installed, in the pack's order, each exactly one file or one Debian version.
    pub components: Vec<ComponentInputs>,
    /// The built-in roles that run, in order.
    pub roles: Vec<RoleInputs>,
    /// The freshness epoch of the Kubernetes pack, if it declares one.
    #[serde(deserialize_with = "explicit")]
    pub freshness: Option<String>,
}

/// The explicit marker of a stage that is not run. It differs from a stage that runs with nothing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SkippedInputs {
    /// Which stage.
    pub skipped: SkippedStage,
}

/// The stages that can be skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SkippedStage {
    /// The built-in hardening.
    Harden,
    /// Kubernetes (`skipK8sInstall: "true"`).
    Kubernetes,
}

/// The roles that one pack brings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RolesInputs {
    /// Raised whenever the engine runs this stage differently.
    pub stage_version: u32,
    /// The exact version of ansible-core.
    pub ansible_core: String,
    /// The pack.
    pub pack: PackInputs,
    /// Its roles, in order.
    pub roles: Vec<RoleInputs>,
    /// The freshness epoch of the pack, if it declares one.
    #[serde(deserialize_with = "explicit")]
    pub freshness: Option<String>,
}

/// Some roles of a pack in which a role asks for a stage of its own.
///
/// Its version and the roles of its other parts are left out: a change of one of them must not
/// move this part. So a role may read its own folder, what lies in no role's folder, and what
/// the roles before it left on the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PartInputs {
    /// Raised whenever the engine runs this stage differently.
    pub stage_version: u32,
    /// The exact version of ansible-core.
    pub ansible_core: String,
    /// The pack's name.
    pub pack: String,
    /// Every file of the pack that lies in no role's folder and that the engine does not read itself.
    pub common: Digest,
    /// The roles, in order.
    pub roles: Vec<RoleInputs>,
    /// The freshness epoch of the pack, if it declares one.
    #[serde(deserialize_with = "explicit")]
    pub freshness: Option<String>,
}

/// The clean-up before capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SealInputs {
    /// Raised whenever the engine seals or captures differently.
    pub stage_version: u32,
    /// The exact version of ansible-core.
    pub ansible_core: String,
    /// The built-in roles that run, in order.
    pub roles: Vec<RoleInputs>,
}

/// A pack, by name and by content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PackInputs {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its content: every file of it.
    pub digest: Digest,
}

/// A role, by content, with what it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleInputs {
    /// Its name.
    pub name: String,
    /// Every file of it, by the path within the role.
    pub files: BTreeMap<String, FileInputs>,
    /// Its variables after merging; `None` where nobody sets any.
    #[serde(deserialize_with = "explicit")]
    pub variables: Option<Variables>,
}

/// A file of a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileInputs {
    /// Its bytes.
    pub digest: Digest,
    /// Whether it can be executed; the only part of the mode that a pack keeps.
    pub executable: bool,
}

/// A component, resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ComponentInputs {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `binary`, `archive` or `deb`.
    pub kind: String,
    /// What exactly is installed.
    pub identity: ComponentIdentity,
    /// `install`, or `tool` for what only serves during the build.
    pub purpose: String,
    /// Where it goes on the machine, if the pack says so.
    #[serde(deserialize_with = "explicit")]
    pub install: Option<String>,
}

/// What makes a component exactly one thing. Where it was fetched from does not: a mirror gives the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ComponentIdentity {
    /// The SHA-256 of its file.
    Sha256(String),
    /// The full version of a Debian package, which the archive's signatures vouch for.
    Debian(String),
}

/// Reads an optional field that must be written, if only as `null`.
fn explicit<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer)
}

impl StageInputs {
    /// The stage's name for people and progress, such as `roles debian-13`.
    pub fn name(&self) -> String {
        match self {
            Self::Base(_) => "base".to_owned(),
            Self::Harden(_)
            | Self::Skipped(SkippedInputs {
                skipped: SkippedStage::Harden,
            }) => "harden".to_owned(),
            Self::Kubernetes(_)
            | Self::Skipped(SkippedInputs {
                skipped: SkippedStage::Kubernetes,
            }) => "kubernetes".to_owned(),
            Self::Roles(inputs) => format!("roles {}", inputs.pack.name),
            Self::Part(inputs) => {
                let first = inputs.roles.first().map_or("", |role| role.name.as_str());
                format!("roles {}/{first}", inputs.pack)
            }
            Self::Seal(_) => "seal".to_owned(),
        }
    }

    /// Whether the disk after this stage is kept as a checkpoint.
    pub fn is_captured(&self) -> bool {
        matches!(
            self,
            Self::Harden(_) | Self::Kubernetes(_) | Self::Roles(_) | Self::Part(_)
        )
    }

    /// The roles that this stage runs, in order.
    pub fn roles(&self) -> &[RoleInputs] {
        match self {
            Self::Harden(inputs) => &inputs.roles,
            Self::Kubernetes(inputs) => &inputs.roles,
            Self::Roles(inputs) => &inputs.roles,
            Self::Part(inputs) => &inputs.roles,
            Self::Seal(inputs) => &inputs.roles,
            Self::Base(_) | Self::Skipped(_) => &[],
        }
    }
}
