//! Which builds ended too long ago for their events to be kept.

use database::{statements, values};

use crate::journal::{Journal, JournalError};

statements! {
    END_OF: "find when old builds ended" = "select ended_at from builds \
        where ended_at is not null order by ended_at desc limit 1 offset $1";
    FORGET: "forget the events of old builds" = "delete from events where build in \
        (select id from builds where ended_at is not null and ended_at <= $1)";
}

impl Journal {
    /// When the build ended that `after` others ended after; `None` where there are not as many.
    pub(crate) async fn end_of(&self, after: u32) -> Result<Option<String>, JournalError> {
        let ended: Option<(String,)> = self.pool.optional(&END_OF, values![after]).await?;
        Ok(ended.map(|(ended,)| ended))
    }

    /// Deletes the events of builds that ended at this time or earlier.
    pub(crate) async fn forget_events(&self, before: &str) -> Result<u64, JournalError> {
        Ok(self.pool.execute(&FORGET, values![before]).await?)
    }
}
