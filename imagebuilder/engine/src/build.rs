//! One build while a worker has it: what it is, what its steps found out, what lives with its machine.
//!
//! Whatever must survive a restart is in the journal or in the build's folder; this is a view of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use imagebuilder_api::signature::Signature;
use imagebuilder_api::{ConditionStatus, EnsureImage, EventType, StageId, StepName};
use imagebuilder_provider::DiskId;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::Failure;
use crate::journal::{BuildJournal, BuildRow, Claim, JournalError};
use crate::machine::LiveMachine;
use crate::resolve::{Masker, Pins, Resolved};
use crate::size::MachineSize;
use crate::spans::BuildTrace;
use crate::steps::{Part, StagePart};
use crate::transient;
use crate::workshop::Workshop;

/// A build under a lease.
pub(crate) struct Build {
    pub(crate) shop: Arc<Workshop>,
    pub(crate) journal: BuildJournal,
    pub(crate) id: String,
    pub(crate) signature: Signature,
    pub(crate) request: EnsureImage,
    pub(crate) pins: Pins,
    pub(crate) fresh: bool,
    pub(crate) attempt: i64,
    pub(crate) trace: BuildTrace,
    /// Everything that the build keeps on this host.
    pub(crate) folder: PathBuf,
    state: Mutex<State>,
}

/// Where the build starts from, and which stages are missing.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The disk of the deepest stage that is there; none means the base image.
    pub(crate) start: Option<(StageId, DiskId)>,
    /// Stages to be made, in order.
    pub(crate) missing: Vec<StagePart>,
}

#[derive(Default)]
struct State {
    /// Of the build machine; nothing is the configured one.
    size: Option<MachineSize>,
    /// The condition that is `False` until its step works again.
    failing: Option<StepName>,
    resolved: Option<Arc<Resolved>>,
    plan: Option<Plan>,
    machine: Option<Arc<LiveMachine>>,
    outputs: BTreeMap<StepName, Value>,
    /// Seconds that each stage took in this pass.
    seconds: BTreeMap<StageId, f64>,
    masker: Masker,
}

