//! `pack.json`: what a pack says about itself.
//!
//! Parsing is strict about what nobody can work without (the four required
//! keys, the layer, the types of known keys) and lenient about the rest, which
//! [`crate::lint`] complains about. The text is kept as it was, and keys that
//! nobody knows are kept in [`PackManifest::extra`].

mod constraints;
mod parse;
pub(crate) mod schema;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

pub(crate) use parse::json_error;

pub use constraints::{Constraints, Dependency, Resource, ResourceComponent};

use crate::error::PackError;
use crate::lint::{Finding, rules};
use crate::places::Places;
use crate::{Layer, PackName, Version};

/// The file's name in every pack.
pub(crate) const FILE: &str = "pack.json";

/// The content of `pack.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PackManifest {
    /// Identity, together with the version; never the folder's name.
    pub name: PackName,
    /// The name for people.
    pub display_name: String,
    /// The version, any text with a lenient order.
    pub version: Version,
    /// Which part of a cluster this is.
    pub layer: Layer,
    /// Where it runs (`cloudTypes`, or the older `cloudType`).
    pub cloud_types: Vec<String>,
    /// Free annotations; image annotations of operating systems are here.
    pub annotations: BTreeMap<String, String>,
    /// Chart archives, relative to the pack.
    pub charts: Vec<String>,
    /// Manifests, relative to the pack, in the order in which they are applied.
    pub kube_manifests: Vec<String>,
    /// Names of role folders in the pack.
    pub ansible_roles: Vec<String>,
    /// Kind of an add-on, such as `monitoring`.
    pub addon_type: Option<String>,
    /// A finer kind; seen in the schema only.
    pub addon_sub_type: Option<String>,
    /// Tag group, such as `LTS`.
    pub group: Option<String>,
    /// End of life, `yyyy-MM-dd`; often empty.
    pub eol: Option<String>,
    /// What other packs and how much room it needs.
    pub constraints: Option<Constraints>,
    /// Every key that is not named above, untouched.
    pub extra: Map<String, Value>,
    /// The text of the file, untouched.
    #[serde(skip)]
    pub raw: String,
}

impl PackManifest {
    /// Parses the text of a `pack.json`; `file` is how errors call it.
    ///
    /// # Errors
    /// [`PackError::Malformed`] with line and column if it is no JSON, and
    /// [`PackError::Invalid`] with every complaint that makes it unusable.
    pub fn parse(text: &str, file: &str) -> Result<Self, PackError> {
        parse::parse(text, file)
    }

    /// The annotation `skipK8sInstall`; absent means `false`, that is, builds
    /// install Kubernetes.
    ///
    /// # Errors
    /// [`PackError::Invalid`] if it is neither `"true"` nor `"false"`.
    pub fn skip_k8s_install(&self) -> Result<bool, PackError> {
        match self.annotations.get("skipK8sInstall").map(String::as_str) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(PackError::Invalid(vec![self.complain(
                rules::OS_SKIP_K8S_INSTALL,
                "annotations.skipK8sInstall",
                format!("is {other:?}"),
                "write \"true\" or \"false\", as a string",
            )])),
        }
    }

    /// The freshness epoch that moves the signature of images built from this.
    pub fn freshness(&self) -> Option<&str> {
        self.annotations
            .get(crate::media::ANNOTATION_FRESHNESS)
            .map(String::as_str)
    }

    /// The roles that are captured as stages of their own.
    pub fn own_stages(&self) -> Vec<&str> {
        let names = self.annotations.get(crate::media::ANNOTATION_OWN_STAGE);
        let names = names.into_iter().flat_map(|names| names.split(','));
        names
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .collect()
    }

    /// An error finding on a key of this manifest, with its place.
    pub(crate) fn complain(
        &self,
        rule: &'static str,
        key: &str,
        message: impl Into<String>,
        remedy: &str,
    ) -> Finding {
        let place = Places::of_json(&self.raw).get(key);
        Finding::error(rule, FILE, message)
            .key(key)
            .at(place)
            .remedy(remedy)
    }
}
