//! The names of a build's steps.
//!
//! What a step does, and how it is undone, is the engine's table.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::ParseIdError;

/// A step of a build, in the order in which they come.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
pub enum StepName {
    /// Turns the profile into exact inputs and the signature.
    ResolveInputs,
    /// Looks for the image, and for the deepest stage that is already there.
    FindReusable,
    /// Starts the machine from that stage or from the base image.
    LaunchMachine,
    /// Waits until the machine answers with the host key that it was given.
    WaitForSsh,
    /// Runs one missing stage.
    RunStage,
    /// Keeps the disk after that stage.
    Checkpoint,
    /// Lists what is installed (SBOM).
    Inspect,
    /// Runs kube-bench and lets the policy judge its report.
    KubeBench,
    /// Removes what must not be in an image.
    Seal,
    /// Makes the disk file or the cloud's image.
    Capture,
    /// Boots the captured image once and looks from outside.
    Verify,
    /// Copies it to the other regions.
    CopyToRegions,
    /// Writes record, report and disk into the registry.
    PublishRecord,
    /// Ends the machine and removes what belonged to it.
    DestroyMachine,
}

impl StepName {
    /// All steps, in order.
    pub const ALL: [Self; 14] = [
        Self::ResolveInputs,
        Self::FindReusable,
        Self::LaunchMachine,
        Self::WaitForSsh,
        Self::RunStage,
        Self::Checkpoint,
        Self::Inspect,
        Self::KubeBench,
        Self::Seal,
        Self::Capture,
        Self::Verify,
        Self::CopyToRegions,
        Self::PublishRecord,
        Self::DestroyMachine,
    ];

    /// What goes on while the step runs, for people: `Customizing image`.
    pub fn doing(self) -> &'static str {
        match self {
            Self::ResolveInputs => "Resolving inputs",
            Self::FindReusable => "Looking for the image",
            Self::LaunchMachine => "Launching machine",
            Self::WaitForSsh => "Waiting for machine",
            Self::RunStage => "Customizing image",
            Self::Checkpoint => "Keeping stage",
            Self::Inspect => "Listing packages",
            Self::KubeBench => "Checking benchmark",
            Self::Seal => "Sealing image",
            Self::Capture => "Capturing image",
            Self::Verify => "Verifying image",
            Self::CopyToRegions => "Copying image",
            Self::PublishRecord => "Publishing image",
            Self::DestroyMachine => "Cleaning up",
        }
    }

    /// The same as the one word of a condition's reason: `CustomizingImage`.
    pub fn doing_word(self) -> &'static str {
        match self {
            Self::ResolveInputs => "ResolvingInputs",
            Self::FindReusable => "LookingForImage",
            Self::LaunchMachine => "LaunchingMachine",
            Self::WaitForSsh => "WaitingForMachine",
            Self::RunStage => "CustomizingImage",
            Self::Checkpoint => "KeepingStage",
            Self::Inspect => "ListingPackages",
            Self::KubeBench => "CheckingBenchmark",
            Self::Seal => "SealingImage",
            Self::Capture => "CapturingImage",
            Self::Verify => "VerifyingImage",
            Self::CopyToRegions => "CopyingImage",
            Self::PublishRecord => "PublishingImage",
            Self::DestroyMachine => "CleaningUp",
        }
    }

    /// The name as it stands in records and events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ResolveInputs => "ResolveInputs",
            Self::FindReusable => "FindReusable",
            Self::LaunchMachine => "LaunchMachine",
            Self::WaitForSsh => "WaitForSsh",
            Self::RunStage => "RunStage",
            Self::Checkpoint => "Checkpoint",
            Self::Inspect => "Inspect",
            Self::KubeBench => "KubeBench",
            Self::Seal => "Seal",
            Self::Capture => "Capture",
            Self::Verify => "Verify",
            Self::CopyToRegions => "CopyToRegions",
            Self::PublishRecord => "PublishRecord",
            Self::DestroyMachine => "DestroyMachine",
        }
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for StepName {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        Self::ALL
            .into_iter()
            .find(|step| step.as_str() == text)
            .ok_or_else(|| {
                ParseIdError::new(
                    "step",
                    text,
                    "one of the steps of a build, such as RunStage",
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_written_and_read_by_its_name() {
        for (position, step) in StepName::ALL.into_iter().enumerate() {
            assert_eq!(step as usize, position);
            assert_eq!(step.as_str().parse(), Ok(step));
            assert_eq!(serde_json::to_value(step).unwrap(), step.as_str());
        }
        assert!("Dance".parse::<StepName>().is_err());
    }
}
