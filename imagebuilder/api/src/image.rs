//! The record of an image: what it is made of, where it is, what was checked.
//!
//! It is stored as the config of the image's artifact in the registry.

use jiff::Timestamp;
use registry_pack::Digest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::BuildId;
use crate::kubebench::Totals;
use crate::signature::{Chain, Signature};

/// All that is known of an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageRecord {
    /// The form of this record; see [`ImageRecord::SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What the image is made of, in 64 digits. Absent for an image that is only referenced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// How far one may trust it.
    pub state: ImageState,
    /// Whether it was built here.
    pub kind: ImageKind,
    /// The profile that it was made for first.
    pub profile: String,
    /// Its OS pack, `<name>:<version>`.
    pub os_pack: String,
    /// The inputs behind the signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub chain: Option<Chain>,
    /// Where it can be used.
    pub locations: Vec<Location>,
    /// What was checked, and how that went.
    pub checks: Vec<CheckSummary>,
    /// The artifact that holds its disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Artifact>,
    /// The build that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<BuildId>,
    /// When it was recorded.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

impl ImageRecord {
    /// The form of record that this code writes.
    pub const SCHEMA_VERSION: u32 = 1;
}

/// How far an image may be trusted. Only `Verified` is ever reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ImageState {
    /// Its machine runs.
    Building,
    /// The disk is there, unproven.
    Captured,
    /// It booted and its policy is content.
    Verified,
    /// A check refused it.
    Failed,
    /// Somebody withdrew it.
    Revoked,
}

impl ImageState {
    /// The name as it stands in JSON and in the tag `packyard-state`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Captured => "captured",
            Self::Verified => "verified",
            Self::Failed => "failed",
            Self::Revoked => "revoked",
        }
    }
}

/// Where an image comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ImageKind {
    /// Built by us.
    Built,
    /// Named by its OS pack and used as it is; nothing was built.
    Referenced,
}

/// A place where the image can be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    /// Which provider.
    pub provider: String,
    /// Which of its regions.
    pub region: String,
    /// The provider's own name for it.
    pub id: String,
    /// The disk's format, where it is a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The file's size, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
}

/// A check in short; its full report is a referrer of the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckSummary {
    /// Which check: `boot`, or `kube-bench node`.
    pub name: String,
    /// Whether it let the image pass.
    pub passed: bool,
    /// A sentence.
    pub message: String,
    /// kube-bench's own figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totals: Option<Totals>,
}

/// An artifact in the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// Its repository.
    pub repository: String,
    /// Its manifest.
    #[schema(value_type = String)]
    pub digest: Digest,
}
