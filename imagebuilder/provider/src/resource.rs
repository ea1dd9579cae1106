//! What a provider finds that it once made: what the reaper compares with the records.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Something that exists because of us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// Its name, to be parsed as the id of its kind.
    pub id: String,
    /// What it is, and so which call removes it.
    pub kind: ResourceKind,
    /// The tags that it carries; empty where they were lost.
    pub tags: BTreeMap<String, String>,
    /// When it was made, as well as that is known.
    pub created: Timestamp,
}

/// The kinds of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ResourceKind {
    /// A machine, running or not, or what is left of one: [`crate::Provider::destroy`].
    Machine,
    /// A disk: [`crate::Provider::delete_disk`].
    Disk,
    /// An image: [`crate::Provider::delete_image`].
    Image,
}
