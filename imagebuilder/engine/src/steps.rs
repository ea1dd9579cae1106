//! The table of steps: what a build is, on one page.
//!
//! Each step is one file below `steps/`. Each is safe to run twice: it finds
//! what an earlier run left and goes on from there. Undo takes back what only
//! this build needed; captured stages are kept, because they are addressed by
//! their content and serve the next build.

mod capture;
mod checkpoint;
mod chunk_map;
mod copy_to_regions;
mod destroy_machine;
mod find_reusable;
mod inspect;
mod kube_bench;
mod launch_machine;
mod publish_record;
mod resolve_inputs;
mod run_stage;
mod seal;
mod verify;
mod wait_for_ssh;

use futures::future::BoxFuture;
use imagebuilder_api::{StageId, StepName};
use serde::Serialize;
use serde_json::Value;

use crate::build::Build;
use crate::failure::Failure;

/// One row of the table.
pub(crate) struct Step {
    pub(crate) name: StepName,
    pub(crate) lives: Lives,
    /// Comes once for each stage that is missing, together with its neighbours that do.
    pub(crate) per_stage: bool,
    pub(crate) run: Run,
    pub(crate) undo: Option<Undo>,
}

type Run = for<'a> fn(&'a Build, &'a Part) -> BoxFuture<'a, Result<Outcome, Failure>>;
type Undo = for<'a> fn(&'a Build) -> BoxFuture<'a, Result<(), Failure>>;

/// How long what a step did lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lives {
    /// Done anew in each pass: it is quick, and the world may have changed.
    InPass,
    /// As long as the build machine.
    WithMachine,
    /// Until the build ends, also over a restart of the server.
    Kept,
}

macro_rules! step {
    ($name:ident, $module:ident, $lives:ident, per_stage: $per_stage:literal, undo: none) => {
        Step {
            name: StepName::$name,
            lives: Lives::$lives,
            per_stage: $per_stage,
            run: |build, part| Box::pin($module::run(build, part)),
            undo: None,
        }
    };
    ($name:ident, $module:ident, $lives:ident, per_stage: $per_stage:literal, undo: some) => {
        Step { undo: Some(|build| Box::pin($module::undo(build))), ..step!($name, $module, $lives, per_stage: $per_stage, undo: none) }
    };
}

/// All steps in order. An undo runs in the reverse order.
pub(crate) static TABLE: [Step; 14] = [
    //    name             file             its effect lasts        for each stage    taken back
    step!(ResolveInputs, resolve_inputs, InPass, per_stage: false, undo: none),
    step!(FindReusable, find_reusable, InPass, per_stage: false, undo: none),
    step!(LaunchMachine, launch_machine, WithMachine, per_stage: false, undo: some),
    step!(WaitForSsh, wait_for_ssh, WithMachine, per_stage: false, undo: none),
    step!(RunStage, run_stage, WithMachine, per_stage: true, undo: none),
    step!(Checkpoint, checkpoint, WithMachine, per_stage: true, undo: none),
    step!(Inspect, inspect, WithMachine, per_stage: false, undo: none),
    step!(KubeBench, kube_bench, WithMachine, per_stage: false, undo: none),
    step!(Seal, seal, WithMachine, per_stage: false, undo: none),
    step!(Capture, capture, Kept, per_stage: false, undo: some),
    step!(Verify, verify, Kept, per_stage: false, undo: some),
    step!(CopyToRegions, copy_to_regions, Kept, per_stage: false, undo: none),
    step!(PublishRecord, publish_record, Kept, per_stage: false, undo: some),
    step!(DestroyMachine, destroy_machine, InPass, per_stage: false, undo: none),
];

/// Which part of a step: the whole of it, or one stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// The stage's id, or nothing. The journal tells parts apart by it.
    pub(crate) key: String,
    /// The stage, for steps that come once for each.
    pub(crate) stage: Option<StagePart>,
    /// Counted from 0.
    pub(crate) position: usize,
}

/// A stage to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StagePart {
    pub(crate) id: StageId,
    pub(crate) name: String,
    /// Its place in the plan.
    pub(crate) index: usize,
}

impl Part {
    /// The part of steps that have only one.
    pub(crate) fn whole() -> Self {
        Self {
            key: String::new(),
            stage: None,
            position: 0,
        }
    }

    pub(crate) fn of_stage(stage: StagePart, position: usize) -> Self {
        Self {
            key: stage.id.to_string(),
            stage: Some(stage),
            position,
        }
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.stage.as_ref().map(|stage| stage.name.as_str())
    }

    /// The stage of a step that has one; the table sees to that.
    pub(crate) fn stage(&self) -> Result<&StagePart, Failure> {
        self.stage
            .as_ref()
            .ok_or_else(|| Failure::person("Internal", "a step for stages was run without one"))
    }

    /// For people.
    pub(crate) fn label(&self, step: StepName) -> String {
        match self.name() {
            Some(name) => format!("{step}: {name}"),
            None => step.to_string(),
        }
    }
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    /// What later steps, and the same step after a restart, read.
    pub(crate) output: Value,
    /// A sentence for people.
    pub(crate) message: String,
    /// Nothing had to be done, because it was there.
    pub(crate) cached: bool,
    /// Nothing was to be done at all.
    pub(crate) skipped: bool,
    /// The image is there: the build ends here.
    pub(crate) finishes: bool,
}

impl Outcome {
    pub(crate) fn done(message: impl Into<String>) -> Self {
        Self {
            output: Value::Null,
            message: message.into(),
            cached: false,
            skipped: false,
            finishes: false,
        }
    }

    pub(crate) fn skipped(message: impl Into<String>) -> Self {
        Self {
            skipped: true,
            ..Self::done(message)
        }
    }

    pub(crate) fn with(self, output: &impl Serialize) -> Result<Self, Failure> {
        let output = serde_json::to_value(output)
            .map_err(|error| Failure::person("Internal", error.to_string()))?;
        Ok(Self { output, ..self })
    }
}
