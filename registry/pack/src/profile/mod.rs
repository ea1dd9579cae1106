//! A cluster profile: the packs that make a cluster, with their values.
//!
//! The form is the vendor's export (`clusterprofiles/export`), as JSON or as
//! YAML: `metadata` and `spec.{version,template,variables}`. Keys that nobody
//! here needs are passed over; the text is kept as it was.

mod lint;
mod parse;
mod variables;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use variables::{Variable, VariableOption};

use crate::error::PackError;
use crate::lint::Finding;
use crate::{Layer, PackName, Version};

/// A cluster profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Profile {
    /// Name, description, labels.
    pub metadata: ProfileMetadata,
    /// The profile's version; `1.0.0` where the text names none.
    pub version: Version,
    /// The packs.
    pub template: ProfileTemplate,
    /// Variables that a user fills in.
    pub variables: Vec<Variable>,
    /// The text, untouched.
    #[serde(skip)]
    pub raw: String,
    /// How findings call the text.
    #[serde(skip)]
    pub(crate) file: String,
}

/// Who a profile is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ProfileMetadata {
    /// Identity, together with the version; the last component of its repository.
    pub name: PackName,
    /// What it is for.
    pub description: String,
    /// Labels; a tag is a label with the value `spectro__tag`.
    pub labels: BTreeMap<String, String>,
}

/// What a profile consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ProfileTemplate {
    /// Which layers it brings.
    #[serde(rename = "type")]
    pub kind: ProfileKind,
    /// For which cloud, such as `libvirt`; `all` only with add-ons.
    pub cloud_type: String,
    /// The packs, from the operating system upwards.
    pub packs: Vec<ProfilePack>,
}

/// Which layers a profile brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProfileKind {
    /// All layers.
    Cluster,
    /// Operating system, Kubernetes, network and storage.
    Infra,
    /// Add-ons only.
    AddOn,
    /// Parts of the platform itself.
    System,
}

impl ProfileKind {
    /// True if there have to be an operating system and Kubernetes.
    pub fn has_infrastructure(self) -> bool {
        matches!(self, Self::Cluster | Self::Infra)
    }
}

impl fmt::Display for ProfileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cluster => "cluster",
            Self::Infra => "infra",
            Self::AddOn => "add-on",
            Self::System => "system",
        })
    }
}

/// One pack of a profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ProfilePack {
    /// The pack's name.
    pub name: PackName,
    /// Its layer.
    pub layer: Layer,
    /// Its exact version; the tag where only that is written.
    pub version: Version,
    /// A moving tag, such as `1.34.x`.
    pub tag: Option<String>,
    /// `spectro` for packs; exports also know `helm`, `manifest` and `oci`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Replaces the pack's `values.yaml` as a whole, if there.
    pub values: Option<String>,
    /// Manifests that are applied with it.
    pub manifests: Vec<ProfileManifest>,
    /// Where the pack came from when the profile was exported.
    pub registry: Option<ProfileRegistry>,
}

/// A manifest inside a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ProfileManifest {
    /// Its name.
    pub name: String,
    /// Its text.
    pub content: String,
}

/// The registry in an exported profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ProfileRegistry {
    /// The exporter's id for it.
    pub uid: String,
    /// Its name for people.
    pub name: String,
    /// `pack`, `helm` or `oci`.
    pub kind: String,
}

impl Profile {
    /// Parses an exported profile; `file` is how errors call it.
    ///
    /// # Errors
    /// [`PackError::Malformed`] if it is neither JSON nor YAML, and
    /// [`PackError::Invalid`] with every complaint that makes it unusable.
    pub fn parse(text: &str, file: &str) -> Result<Self, PackError> {
        parse::parse(text, file)
    }

    /// Complaints about a profile that parses: missing layers, doubled packs,
    /// variables, values. Those that are errors make it unfit for a build.
    pub fn lint(&self) -> Vec<Finding> {
        lint::lint(self)
    }

    /// The packs of one layer.
    pub fn layer(&self, layer: Layer) -> impl Iterator<Item = &ProfilePack> {
        self.template
            .packs
            .iter()
            .filter(move |pack| pack.layer == layer)
    }
}
