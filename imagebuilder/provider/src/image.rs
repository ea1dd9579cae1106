//! Captured images.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::id::ImageId;

/// What is to be captured under which name and tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CaptureSpec {
    /// The image's name. A second capture under the same name gives the first one's image.
    pub name: ImageId,
    /// Its tags (`packyard-signature`, `packyard-state`, …), set when it is made.
    pub tags: BTreeMap<String, String>,
}

/// A captured image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CapturedImage {
    /// The provider's name for it.
    pub id: ImageId,
    /// Its file, where it is one on this host. It stands alone: nothing lies below it.
    pub path: Option<PathBuf>,
    /// How much it takes.
    pub size_bytes: u64,
    /// The size of the disk that a guest sees.
    pub virtual_size_bytes: u64,
    /// Its format, such as `qcow2` or `ami`.
    pub format: String,
}

/// Takes how much is done, from 0.0 to 1.0. It is called a few times a second at most.
pub type Progress<'a> = &'a (dyn Fn(f32) + Send + Sync);
