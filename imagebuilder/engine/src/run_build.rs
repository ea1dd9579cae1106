//! Goes through the table of steps for one build: journal, conditions, retries, undo.
//!
//! It does not know what any step does. One pass goes down the table; a machine
//! that was lost, and a server that was stopped, lead to another pass, in which
//! what is kept is found and not done again:
//!
//! ```text
//!        .-------------- machine lost (bounded) -----------.
//!        v                                                 |
//!   [pass down the table] --ok--> succeeded                |
//!        |---- failure that no retry cures --> undo all --> failed
//!        |---- cancelled --------------------> undo all --> cancelled
//!        `---- server stops -----------> undo machine rows --> queued
//! ```

use std::time::Duration;

use imagebuilder_api::{BuildState, ConditionStatus, EventType, StepState};
use serde_json::{Value, json};
use tracing::{info, warn};

use crate::backoff::{Backoff, chance};
use crate::build::Build;
use crate::failure::{Failure, Remedy};
use crate::halt::{Halt, HaltReason};
use crate::journal::StepEnd;
use crate::steps::{Lives, Outcome, Part, Step, TABLE};

/// An undo that hangs must not keep the rest from being undone.
const UNDO_TIMEOUT: Duration = Duration::from_secs(120);
const UNDO_TRIES: u32 = 3;

/// How work on a build ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// The journal knows the verdict.
    Ended(BuildState),
    /// Back in the queue; the next start goes on.
    Requeued,
    /// Another worker has it.
    Lost,
}

enum Interrupt {
    Failed(Failure),
    Halted(HaltReason),
}

impl<E: Into<Failure>> From<E> for Interrupt {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

enum Flow {
    Next,
    /// The image is there already: nothing else is to be done.
    Finished,
}

/// Runs a build until it ends, is halted, or belongs to somebody else.
pub(crate) async fn run_build(build: &Build, halt: &Halt) -> End {
    let runner = Runner { build, halt };
    match runner.passes().await {
        Ok(()) => runner.succeed().await,
        Err(Interrupt::Failed(failure)) if failure.remedy == Remedy::Stop => End::Lost,
        Err(Interrupt::Failed(failure)) => runner.fail(&failure).await,
        Err(Interrupt::Halted(HaltReason::LeaseLost)) => End::Lost,
        Err(Interrupt::Halted(HaltReason::Cancelled)) => runner.cancel().await,
        Err(Interrupt::Halted(HaltReason::Stopping)) => runner.requeue().await,
    }
}

struct Runner<'a> {
    build: &'a Build,
    halt: &'a Halt,
}

