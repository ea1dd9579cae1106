//! A build as people see it: state, conditions, steps, stages.
//!
//! The engine's own rows (queue, lease, journal) are not here.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::condition::Condition;
use crate::id::BuildId;
use crate::request::EnsureImage;
use crate::signature::{Signature, StageId};
use crate::step::StepName;

/// A build: the wish for an image, and how far it has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuildView {
    /// Its name.
    pub id: BuildId,
    /// The image that it makes.
    pub signature: Signature,
    /// The profile that was asked for, `<project>/profiles/<name>:<version>`.
    pub profile: String,
    /// What was asked for.
    pub request: EnsureImage,
    /// Where it stands.
    pub state: BuildState,
    /// How many times a worker took it up.
    pub attempt: u32,
    /// One word on why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A sentence on why it failed and what to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// How it stands in the queue, until it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueView>,
    /// The trace that shows it, where it was traced: 32 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// What holds by now.
    pub conditions: Vec<Condition>,
    /// Its steps, in the order in which they were begun.
    pub steps: Vec<StepView>,
    /// The stages of the image.
    pub stages: Vec<StageView>,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When a worker first took it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// When it ended, in whatever way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
}

/// How a build stands in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueView {
    /// Within its project; the higher goes first.
    pub priority: i64,
    /// Somebody paused it: it waits until it is resumed.
    pub paused: bool,
    /// When it is given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deadline: Option<Timestamp>,
}

/// Where a build stands.
///
/// ```text
/// queued -> running -> succeeded
///    |         |-----> failed
///    |         `-----> cancelled
///    `---------------> cancelled
/// ```
/// A worker that dies leaves it `running`; the next one goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum BuildState {
    /// Waits for a worker.
    Queued,
    /// A worker has it.
    Running,
    /// The image is verified.
    Succeeded,
    /// It will not be tried again by itself.
    Failed,
    /// Somebody asked to stop it.
    Cancelled,
}

impl BuildState {
    /// Whether nothing more will happen.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// The name as it stands in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// One step of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepView {
    /// Which step.
    pub name: StepName,
    /// Which stage, for the steps that come once per stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// Where it stands.
    pub state: StepState,
    /// How often it was begun.
    pub attempts: u32,
    /// Whether its result was there before.
    #[serde(default)]
    pub cached: bool,
    /// When it was first begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// Why it failed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum StepState {
    /// Not begun.
    Pending,
    /// At it.
    Running,
    /// Done.
    Done,
    /// Failed; the error says why.
    Failed,
    /// Not needed.
    Skipped,
    /// Was done and has been taken back.
    Undone,
}

impl StepState {
    /// The name as it stands in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Undone => "undone",
        }
    }
}

/// One stage of the image, as this build met it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StageView {
    /// Its content-made id.
    pub id: StageId,
    /// Its name for people, such as `kubernetes` or `roles debian-13`.
    pub name: String,
    /// Whether it was captured before this build.
    pub cached: bool,
    /// How long it took here; absent where it was not run, or not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}
