//! What a Kubernetes pack installs: the file `components.yaml` in the pack, and
//! the manifest of the bundle that carries the files.
//!
//! ```yaml
//! schemaVersion: 1
//! components:
//!   - name: kubelet
//!     version: v1.34.2
//!     kind: binary            # binary | archive | deb
//!     file: kubelet           # its name in the bundle
//!     sha256: 9f86d0…         # needed for http
//!     sources:                # tried in this order
//!       - bundle
//!       - http: {url: "https://…"}
//!     install: /usr/bin/kubelet
//!     purpose: install        # install | tool
//! ```

mod read;

use serde::{Deserialize, Serialize};

use crate::error::PackError;

/// The file's name in a pack.
pub const FILE: &str = "components.yaml";
/// The only version of both forms there is.
pub const SCHEMA_VERSION: u32 = 1;

/// The components of a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ComponentSet {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// In the order in which they are installed.
    pub components: Vec<Component>,
}

/// One file that ends up on a machine, or is used while one is built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Component {
    /// Its name; for `apt` also the package's name.
    pub name: String,
    /// Its exact version.
    pub version: String,
    /// What kind of file it is.
    pub kind: Kind,
    /// The file's name in the bundle; no folders.
    pub file: String,
    /// SHA-256 of the file, hexadecimal.
    #[serde(default)]
    pub sha256: Option<String>,
    /// Where it may come from, tried in this order.
    pub sources: Vec<Source>,
    /// Where it goes on the machine; a file for a binary, a folder for an archive.
    #[serde(default)]
    pub install: Option<String>,
    /// Why it is here.
    pub purpose: Purpose,
}

/// What kind of file a component is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One executable file.
    Binary,
    /// A tar archive that is unpacked.
    Archive,
    /// A Debian package.
    Deb,
}

/// Why a component is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// It becomes part of the image.
    Install,
    /// It is used while the image is built or checked, and leaves no trace.
    Tool,
}

/// Where a component may come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "lowercase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Source {
    /// The pack's bundle in the registry.
    Bundle,
    /// The package repositories of the machine.
    Apt,
    /// A download; the component must have a checksum.
    Http {
        /// From where.
        url: String,
    },
}

/// What is in a bundle; the configuration of the bundle's artifact, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BundleManifest {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// For which machines, such as `amd64`.
    pub architecture: String,
    /// The files, in the order of `components.yaml`.
    pub components: Vec<BundleEntry>,
}

/// One file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BundleEntry {
    /// As in [`Component`].
    pub name: String,
    /// As in [`Component`].
    pub version: String,
    /// As in [`Component`].
    pub kind: Kind,
    /// As in [`Component`]; also the title of the layer.
    pub file: String,
    /// SHA-256 of the file, hexadecimal; the layer's digest.
    pub sha256: String,
    /// The file's length.
    pub size_bytes: u64,
    /// As in [`Component`].
    pub purpose: Purpose,
    /// As in [`Component`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub install: Option<String>,
}

impl ComponentSet {
    /// Parses a `components.yaml`; `file` is how errors call it.
    ///
    /// # Errors
    /// [`PackError::Malformed`] if it is no YAML, and [`PackError::Invalid`]
    /// with every complaint about its content.
    pub fn parse(text: &str, file: &str) -> Result<Self, PackError> {
        read::read(text, file)
    }

    /// The component of that name.
    pub fn get(&self, name: &str) -> Option<&Component> {
        self.components
            .iter()
            .find(|component| component.name == name)
    }
}
