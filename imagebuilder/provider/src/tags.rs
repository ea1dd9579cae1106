//! What every machine carries from the moment it is made, so that a leak can be told from a machine at work.

use std::collections::BTreeMap;
use std::fmt;

use imagebuilder_api::BuildId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::ProviderError;
use crate::id::MachineId;

/// The tags of a machine. Build, purpose and attempt together name it: a second
/// launch with the same three is the same machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tags {
    /// Whose machine it is.
    pub build: BuildId,
    /// What for, such as `build` or `verify`: lower-case letters.
    pub purpose: String,
    /// Which try of the build this is.
    pub attempt: u32,
    /// When nobody can need it any more.
    pub deadline: Timestamp,
}

impl Tags {
    /// The key of the build's tag.
    pub const BUILD: &'static str = "packyard-build";
    /// The key of the purpose's tag.
    pub const PURPOSE: &'static str = "packyard-purpose";
    /// The key of the attempt's tag.
    pub const ATTEMPT: &'static str = "packyard-attempt";
    /// The key of the deadline's tag.
    pub const DEADLINE: &'static str = "packyard-deadline";
    /// The key of the tag that says which stage a disk holds.
    pub const STAGE: &'static str = "packyard-stage";
    /// The key of the tag that says which image it is.
    pub const SIGNATURE: &'static str = "packyard-signature";
    /// The key of the tag that says how far it may be trusted.
    pub const STATE: &'static str = "packyard-state";

    /// The machine's name, for providers that let us choose it.
    pub fn machine_id(&self) -> Result<MachineId, ProviderError> {
        let refuse = |_| {
            ProviderError::never(
                format!("{self} cannot name a machine"),
                "use lower-case letters for the purpose and a build id of at most 64 characters",
            )
        };
        if self.purpose.is_empty() || !self.purpose.bytes().all(|b| b.is_ascii_lowercase()) {
            return Err(refuse(()));
        }
        let text = format!("{}.{}.{}", self.build, self.purpose, self.attempt);
        text.parse().map_err(|_| refuse(()))
    }

    /// As plain tags, for the clouds and for [`crate::Resource`].
    pub fn to_map(&self) -> BTreeMap<String, String> {
        [
            (Self::BUILD, self.build.to_string()),
            (Self::PURPOSE, self.purpose.clone()),
            (Self::ATTEMPT, self.attempt.to_string()),
            (Self::DEADLINE, self.deadline.to_string()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
    }
}

impl fmt::Display for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "build {}, purpose {}, attempt {}",
            self.build, self.purpose, self.attempt
        )
    }
}
