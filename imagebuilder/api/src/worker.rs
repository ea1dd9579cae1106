//! Workers: the processes that run builds, as those who operate them see them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A process that runs builds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkerView {
    /// Its name; a new one with each start.
    pub name: String,
    /// The data folder that it works on; one process at a time has it.
    pub host: String,
    /// The provider of its machines.
    pub provider: String,
    /// How many builds it runs at once.
    pub slots: u32,
    /// How many it has now.
    pub running: u32,
    /// It takes no new build.
    pub draining: bool,
    /// It gives the builds that it has to other workers, each at its next step.
    pub hand_over: bool,
    /// Whether it is the worker of the server that answers.
    pub here: bool,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// When it last said that it is there.
    #[schema(value_type = String, format = DateTime)]
    pub seen_at: Timestamp,
}

/// Which workers are to take no more builds, or to take them again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"handOver": true}))]
pub struct Drain {
    /// The worker's name; when it is not said, the worker of the server that is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// Also give the running builds to other workers, each at its next step, instead of
    /// finishing them.
    #[serde(default)]
    pub hand_over: bool,
    /// Take builds again.
    #[serde(default)]
    pub undo: bool,
}

/// What the reaper did in one look at the provider.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReaperReport {
    /// What nobody owned, and is gone.
    pub removed: Vec<String>,
    /// What it left alone.
    pub left: Vec<LeftAlone>,
}

/// Something that nobody is known to own and that was left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeftAlone {
    /// Its kind and name at the provider.
    pub what: String,
    /// Why.
    pub why: String,
}
