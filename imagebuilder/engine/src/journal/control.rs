//! What people ask of a build while it waits or runs: cancel it, pause it, hurry it, give it up.

use database::{FromRow, retry, statements, values};

use crate::journal::queue::turn;
use crate::journal::{BuildJournal, Journal, JournalError, now};

statements! {
    CANCEL: "mark a build for cancelling" = "update queue set cancel_requested = true where build = $1";
    PAUSE: "pause a build" = "update queue set paused = $2 where build = $1";
    PRIORITY: "set a build's priority" = "update queue set priority = $2 where build = $1";
    WISHES: "hear what is wanted of builds" = "select q.build, q.cancel_requested, q.paused, \
        (q.deadline is not null and q.deadline <= " now ") as late \
        from queue q join leases l on l.build = q.build where l.worker = $1";
    RESIZE: "take another machine size" = "update queue set size = $3 where build = $1 \
        and exists (select 1 from leases where build = $1 and fence = $2" for_key_share ")";
    STANDING: "read what is wanted of a build" = "select paused, priority, deadline from queue where build = $1";
    UNWANTED: "find builds to end" = "select q.build, q.cancel_requested from queue q \
        where (q.cancel_requested or (q.deadline is not null and q.deadline <= " now ")) \
        and not exists (select 1 from leases l where l.build = q.build)" for_update_skip_locked;
    DROP: "take a build out of the queue" = "delete from queue where build = $1";
    END: "end a build that nobody works on" = "update builds set state = $2, reason = $3, message = $4, \
        ended_at = $5 where id = $1";
}

/// What is wanted of a build that a worker has.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(crate) struct Wish {
    pub(crate) build: String,
    pub(crate) cancel_requested: bool,
    pub(crate) paused: bool,
    /// Its deadline is over.
    pub(crate) late: bool,
}

/// How a build stands in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub(crate) struct InQueue {
    pub(crate) paused: bool,
    pub(crate) priority: i64,
    /// Milliseconds since 1970.
    pub(crate) deadline: Option<i64>,
}

impl Journal {
    /// Marks a build for cancelling; false where it has ended or never was.
    pub(crate) async fn request_cancel(&self, build: &str) -> Result<bool, JournalError> {
        let rows = self.pool.execute(&CANCEL, values![build]).await?;
        self.told(build, rows)
    }

    /// Pauses a build, or lets it go on; false where it has ended or never was.
    pub(crate) async fn pause(&self, build: &str, paused: bool) -> Result<bool, JournalError> {
        let rows = self.pool.execute(&PAUSE, values![build, paused]).await?;
        self.told(build, rows)
    }

    /// Sets the priority; false where the build has ended or never was.
    pub(crate) async fn prioritize(&self, build: &str, to: i64) -> Result<bool, JournalError> {
        let rows = self.pool.execute(&PRIORITY, values![build, to]).await?;
        self.told(build, rows)
    }

    fn told(&self, build: &str, rows: u64) -> Result<bool, JournalError> {
        self.announce(build);
        self.ring();
        Ok(rows > 0)
    }

    /// What is wanted of the builds that a worker has.
    pub(crate) async fn wishes(&self, worker: &str) -> Result<Vec<Wish>, JournalError> {
        Ok(self.pool.all(&WISHES, values![worker]).await?)
    }

    /// How a build stands in the queue, if it has not ended.
    pub(crate) async fn in_queue(&self, build: &str) -> Result<Option<InQueue>, JournalError> {
        Ok(self.pool.optional(&STANDING, values![build]).await?)
    }

    /// Ends builds that nobody works on and that are to be cancelled or are too late; answers
    /// with their ids.
    pub(crate) async fn drop_unwanted(&self) -> Result<Vec<String>, JournalError> {
        let builds = retry(|| self.try_drop_unwanted()).await?;
        builds.iter().for_each(|build| self.announce(build));
        Ok(builds)
    }

    async fn try_drop_unwanted(&self) -> Result<Vec<String>, JournalError> {
        let mut transaction = self.pool.begin().await?;
        // No claim comes in between.
        turn(&mut transaction).await?;
        let builds: Vec<(String, bool)> = transaction.all(&UNWANTED, values![]).await?;
        let now = now();
        let mut ended = Vec::with_capacity(builds.len());
        for (build, cancelled) in builds {
            let (state, reason, message) = if cancelled {
                (
                    "cancelled",
                    "Cancelled",
                    "cancelled before a worker took it up",
                )
            } else {
                ("failed", "DeadlineExceeded", LATE)
            };
            transaction.execute(&DROP, values![&build]).await?;
            let values = values![&build, state, reason, message, &now];
            transaction.execute(&END, values).await?;
            ended.push(build);
        }
        transaction.commit().await?;
        Ok(ended)
    }
}

/// What a build that is given up says.
pub(crate) const LATE: &str =
    "the deadline passed before the image was verified; ask again with a later one";

impl BuildJournal {
    /// The build machine is to have another size.
    pub(crate) async fn resize(&self, size: &str) -> Result<(), JournalError> {
        let values = values![&self.build, self.fence, size];
        self.fenced(self.journal.pool.execute(&RESIZE, values).await?)
    }
}
