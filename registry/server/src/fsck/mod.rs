//! The check of all stored bytes as a job of the server: one at a time, watched and stopped by
//! anybody who administers it.
//!
//! The rules of checking are the store's; here is when it runs, what it tells,
//! and where other bytes come from when some are damaged.

mod repair;
mod report;

use std::sync::{Arc, Mutex, PoisonError};

use registry_store::{Pace, StoreError};
use service::CancellationToken;
use service::outbound::OutboundError;
use tracing::Instrument as _;

use crate::state::RegistryState;

pub(crate) use repair::Repairer;
pub(crate) use report::{DamageView, Report, State};

/// Damaged blobs told in one answer; the database has them all.
const SHOWN: u32 = 1000;

/// What a check is asked to do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    /// Bytes read in a second.
    pub(crate) rate: Option<u64>,
    /// From the beginning, also when an earlier check was cut off.
    pub(crate) restart: bool,
    /// A registry that has the same repositories.
    pub(crate) repair_from: Option<String>,
}

/// The check that runs, or ran last.
#[derive(Default)]
pub(crate) struct Fsck {
    run: Mutex<Option<Run>>,
}

struct Run {
    report: Arc<Mutex<Report>>,
    stop: CancellationToken,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Why no check begins.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// One is running.
    Running,
    /// The registry to repair from cannot be used.
    Source(OutboundError),
    /// The store failed.
    Store(StoreError),
}

impl Fsck {
    /// Begins a check, or goes on with one that was cut off.
    pub(crate) async fn start(&self, state: &RegistryState, wish: Wish) -> Result<Report, Refusal> {
        let repairer = wish.repair_from.as_deref().map(Repairer::new).transpose();
        let repairer = repairer.map_err(Refusal::Source)?;
        let store = state.store();
        let unfinished = store.last_check().await.map_err(Refusal::Store)?;
        let unfinished = unfinished.filter(|check| !check.finished && !wish.restart);
        let total = store.extent().await.map_err(Refusal::Store)?;
        let report = Arc::new(Mutex::new(Report::running(total)));
        let stop = CancellationToken::new();
        {
            let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
            if run
                .as_ref()
                .is_some_and(|run| run.snapshot().state == State::Running)
            {
                return Err(Refusal::Running);
            }
            *run = Some(Run {
                report: Arc::clone(&report),
                stop: stop.clone(),
            });
        }
        let progress = match unfinished {
            Some(progress) => progress,
            None => store.begin_check().await.map_err(|error| {
                edit(&report, |report| report.state = State::Failed);
                Refusal::Store(error)
            })?,
        };
        edit(&report, |report| report.advance(&progress));
        let begun = report
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let job = Job {
            state: state.clone(),
            wish,
            repairer,
            report,
        };
        tokio::spawn(job.run(progress, stop).in_current_span());
        Ok(begun)
    }

    /// What is known of the check that runs, or ran last, be it before a restart.
    pub(crate) async fn report(&self, state: &RegistryState) -> Result<Report, StoreError> {
        let current = {
            let run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
            run.as_ref().map(Run::snapshot)
        };
        if let Some(report) = current {
            return Ok(report);
        }
        let store = state.store();
        let mut report = Report::running(store.extent().await?);
        match store.last_check().await? {
            None => report.state = State::Never,
            Some(progress) => {
                report.advance(&progress);
                report.state = match progress.finished {
                    true => State::Finished,
                    false => State::Stopped,
                };
            }
        }
        report.damage = known_damage(state).await?;
        Ok(report)
    }

    /// Stops a check; it goes on from there when it is begun again.
    pub(crate) fn stop(&self) {
        let run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(run) = &*run {
            run.stop.cancel();
        }
    }
}

impl Run {
    fn snapshot(&self) -> Report {
        let report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        report.clone()
    }
}

struct Job {
    state: RegistryState,
    wish: Wish,
    repairer: Option<Repairer>,
    report: Arc<Mutex<Report>>,
}

impl Job {
    async fn run(self, progress: registry_store::Progress, stop: CancellationToken) {
        let ended = tokio::select! {
            ended = self.check(progress) => match ended {
                Ok(()) => State::Finished,
                Err(error) => {
                    let cause: &dyn std::error::Error = &error;
                    tracing::error!(cause, "the check of stored bytes failed");
                    edit(&self.report, |report| report.error = Some(error.to_string()));
                    State::Failed
                }
            },
            () = stop.cancelled() => State::Stopped,
        };
        edit(&self.report, |report| report.state = ended);
    }

    async fn check(&self, mut progress: registry_store::Progress) -> Result<(), StoreError> {
        let store = self.state.store();
        let known = known_damage(&self.state).await?;
        edit(&self.report, |report| report.damage = known);
        let mut pace = Pace::new(self.wish.rate);
        while !progress.finished {
            let found = store.check_some(&mut progress, &mut pace).await?;
            edit(&self.report, |report| {
                report.advance(&progress);
                report
                    .damage
                    .extend(found.into_iter().map(DamageView::from));
            });
        }
        if let Some(repairer) = &self.repairer {
            self.repair(repairer).await;
        }
        let unknown = store.unknown_objects().await?;
        edit(&self.report, |report| report.unknown = Some(unknown.into()));
        Ok(())
    }

    /// Fetches what is damaged. What cannot be had stays as it is, and says why.
    async fn repair(&self, repairer: &Repairer) {
        let damaged = {
            let report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
            report.damage.clone()
        };
        for damage in damaged {
            let outcome = repairer.repair(self.state.store(), &damage).await;
            edit(&self.report, |report| {
                let known = report
                    .damage
                    .iter_mut()
                    .find(|it| it.digest == damage.digest);
                if let Some(known) = known {
                    known.repaired = outcome.is_ok();
                    known.remark = outcome.err();
                }
            });
        }
    }
}

async fn known_damage(state: &RegistryState) -> Result<Vec<DamageView>, StoreError> {
    let damage = state.store().damage(SHOWN).await?;
    Ok(damage.into_iter().map(DamageView::from).collect())
}

fn edit(report: &Mutex<Report>, change: impl FnOnce(&mut Report)) {
    change(&mut report.lock().unwrap_or_else(PoisonError::into_inner));
}
