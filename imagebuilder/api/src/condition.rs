//! Conditions: what holds of a build by now, and why not.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One statement about a build. A failed step makes its condition `False`; it turns `True` once a retry works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"type": "RunStage", "status": "False", "reason": "RoleFailed",
    "message": "task \"Set modes\" of role harden failed on host image: bad mode", "since": "2026-11-21T10:00:00Z"}))]
pub struct Condition {
    /// What the statement is about: the name of a step, or `Ready` for the whole.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// One word for programs, such as `AnsibleTaskFailed`.
    pub reason: String,
    /// A sentence for people: what, where, what to do next.
    pub message: String,
    /// Since when the status is what it is.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

impl Condition {
    /// The condition that speaks for the whole build.
    pub const READY: &'static str = "Ready";
    /// Whether a worker has the build, and what it waits for while none has.
    pub const SCHEDULED: &'static str = "Scheduled";
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not; the message says why.
    False,
    /// Nobody knows yet.
    Unknown,
}

impl fmt::Display for ConditionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        })
    }
}
