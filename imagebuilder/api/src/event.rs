//! Events: what happened in a build, in order.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::step::StepName;

/// One thing that happened. The server keeps the last 1000 of a build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Counts from 1 within the build; `after=N` asks for what came later.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What sort of thing.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// The step that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepName>,
    /// A sentence for people.
    pub message: String,
    /// The same for programs; its form depends on the type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<serde_json::Value>,
}

/// The sorts of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventType {
    /// The build's state changed.
    BuildStateChanged,
    /// A step began.
    StepStarted,
    /// A step is done.
    StepSucceeded,
    /// A step was not needed.
    StepSkipped,
    /// A step failed; it may be tried again.
    StepFailed,
    /// A step will be tried again after a pause.
    StepRetried,
    /// A step was undone.
    StepUndone,
    /// An Ansible task ended on the machine.
    AnsibleTask,
    /// How far a long act has come.
    Progress,
    /// A condition changed.
    ConditionChanged,
    /// Something that a person should know and that stops nothing.
    Warning,
    /// Anything else worth telling.
    Note,
}
