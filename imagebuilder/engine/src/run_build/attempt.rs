//! One try of one step, and what the journal, the conditions and the events say of it.
//!
//! Whether it is tried again is decided by its caller.

use std::time::Instant;

use imagebuilder_api::{ConditionStatus, EventType, StepState};
use serde_json::json;
use tracing::{info, warn};

use super::{Interrupt, Runner};
use crate::failure::{Failure, Remedy};
use crate::halt::HaltReason;
use crate::journal::{JournalError, StepEnd};
use crate::spans;
use crate::steps::{Outcome, Part, Step, TABLE};

impl Runner<'_> {
    /// One try of one step. The outer error ends the build's pass, the inner one may be retried.
    pub(super) async fn attempt(
        &self,
        at: usize,
        step: &Step,
        part: &Part,
    ) -> Result<Result<Outcome, Failure>, Interrupt> {
        let build = self.build;
        let (ordinal, label) = (ordinal(at, part), part.label(step.name));
        let number = build
            .journal
            .begin_step(ordinal, step.name.as_str(), &part.key)
            .await?;
        build
            .event(EventType::StepStarted, Some(step.name), &label, None)
            .await?;
        // One condition is active at a time: a failed one stays until its own step works.
        if build.failing().is_none() {
            let message = format!("{}: {label}", step.name.doing());
            build
                .condition(
                    at,
                    step.name.as_str(),
                    ConditionStatus::Unknown,
                    step.name.doing_word(),
                    &message,
                )
                .await?;
        }
        let span = build.trace.attempt(step.name, part, number);
        let started = Instant::now();
        let result = tokio::select! {
            biased;
            reason = self.halt.wait() => {
                spans::end_halted(span, reason);
                return self.interrupted(step, part, reason).await;
            }
            result = traces::within(span.context(), self.run(step, part)) => result,
        };
        spans::end_attempt(span, &result, &build.masker());
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

    #[cfg(not(test))]
    async fn run(&self, step: &Step, part: &Part) -> Result<Outcome, Failure> {
        (step.run)(self.build, part).await
    }

    /// The same, with whatever a test wants to befall it.
    #[cfg(test)]
    async fn run(&self, step: &Step, part: &Part) -> Result<Outcome, Failure> {
        use imagebuilder_provider::When;
        let trouble = &self.build.shop.trouble;
        trouble.meet(step.name, When::Before).await?;
        let outcome = (step.run)(self.build, part).await?;
        trouble.meet(step.name, When::After).await?;
        Ok(outcome)
    }

    async fn interrupted(
        &self,
        step: &Step,
        part: &Part,
        reason: HaltReason,
    ) -> Result<Result<Outcome, Failure>, Interrupt> {
        if reason != HaltReason::LeaseLost {
            let why = match reason {
                HaltReason::Cancelled => "cancelled",
                HaltReason::Late => "the deadline passed",
                HaltReason::HandedOver => "handed over to another worker",
                HaltReason::Paused => "paused",
                HaltReason::Stopping | HaltReason::LeaseLost => "the server stopped",
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
        build.shop.metrics.step_done(step.name.as_str(), seconds);
        if build.failing() == Some(step.name) {
            build.set_failing(None);
        }
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
        info!(build.id = %build.id, step = %step.name, part = part.name(), seconds, "step done: {}", build.mask(&outcome.message));
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
        let metrics = &build.shop.metrics;
        metrics.step_failed(step.name.as_str(), &failure.reason);
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
        self.settle_earlier(step).await?;
        build.set_failing(Some(step.name));
        let cure = failure.remedy.as_str();
        let data = json!({"reason": failure.reason, "cure": cure, "part": part.name()});
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
}

impl Runner<'_> {
    /// The image is there, so a step that failed in an earlier pass is not needed any more.
    pub(super) async fn settle_last(&self) -> Result<(), JournalError> {
        let build = self.build;
        let Some(before) = build.failing() else {
            return Ok(());
        };
        let at = TABLE.iter().position(|row| row.name == before).unwrap_or(0);
        let message = "its result was found";
        let holds = ConditionStatus::True;
        build
            .condition(at, before.as_str(), holds, "NotNeeded", message)
            .await
    }

    /// Another step failed before, and is not reached any more: this failure is the one to read.
    async fn settle_earlier(&self, step: &Step) -> Result<(), Interrupt> {
        let build = self.build;
        let Some(before) = build.failing().filter(|before| *before != step.name) else {
            return Ok(());
        };
        let at = TABLE.iter().position(|row| row.name == before).unwrap_or(0);
        let message = format!("comes again after {}", step.name);
        let unknown = ConditionStatus::Unknown;
        Ok(build
            .condition(at, before.as_str(), unknown, "Pending", &message)
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
