//! What becomes of images after they are made: held, withdrawn, removed by rule.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::image::ImageState;
use crate::signature::Signature;

/// Asks for an image to be withdrawn: it is never used again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"reason": "CVE-2026-1234 in openssl"}))]
pub struct RevokeImage {
    /// Why, for everybody who meets it.
    pub reason: String,
}

/// A withdrawn image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Revocation {
    /// Which image.
    pub signature: Signature,
    /// Why.
    pub reason: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub revoked_at: Timestamp,
    /// Who used it, or is built on the same.
    pub dependants: Dependants,
}

/// Who would miss an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Dependants {
    /// Profiles that asked for it.
    pub profiles: Vec<String>,
    /// Who holds it.
    pub holds: Vec<Hold>,
    /// Images that stand on a captured stage of it.
    pub images: Vec<SharedStage>,
    /// Whether there are more images than are listed.
    #[serde(default)]
    pub more: bool,
}

/// Somebody's wish that an image stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// Who: a cluster's name, a release.
    pub holder: String,
    /// What for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub held_at: Timestamp,
}

/// Another image, and the highest captured stage that both have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SharedStage {
    /// The other image.
    pub signature: Signature,
    /// What it was made for first.
    pub profile: String,
    /// The stage's name.
    pub stage: String,
}

/// The rule by which images are removed. Each bound that is given must be passed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"keepLast": 3, "olderThanDays": 30, "dryRun": true}))]
pub struct CollectImages {
    /// The newest so many of each profile stay, its versions counted together.
    #[serde(default)]
    pub keep_last: Option<u32>,
    /// Younger images stay.
    #[serde(default)]
    pub older_than_days: Option<u32>,
    /// Only say what would be removed.
    #[serde(default)]
    pub dry_run: bool,
}

/// What a collection did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CollectedImages {
    /// Images that are gone from the registry; their bytes go with the registry's own collection.
    pub removed: Vec<CollectedImage>,
    /// Images that the rule would remove and that stay, each with the reason.
    pub kept: Vec<CollectedImage>,
    /// How many images stay because the rule keeps them.
    pub within_rule: u64,
    /// Whether nothing was done.
    pub dry_run: bool,
}

/// One image of a collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CollectedImage {
    /// Which.
    pub signature: Signature,
    /// What it was made for first.
    pub profile: String,
    /// How far it could be trusted.
    pub state: ImageState,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Why it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}