impl Runner<'_> {
    async fn passes(&self) -> Result<(), Interrupt> {
        self.ready(
            ConditionStatus::False,
            "Building",
            "the image is being built",
        )
        .await?;
        let mut machines = 1;
        loop {
            match self.pass().await {
                Err(Interrupt::Failed(failure)) if failure.remedy == Remedy::NewMachine => {
                    if machines >= self.build.shop.config.retry.machines {
                        return Err(Interrupt::Failed(failure));
                    }
                    machines += 1;
                    self.undo(|step| {
                        step.lives == Lives::WithMachine || !self.build.is_done(step.name)
                    })
                    .await;
                    let message = format!(
                        "the machine is given up ({failure}); a new one starts from the deepest stage"
                    );
                    self.build
                        .event(EventType::Warning, None, &message, None)
                        .await?;
                }
                end => return end,
            }
        }
    }

    async fn pass(&self) -> Result<(), Interrupt> {
        let mut at = 0;
        while let Some(step) = TABLE.get(at) {
            let group = TABLE[at..]
                .iter()
                .take_while(|one| one.per_stage == step.per_stage)
                .count();
            let flow = if step.per_stage {
                self.stages(at, &TABLE[at..at + group]).await?
            } else {
                self.once(at, step).await?
            };
            if matches!(flow, Flow::Finished) {
                // An earlier pass may have left a machine: the last row removes it.
                let last = TABLE.len() - 1;
                self.once(last, &TABLE[last]).await?;
                return Ok(());
            }
            at += if step.per_stage { group } else { 1 };
        }
        Ok(())
    }

    /// Runs the rows of one group for each missing stage in turn.
    async fn stages(&self, first: usize, group: &[Step]) -> Result<Flow, Interrupt> {
        if self.build.is_captured() {
            return Ok(Flow::Next);
        }
        for part in self.build.missing_stages() {
            for (offset, step) in group.iter().enumerate() {
                self.retrying(first + offset, step, &part).await?;
            }
        }
        Ok(Flow::Next)
    }

    async fn once(&self, at: usize, step: &Step) -> Result<Flow, Interrupt> {
        // Whatever needs the machine is behind us once the disk is captured.
        if step.lives == Lives::WithMachine && self.build.is_captured() {
            return Ok(Flow::Next);
        }
        if step.lives == Lives::Kept && self.build.is_done(step.name) {
            return Ok(Flow::Next);
        }
        let outcome = self.retrying(at, step, &Part::whole()).await?;
        Ok(if outcome.finishes {
            Flow::Finished
        } else {
            Flow::Next
        })
    }

    async fn retrying(&self, at: usize, step: &Step, part: &Part) -> Result<Outcome, Interrupt> {
        let mut backoff = Backoff::default();
        loop {
            let failure = match self.attempt(at, step, part).await? {
                Ok(outcome) => return Ok(outcome),
                Err(failure) => failure,
            };
            if failure.remedy != Remedy::Retry {
                return Err(Interrupt::Failed(failure));
            }
            let Some(pause) = backoff.next(self.build.shop.config.retry, chance()) else {
                return Err(Interrupt::Failed(failure));
            };
            let message = format!("tried again in {:.1} s", pause.as_secs_f64());
            self.build
                .event(EventType::StepRetried, Some(step.name), &message, None)
                .await?;
            tokio::select! {
                reason = self.halt.wait() => return Err(Interrupt::Halted(reason)),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// One try of one step. The outer error ends the build's pass, the inner one may be retried.
    async fn attempt(
        &self,
        at: usize,
        step: &Step,
        part: &Part,
    ) -> Result<Result<Outcome, Failure>, Interrupt> {
        let build = self.build;
        let (ordinal, label) = (ordinal(at, part), part.label(step.name));
        build
            .journal
            .begin_step(ordinal, step.name.as_str(), &part.key)
            .await?;
        build
            .event(EventType::StepStarted, Some(step.name), &label, None)
            .await?;
        build
            .condition(
                at,
                step.name.as_str(),
                ConditionStatus::Unknown,
                "Running",
                &label,
            )
            .await?;
        let started = std::time::Instant::now();
        let result = tokio::select! {
            biased;
            reason = self.halt.wait() => return self.interrupted(step, part, reason).await,
            result = (step.run)(build, part) => result,
        };
        let seconds = started.elapsed().as_secs_f64();
        match result {
            Ok(outcome) => {
                self.record_success(at, step, part, &outcome, seconds)
                    .await?;
                Ok(Ok(outcome))
            }
            Err(failure) => {
                self.record_failure(at, step, part, &failure).await?;
                Ok(Err(failure))
            }
        }
    }

    async fn interrupted(
        &self,
        step: &Step,
        part: &Part,
        reason: HaltReason,
    ) -> Result<Result<Outcome, Failure>, Interrupt> {
        if reason != HaltReason::LeaseLost {
            let why = if reason == HaltReason::Cancelled {
                "cancelled"
            } else {
                "the server stopped"
            };
            self.build
                .journal
                .end_step(step.name.as_str(), &part.key, &StepEnd::failed(why))
                .await?;
        }
        Err(Interrupt::Halted(reason))
    }

    async fn record_success(
        &self,
        at: usize,
        step: &Step,
        part: &Part,
        outcome: &Outcome,
        seconds: f64,
    ) -> Result<(), Interrupt> {
        let build = self.build;
        let output = outcome.output.to_string();
        let state = if outcome.skipped {
            StepState::Skipped
        } else {
            StepState::Done
        };
        let end = StepEnd {
            state: state.as_str(),
            output: Some(&output),
            error: None,
            cached: outcome.cached,
        };
        build
            .journal
            .end_step(step.name.as_str(), &part.key, &end)
            .await?;
        build.remember(step.name, outcome.output.clone());
        let reason = if outcome.skipped { "NotNeeded" } else { "Done" };
        build
            .condition(
                at,
                step.name.as_str(),
                ConditionStatus::True,
                reason,
                &outcome.message,
            )
            .await?;
        let kind = if outcome.skipped {
            EventType::StepSkipped
        } else {
            EventType::StepSucceeded
        };
        let data = json!({"seconds": seconds, "cached": outcome.cached, "part": part.name()});
        build
            .event(kind, Some(step.name), &outcome.message, Some(&data))
            .await?;
        info!(build.id = %build.id, step = %step.name, part = part.name(), seconds, "step done: {}", outcome.message);
        Ok(())
    }

    async fn record_failure(
        &self,
        at: usize,
        step: &Step,
        part: &Part,
        failure: &Failure,
    ) -> Result<(), Interrupt> {
        let build = self.build;
        if failure.remedy == Remedy::Stop {
            return Ok(());
        }
        let message = build.mask(&failure.message);
        warn!(build.id = %build.id, step = %step.name, part = part.name(), reason = failure.reason, "step failed: {message}");
        build
            .journal
            .end_step(step.name.as_str(), &part.key, &StepEnd::failed(&message))
            .await?;
        build
            .condition(
                at,
                step.name.as_str(),
                ConditionStatus::False,
                &failure.reason,
                &message,
            )
            .await?;
        let data = json!({"reason": failure.reason, "part": part.name()});
        build
            .event(
                EventType::StepFailed,
                Some(step.name),
                &message,
                Some(&data),
            )
            .await?;
        Ok(())
    }

    /// Takes the chosen rows back, last first. What cannot be undone is told, and the reaper finds it.
    async fn undo(&self, chosen: impl Fn(&Step) -> bool) {
        let build = self.build;
        for step in TABLE.iter().rev().filter(|step| chosen(step)) {
            let Some(undo) = step.undo else { continue };
            for round in 1..=UNDO_TRIES {
                let end = tokio::time::timeout(UNDO_TIMEOUT, undo(build)).await;
                let failure = match end {
                    Ok(Ok(())) => break,
                    Ok(Err(failure)) => failure,
                    Err(_) => Failure::retry(
                        "Timeout",
                        format!("no end within {} s", UNDO_TIMEOUT.as_secs()),
                    ),
                };
                if round == UNDO_TRIES {
                    let message = format!("cannot undo {}: {failure}; the reaper will", step.name);
                    warn!(build.id = %build.id, step = %step.name, "{message}");
                    drop(
                        build
                            .event(EventType::Warning, Some(step.name), &message, None)
                            .await,
                    );
                }
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        }
        // Once the disk is captured, what was found out on the machine stays true without it.
        let again = |step: &Step| {
            chosen(step) && !(step.lives == Lives::WithMachine && build.is_captured())
        };
        let names: Vec<_> = TABLE
            .iter()
            .filter(|step| again(step))
            .map(|step| step.name)
            .collect();
        let words: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        if let Err(error) = build.journal.undo_steps(&words).await {
            warn!(build.id = %build.id, "cannot note what was undone: {error}");
        }
        build.forget(|name| names.contains(&name));
    }

    async fn succeed(&self) -> End {
        let message = "the image exists and is verified";
        self.end(
            BuildState::Succeeded,
            ConditionStatus::True,
            None,
            "Verified",
            message,
        )
        .await
    }

    async fn fail(&self, failure: &Failure) -> End {
        self.undo(|_| true).await;
        let message = self.build.mask(&failure.message);
        self.end(
            BuildState::Failed,
            ConditionStatus::False,
            Some(&failure.reason),
            &failure.reason,
            &message,
        )
        .await
    }

    async fn cancel(&self) -> End {
        self.undo(|_| true).await;
        let message = "cancelled on request; nothing of the build is left running";
        self.end(
            BuildState::Cancelled,
            ConditionStatus::False,
            Some("Cancelled"),
            "Cancelled",
            message,
        )
        .await
    }

    async fn requeue(&self) -> End {
        self.undo(|step| step.lives == Lives::WithMachine || !self.build.is_done(step.name))
            .await;
        let message =
            "the server stops; the build goes on from the deepest captured stage at its next start";
        drop(
            self.build
                .event(
                    EventType::BuildStateChanged,
                    None,
                    message,
                    Some(&json!({"state": "queued"})),
                )
                .await,
        );
        match self.build.journal.release().await {
            Ok(()) => End::Requeued,
            Err(error) => {
                warn!(build.id = %self.build.id, "cannot give the build back: {error}; the next start takes it over");
                End::Lost
            }
        }
    }

    async fn end(
        &self,
        state: BuildState,
        ready: ConditionStatus,
        reason: Option<&str>,
        word: &str,
        message: &str,
    ) -> End {
        let build = self.build;
        build.close();
        let written = async {
            self.ready(ready, word, message).await?;
            let data: Value = json!({"state": state.as_str(), "reason": reason});
            build
                .event(EventType::BuildStateChanged, None, message, Some(&data))
                .await?;
            let kept = (state != BuildState::Succeeded).then_some(message);
            build.journal.finish(state.as_str(), reason, kept).await?;
            Ok::<(), Interrupt>(())
        };
        match written.await {
            Ok(()) => {
                info!(build.id = %build.id, state = state.as_str(), "build ended: {message}");
                End::Ended(state)
            }
            Err(_) => {
                warn!(build.id = %build.id, "cannot write the build's end; the next start repeats it");
                End::Lost
            }
        }
    }

    async fn ready(
        &self,
        status: ConditionStatus,
        reason: &str,
        message: &str,
    ) -> Result<(), Interrupt> {
        let last = TABLE.len();
        Ok(self
            .build
            .condition(
                last,
                imagebuilder_api::Condition::READY,
                status,
                reason,
                message,
            )
            .await?)
    }
}

/// Rows keep the table's order; those of a stage stay together, in the order of the stages.
fn ordinal(at: usize, part: &Part) -> i64 {
    let first = TABLE.iter().position(|step| step.per_stage).unwrap_or(at);
    let place = match part.stage {
        Some(_) => first * 100 + part.position * 10 + (at - first),
        None => at * 100,
    };
    i64::try_from(place).unwrap_or(i64::MAX)
}
