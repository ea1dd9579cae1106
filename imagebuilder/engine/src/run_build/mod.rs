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
//!        `---- stop, drain, pause -----> undo machine rows --> queued
//! ```

mod attempt;
mod end;

use imagebuilder_api::{BuildState, ConditionStatus, EventType};

use crate::backoff::{Backoff, chance};
use crate::build::Build;
use crate::failure::{Failure, Remedy};
use crate::halt::{Halt, HaltReason};
use crate::journal::LATE;
use crate::steps::{Lives, Outcome, Part, Step, TABLE};

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
        Err(Interrupt::Halted(HaltReason::Late)) => {
            let failure = Failure::person("DeadlineExceeded", LATE);
            runner.fail(&failure).await
        }
        Err(Interrupt::Halted(HaltReason::Stopping)) => {
            runner.requeue("the server stops; the build goes on from the deepest captured stage at the next start, or in another worker").await
        }
        Err(Interrupt::Halted(HaltReason::HandedOver)) => {
            runner.requeue("this worker is drained; the next one goes on from the deepest captured stage").await
        }
        Err(Interrupt::Halted(HaltReason::Paused)) => {
            runner.requeue("paused; the build goes on from the deepest captured stage when it is resumed").await
        }
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
                    self.give_up_machine(&failure, "a new one starts from the deepest stage")
                        .await?;
                }
                Err(Interrupt::Failed(failure)) if failure.remedy == Remedy::Elsewhere => {
                    let Some(size) = self.build.next_size().await? else {
                        return Err(Interrupt::Failed(failure));
                    };
                    self.give_up_machine(&failure, &format!("one of size {size} is tried"))
                        .await?;
                }
                end => return end,
            }
        }
    }

    async fn give_up_machine(&self, failure: &Failure, next: &str) -> Result<(), Interrupt> {
        self.undo(|step| step.lives == Lives::WithMachine || !self.build.is_done(step.name))
            .await;
        let message = format!("the machine is given up ({failure}); {next}");
        Ok(self
            .build
            .event(EventType::Warning, None, &message, None)
            .await?)
    }

    /// Between two steps: whether somebody wants it to go no further.
    fn boundary(&self) -> Result<(), Interrupt> {
        self.halt
            .boundary()
            .map_or(Ok(()), |reason| Err(Interrupt::Halted(reason)))
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
            // Not between a stage and its checkpoint: the stage would be lost.
            self.boundary()?;
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
        self.boundary()?;
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
            let policy = self.build.shop.config.retry;
            let total = match failure.remedy {
                Remedy::Retry => policy.total,
                Remedy::Wait => policy.wait,
                Remedy::Elsewhere if self.build.has_only_this_size() => policy.wait,
                _ => return Err(Interrupt::Failed(failure)),
            };
            let Some(pause) = backoff.next(policy, total, failure.after, chance()) else {
                return Err(Interrupt::Failed(failure));
            };
            let message = format!("tried again in {:.1} s", pause.as_secs_f64());
            self.build
                .event(EventType::StepRetried, Some(step.name), &message, None)
                .await?;
            tokio::select! {
                reason = self.halt.wait_at_boundary() => return Err(Interrupt::Halted(reason)),
                () = tokio::time::sleep(pause) => {}
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
