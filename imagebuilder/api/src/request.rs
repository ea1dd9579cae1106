//! What is asked of the image builder, and its two answers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::BuildId;
use crate::image::ImageRecord;
use crate::signature::Signature;

/// "See to it that this image exists, verified, in these regions." Idempotent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"profile": "library/profiles/qemu-debian-13:1.0.0", "provider": "qemu", "regions": ["local"], "fresh": false}))]
pub struct EnsureImage {
    /// `<project>/profiles/<name>:<version>`, or the same by digest.
    pub profile: String,
    /// Which provider makes it, such as `qemu`.
    #[serde(default = "default_provider")]
    pub provider: String,
    /// Where it is wanted.
    #[serde(default = "default_regions")]
    pub regions: Vec<String>,
    /// Ignore stored images and stages.
    #[serde(default)]
    pub fresh: bool,
    /// Which build of the project goes first: the higher, from -100 to 100. Between
    /// projects it says nothing. It changes nothing in what is built.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub priority: i8,
    /// A build that has not ended so many seconds after it was asked for is given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_secs: Option<u64>,
}

impl EnsureImage {
    /// The bounds of [`EnsureImage::priority`].
    pub const PRIORITIES: std::ops::RangeInclusive<i8> = -100..=100;

    /// A request for the profile's image with all else as usual.
    #[must_use]
    pub fn of(profile: impl Into<String>) -> Self {
        Self {
            profile: profile.into(),
            provider: default_provider(),
            regions: default_regions(),
            fresh: false,
            priority: 0,
            deadline_secs: None,
        }
    }
}

fn is_usual(priority: &i8) -> bool {
    *priority == 0
}

fn default_provider() -> String {
    "qemu".to_owned()
}

fn default_regions() -> Vec<String> {
    vec!["local".to_owned()]
}

/// The image, or the build that will make it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum EnsureImageAnswer {
    /// It exists (HTTP 200).
    Ready {
        /// Its record.
        image: Box<ImageRecord>,
        /// Whether this very call made it; false, as a call does not wait.
        built: bool,
    },
    /// It is being made (HTTP 202).
    Building {
        /// The build to watch.
        build: BuildId,
        /// What it makes.
        signature: Signature,
    },
}
