//! The last events of a build, in order. Numbers never repeat, so a gap shows what was dropped.

use database::{FromRow, statements, values};

use crate::journal::{BuildJournal, Journal, JournalError, now};

statements! {
    LIST: "list events" = "select seq, at, type, step, message, data from events \
        where build = $1 and seq > $2 order by seq limit $3";
    ADD: "add an event" = "insert into events (build, seq, at, type, step, message, data) \
        select $1, (select coalesce(max(seq), 0) + 1 from events where build = $1), $3, $4, $5, $6, $7 \
        where exists (select 1 from leases where build = $1 and fence = $2" for_key_share ") returning seq";
    TRIM: "forget old events" = "delete from events where build = $1 and seq <= $2";
}

/// How many events are kept of one build.
pub(crate) const EVENTS_KEPT: i64 = 1000;

/// An event as it is kept.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct EventRow {
    pub(crate) seq: i64,
    pub(crate) at: String,
    pub(crate) r#type: String,
    pub(crate) step: Option<String>,
    pub(crate) message: String,
    pub(crate) data: Option<String>,
}

impl Journal {
    /// The events after number `after`, oldest first.
    pub(crate) async fn events(
        &self,
        build: &str,
        after: i64,
        limit: u32,
    ) -> Result<Vec<EventRow>, JournalError> {
        Ok(self.pool.all(&LIST, values![build, after, limit]).await?)
    }
}

impl BuildJournal {
    /// Adds an event and forgets the oldest where there are too many.
    pub(crate) async fn event(
        &self,
        kind: &str,
        step: Option<&str>,
        message: &str,
        data: Option<&str>,
    ) -> Result<(), JournalError> {
        let pool = &self.journal.pool;
        // Two statements at once would see the same last number. Only this process has the
        // lease, so a lock of its own is enough.
        let _one_at_a_time = self.counting.lock().await;
        let now = now();
        let values = values![&self.build, self.fence, &now, kind, step, message, data];
        let Some((seq,)) = pool.returning::<(i64,)>(&ADD, values).await? else {
            return Err(self.lost());
        };
        // In blocks: a delete for each event would double the writes.
        if seq > EVENTS_KEPT && seq % 64 == 0 {
            let values = values![&self.build, seq - EVENTS_KEPT];
            pool.execute(&TRIM, values).await?;
        }
        self.journal.announce(&self.build);
        Ok(())
    }
}
