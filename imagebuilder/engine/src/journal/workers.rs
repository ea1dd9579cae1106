//! The workers of this journal: who is there, who is to take no more.

use database::{FromRow, statements, values};

use crate::journal::{Journal, JournalError};

statements! {
    REGISTER: "write a worker" = "insert into workers \
        (name, host, place, provider, slots, started_at, seen_at) \
        values ($1, $2, $3, $4, $5, " now ", " now ")";
    SEEN: "say that a worker is there" = "update workers set seen_at = " now " where name = $1 \
        returning draining, hand_over";
    LEAVE: "take a worker off the list" = "delete from workers where name = $1";
    DEAD: "forget workers that died" = "delete from workers where seen_at < " now " - $1 or host = $2";
    DRAIN: "drain a worker" = "update workers set draining = $2, hand_over = $3 where name = $1";
    LIST: "list workers" = "select name, host, provider, slots, started_at, seen_at, draining, hand_over, \
        (select count(*) from leases l where l.worker = workers.name) as running \
        from workers order by name";
}

/// A worker that gives no sign of life for so long is taken off the list.
const FORGOTTEN_MILLISECONDS: i64 = 600_000;

/// A worker that begins.
#[derive(Debug, Clone)]
pub(crate) struct NewWorker<'a> {
    pub(crate) name: &'a str,
    pub(crate) provider: &'a str,
    pub(crate) slots: usize,
}

/// A worker as it is kept. Times are milliseconds since 1970 by the database's clock.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(crate) struct WorkerRow {
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) provider: String,
    pub(crate) slots: i64,
    pub(crate) started_at: i64,
    pub(crate) seen_at: i64,
    pub(crate) draining: bool,
    pub(crate) hand_over: bool,
    pub(crate) running: i64,
}

/// Whether a worker is to take no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub(crate) struct Draining {
    pub(crate) draining: bool,
    pub(crate) hand_over: bool,
}

impl Journal {
    /// Puts a worker on the list, in place of the one that its data folder had before.
    pub(crate) async fn register(&self, new: &NewWorker<'_>) -> Result<(), JournalError> {
        let dead = values![FORGOTTEN_MILLISECONDS, &self.here.host];
        self.pool.execute(&DEAD, dead).await?;
        let slots = i64::try_from(new.slots).unwrap_or(i64::MAX);
        let values = values![
            new.name,
            &self.here.host,
            &self.here.place,
            new.provider,
            slots
        ];
        self.pool.execute(&REGISTER, values).await?;
        Ok(())
    }

    /// Says that a worker is there, and hears whether it is to take no more.
    pub(crate) async fn seen(&self, worker: &str) -> Result<Draining, JournalError> {
        let draining = self.pool.returning(&SEEN, values![worker]).await?;
        Ok(draining.unwrap_or(Draining {
            draining: false,
            hand_over: false,
        }))
    }

    /// Takes a worker off the list.
    pub(crate) async fn leave(&self, worker: &str) -> Result<(), JournalError> {
        self.pool.execute(&LEAVE, values![worker]).await?;
        Ok(())
    }

    /// Tells a worker to take no more, or to take builds again; false where there is none.
    pub(crate) async fn drain(&self, worker: &str, how: Draining) -> Result<bool, JournalError> {
        let values = values![worker, how.draining, how.hand_over];
        let rows = self.pool.execute(&DRAIN, values).await?;
        self.ring();
        Ok(rows > 0)
    }

    /// All workers.
    pub(crate) async fn workers(&self) -> Result<Vec<WorkerRow>, JournalError> {
        Ok(self.pool.all(&LIST, values![]).await?)
    }
}
