//! The engine as its operators steer it: pause, hurry, drain, look for leftovers.

use imagebuilder_api::{BuildView, Drain, EnsureImage, LeftAlone, ReaperReport, WorkerView};
use jiff::Timestamp;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::journal::{Draining, WorkerRow};
use crate::reaper;

impl Engine {
    /// Pauses a build at its next step, or lets it go on.
    pub async fn pause(&self, id: &str, paused: bool) -> Result<BuildView, EngineError> {
        self.build(id).await?;
        let done = self.shop.journal.pause(id, paused).await?;
        self.steered(id, done, "pause or resume").await
    }

    /// Sets which build of a project goes first.
    pub async fn prioritize(&self, id: &str, priority: i8) -> Result<BuildView, EngineError> {
        check_priority(priority)?;
        self.build(id).await?;
        let done = self.shop.journal.prioritize(id, priority.into()).await?;
        self.steered(id, done, "put before others").await
    }

    async fn steered(&self, id: &str, done: bool, what: &str) -> Result<BuildView, EngineError> {
        let view = self.build(id).await?;
        if done {
            return Ok(view);
        }
        let state = view.state.as_str();
        Err(EngineError::Conflict {
            message: format!("build {id} has ended ({state}); there is nothing to {what}"),
        })
    }

    /// The workers of this journal.
    pub async fn workers(&self) -> Result<Vec<WorkerView>, EngineError> {
        let rows = self.shop.journal.workers().await?;
        Ok(rows.into_iter().map(|row| self.worker_view(row)).collect())
    }

    /// Tells a worker to take no more builds, or to take them again; answers with all of them.
    pub async fn drain(&self, drain: &Drain) -> Result<Vec<WorkerView>, EngineError> {
        let worker = drain.worker.as_deref().unwrap_or(self.worker.name());
        let how = Draining {
            draining: !drain.undo,
            hand_over: drain.hand_over && !drain.undo,
        };
        if !self.shop.journal.drain(worker, how).await? {
            return Err(EngineError::NotFound {
                what: format!("worker {worker}"),
            });
        }
        if worker == self.worker.name() {
            self.worker.hear_drain().await?;
        }
        self.workers().await
    }

    /// Compares what the provider holds with what builds own, and removes what nobody does.
    pub async fn reap(&self) -> Result<ReaperReport, EngineError> {
        let report = reaper::reap(&self.shop).await?;
        let left = report.left.into_iter().map(|one| LeftAlone {
            what: one.what,
            why: one.why,
        });
        Ok(ReaperReport {
            removed: report.removed,
            left: left.collect(),
        })
    }

    fn worker_view(&self, row: WorkerRow) -> WorkerView {
        let count = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
        let time = |time| Timestamp::from_millisecond(time).unwrap_or(Timestamp::UNIX_EPOCH);
        WorkerView {
            here: row.name == self.worker.name(),
            name: row.name,
            host: row.host,
            provider: row.provider,
            slots: count(row.slots),
            running: count(row.running),
            draining: row.draining,
            hand_over: row.hand_over,
            started_at: time(row.started_at),
            seen_at: time(row.seen_at),
        }
    }
}

pub(crate) fn check_priority(priority: i8) -> Result<(), EngineError> {
    if EnsureImage::PRIORITIES.contains(&priority) {
        return Ok(());
    }
    Err(EngineError::Input {
        reason: "BadPriority".to_owned(),
        message: format!("{priority} is no priority; use -100 to 100"),
    })
}
