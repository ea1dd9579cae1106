//! Which stages of an image were found stored, and what made the others be made.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::BuildId;
use crate::signature::{Difference, Signature, StageId};

/// How the stages of an image came to be in its newest build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CacheReport {
    /// Which build.
    pub build: BuildId,
    /// The image of an earlier build with the most stages in common: misses are explained by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared_with: Option<Signature>,
    /// The captured stages, in order.
    pub stages: Vec<StageCache>,
}

/// One stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StageCache {
    /// Its content-made id.
    pub id: StageId,
    /// Its name for people.
    pub name: String,
    /// Whether the build found it stored.
    pub hit: bool,
    /// How long the build took to make it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Whether this host has it now.
    pub stored: bool,
    /// Why it was made, as a sentence; none for a hit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The inputs that made it miss; `left` is the image that it is compared with.
    pub because: Vec<Difference>,
}
