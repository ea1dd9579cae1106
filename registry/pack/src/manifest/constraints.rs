//! The `constraints` of a pack. Version bounds are loose texts (`""`, `1.26`),
//! and the kinds are words, so everything stays text here; the schema check
//! says which words are not known.

use serde::{Deserialize, Serialize};

/// What a pack needs around it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Constraints {
    /// Other packs.
    pub dependencies: Vec<Dependency>,
    /// Room on the nodes.
    pub resources: Vec<Resource>,
}

/// Another pack that must, may or must not be there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Dependency {
    /// The other pack's name.
    pub pack_name: String,
    /// Its layer.
    pub layer: String,
    /// `required`, `optional`, `notSupported` or `upgrade`; empty where the
    /// file forgot it.
    #[serde(rename = "type")]
    pub kind: String,
    /// Lower bound, included; empty for none.
    pub min_version: String,
    /// Upper bound; empty for none.
    pub max_version: String,
}

/// Room that must be there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Eq)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Resource {
    /// `cpu` (millicores), `memory` (MiB) or `diskSize` (GB).
    #[serde(rename = "type")]
    pub kind: String,
    /// What each worker pool must have; ignored if there are components.
    pub min_limit: Option<serde_json::Number>,
    /// Parts whose requests are summed up instead.
    pub components: Vec<ResourceComponent>,
}

/// One part of a pack that asks for room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ResourceComponent {
    /// Which machine pools are looked at: `all`, `master`, `control-plane`, `worker`.
    pub schedule_type: String,
    /// Path in `values.yaml` of the request.
    pub resource_request_param_ref: String,
    /// Path in `values.yaml` of the replica count.
    pub replica_count_param_ref: String,
}
