//! How a build ends, and how what it holds is taken back.
//!
//! What cannot be undone here is told, and left to the reaper.

use std::time::Duration;

use imagebuilder_api::{BuildState, ConditionStatus, EventType};
use serde_json::{Value, json};
use tracing::{info, warn};

use super::{End, Interrupt, Runner};
use crate::failure::Failure;
use crate::steps::{Lives, Step, TABLE};
use crate::{deliveries, spans, views};

/// An undo that hangs must not keep the rest from being undone.
const UNDO_TIMEOUT: Duration = Duration::from_secs(120);
const UNDO_TRIES: u32 = 3;

impl Runner<'_> {
    /// Takes the chosen rows back, last first. What cannot be undone is told, and the reaper finds it.
    pub(super) async fn undo(&self, chosen: impl Fn(&Step) -> bool) {
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
                    let message = build.mask(&message);
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

    pub(super) async fn succeed(&self) -> End {
        let message = "the image exists and is verified";
        if let Err(error) = self.settle_last().await {
            warn!(build.id = %self.build.id, "cannot settle a condition: {error}");
        }
        self.end(
            BuildState::Succeeded,
            ConditionStatus::True,
            None,
            "Verified",
            message,
        )
        .await
    }

    pub(super) async fn fail(&self, failure: &Failure) -> End {
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

    pub(super) async fn cancel(&self) -> End {
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

    /// Gives the build back to the queue, for the reason that `message` says.
    pub(super) async fn requeue(&self, message: &str) -> End {
        self.undo(|step| step.lives == Lives::WithMachine || !self.build.is_done(step.name))
            .await;
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
                warn!(build.id = %self.build.id, "cannot give the build back: {error}; it is taken over when its lease ends");
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
            self.tell_webhooks(state, reason, message).await?;
            let kept = (state != BuildState::Succeeded).then_some(message);
            build.journal.finish(state.as_str(), reason, kept).await?;
            Ok::<(), Interrupt>(())
        };
        match written.await {
            Ok(()) => {
                info!(build.id = %build.id, state = state.as_str(), "build ended: {message}");
                build.shop.metrics.build_ended(state.as_str());
                spans::build_ended(&build.shop, &build.id).await;
                End::Ended(state)
            }
            Err(_) => {
                warn!(build.id = %build.id, "cannot write the build's end; whoever claims it next repeats it");
                End::Lost
            }
        }
    }

    /// Before the end is final: twice is better than never.
    async fn tell_webhooks(
        &self,
        state: BuildState,
        reason: Option<&str>,
        message: &str,
    ) -> Result<(), Failure> {
        let shop = &self.build.shop;
        if let Some(view) = views::build(shop, &self.build.id).await? {
            deliveries::build_ended(shop, &view, state.as_str(), reason, message).await?;
        }
        Ok(())
    }
}