impl Build {
    /// Takes up a build where the journal says it is.
    pub(crate) async fn load(
        shop: Arc<Workshop>,
        row: &BuildRow,
        claim: &Claim,
    ) -> Result<Self, JournalError> {
        let corrupt = |what, error: serde_json::Error| JournalError::Corrupt {
            what,
            message: error.to_string(),
        };
        let journal = shop.journal.of(claim);
        let trace = BuildTrace::of(&shop.config.tracer, row);
        let mut outputs = BTreeMap::new();
        let mut failing = None;
        for step in shop.journal.steps(&row.id).await? {
            if step.state == "running" {
                trace.left_open(&step);
            }
            let ended = step.state == "done" || step.state == "skipped";
            if step.state == "failed" {
                failing = step.step.parse().ok();
            }
            if let (true, Ok(name), Some(output)) = (
                ended && step.part.is_empty(),
                step.step.parse(),
                &step.output,
            ) {
                outputs.insert(
                    name,
                    serde_json::from_str(output)
                        .map_err(|error| corrupt("a step's output", error))?,
                );
            }
        }
        let signature =
            row.signature
                .parse()
                .map_err(
                    |error: imagebuilder_api::ParseIdError| JournalError::Corrupt {
                        what: "a signature",
                        message: error.to_string(),
                    },
                )?;
        let masker = shop.resolver.secrets().always().clone();
        Ok(Self {
            folder: shop.config.builds().join(&row.id),
            journal,
            id: row.id.clone(),
            signature,
            request: serde_json::from_str(&row.request)
                .map_err(|error| corrupt("a request", error))?,
            pins: serde_json::from_str(&row.pins).map_err(|error| corrupt("pins", error))?,
            fresh: claim.fresh,
            attempt: claim.attempt,
            trace,
            shop,
            state: Mutex::new(State {
                size: claim.size.parse().ok(),
                failing,
                outputs,
                masker,
                ..State::default()
            }),
        })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file or folder in the build's folder; the folder is made.
    pub(crate) fn path(&self, name: &str) -> Result<PathBuf, Failure> {
        std::fs::create_dir_all(&self.folder).map_err(|error| {
            Failure::host(
                &format!("make the folder {}", self.folder.display()),
                &error,
            )
        })?;
        Ok(self.folder.join(name))
    }

    /// The inputs; the first step finds them in each pass.
    pub(crate) fn resolved(&self) -> Result<Arc<Resolved>, Failure> {
        self.state()
            .resolved
            .clone()
            .ok_or_else(|| Failure::person("Internal", "a step ran before ResolveInputs"))
    }

    pub(crate) fn set_resolved(&self, resolved: Arc<Resolved>) {
        let masker = resolved.masker.clone();
        self.state().resolved = Some(resolved);
        self.set_masker(masker);
    }

    /// What hides this build's secrets.
    pub(crate) fn masker(&self) -> Masker {
        self.state().masker.clone()
    }

    /// Hides more values: keys that were made for this build.
    pub(crate) fn hide(&self, values: impl IntoIterator<Item = String>) {
        self.set_masker(self.masker().with(values));
    }

    fn set_masker(&self, masker: Masker) {
        self.shop.hide(&self.id, masker.clone());
        self.state().masker = masker;
    }

    pub(crate) fn plan(&self) -> Result<Plan, Failure> {
        self.state()
            .plan
            .clone()
            .ok_or_else(|| Failure::person("Internal", "a step ran before FindReusable"))
    }

    pub(crate) fn set_plan(&self, plan: Plan) {
        self.state().plan = Some(plan);
    }

    /// The stages to be made, as parts of the steps that come once for each.
    pub(crate) fn missing_stages(&self) -> Vec<Part> {
        let plan = self.state().plan.clone();
        let missing = plan.map(|plan| plan.missing).unwrap_or_default();
        missing
            .into_iter()
            .enumerate()
            .map(|(position, stage)| Part::of_stage(stage, position))
            .collect()
    }

    /// The build machine, once SSH answers.
    pub(crate) fn machine(&self) -> Result<Arc<LiveMachine>, Failure> {
        self.state()
            .machine
            .clone()
            .ok_or_else(|| Failure::person("Internal", "a step ran without a machine"))
    }

    pub(crate) fn set_machine(&self, machine: Option<Arc<LiveMachine>>) {
        let before = std::mem::replace(&mut self.state().machine, machine);
        // Closes its connection, outside the lock.
        drop(before);
    }

    /// How large its machine is to be.
    pub(crate) fn size(&self) -> MachineSize {
        self.state().size.unwrap_or(self.shop.config.machine)
    }

    /// Takes the next of the configured sizes that has not been tried, and notes it; `None`
    /// where there is no other.
    pub(crate) async fn next_size(&self) -> Result<Option<MachineSize>, JournalError> {
        let others = &self.shop.config.other_machines;
        let now = self.size();
        let tried = others.iter().position(|size| *size == now);
        let next = others.get(tried.map_or(0, |at| at + 1)).copied();
        if let Some(size) = next {
            self.journal.resize(&size.to_string()).await?;
            self.state().size = Some(size);
        }
        Ok(next)
    }

    /// Whether there is no other size to try.
    pub(crate) fn has_only_this_size(&self) -> bool {
        let others = &self.shop.config.other_machines;
        let now = self.size();
        let tried = others.iter().position(|size| *size == now);
        tried.map_or(0, |at| at + 1) >= others.len()
    }

    /// The step whose condition is `False` until it works again.
    pub(crate) fn failing(&self) -> Option<StepName> {
        self.state().failing
    }

    pub(crate) fn set_failing(&self, step: Option<StepName>) {
        self.state().failing = step;
    }

    /// A number that no machine of this build had before.
    pub(crate) async fn next_machine(&self) -> Result<u32, JournalError> {
        Ok(self.shop.journal.resource_count(&self.id).await? + 1)
    }

    /// What a step of this build gave, also before a restart.
    pub(crate) fn output<T: DeserializeOwned>(&self, step: StepName) -> Option<T> {
        let value = self.state().outputs.get(&step).cloned()?;
        serde_json::from_value(value).ok()
    }

    pub(crate) fn remember(&self, step: StepName, output: Value) {
        self.state().outputs.insert(step, output);
    }

    /// Forgets what the chosen steps gave.
    pub(crate) fn forget(&self, chosen: impl Fn(StepName) -> bool) {
        self.state().outputs.retain(|step, _| !chosen(*step));
    }

    pub(crate) fn is_done(&self, step: StepName) -> bool {
        self.state().outputs.contains_key(&step)
    }

    /// Whether the disk is captured and still there, so that no machine is needed to make it.
    pub(crate) fn is_captured(&self) -> bool {
        self.is_done(StepName::Capture)
    }

    pub(crate) fn note_seconds(&self, stage: &StageId, seconds: f64) {
        self.state().seconds.insert(stage.clone(), seconds);
    }

    pub(crate) fn seconds(&self, stage: &StageId) -> f64 {
        self.state().seconds.get(stage).copied().unwrap_or_default()
    }

    /// Text without this build's secrets.
    pub(crate) fn mask(&self, text: &str) -> String {
        self.masker().mask(text)
    }

    pub(crate) async fn event(
        &self,
        kind: EventType,
        step: Option<StepName>,
        message: &str,
        data: Option<&Value>,
    ) -> Result<(), JournalError> {
        let data = data.map(|data| self.masker().json(data.clone()).to_string());
        let kind = crate::views::event_name(kind);
        self.journal
            .event(
                &kind,
                step.map(StepName::as_str),
                &self.mask(message),
                data.as_deref(),
            )
            .await
    }

    pub(crate) async fn condition(
        &self,
        at: usize,
        kind: &str,
        status: ConditionStatus,
        reason: &str,
        message: &str,
    ) -> Result<(), JournalError> {
        let ordinal = i64::try_from(at).unwrap_or(i64::MAX);
        self.journal
            .condition(
                ordinal,
                kind,
                &status.to_string(),
                reason,
                &self.mask(message),
            )
            .await
    }

    /// The build ended: keys and large files go, logs and reports stay.
    pub(crate) fn close(&self) {
        self.set_machine(None);
        self.shop.unhide(&self.id);
        transient::remove(&self.folder);
    }
}
