//! How much there is to do, for gauges.

use database::{statements, values};

use crate::journal::{Journal, JournalError};

statements! {
    LOAD: "count what there is to do" = "select \
        (select count(*) from queue q \
            where not exists (select 1 from leases l where l.build = q.build)) as waiting, \
        (select count(*) from leases) as running, \
        (select min(b.created_at) from queue q join builds b on b.id = q.build \
            where not exists (select 1 from leases l where l.build = q.build)) as oldest, \
        (select CAST(coalesce(sum(size_bytes), 0) AS BIGINT) from stages where place = $1) as store_bytes, \
        (select count(*) from deliveries) as undelivered";
}

/// A moment's load: of the whole queue, and of this place's stage store.
#[derive(Debug, Default, database::FromRow)]
pub(crate) struct Load {
    pub(crate) waiting: i64,
    pub(crate) running: i64,
    /// When the build was asked for that waits longest.
    pub(crate) oldest: Option<String>,
    pub(crate) store_bytes: i64,
    pub(crate) undelivered: i64,
}

impl Journal {
    /// Looks once.
    pub(crate) async fn load(&self) -> Result<Load, JournalError> {
        let values = values![&self.here.place];
        let load = self.pool.optional(&LOAD, values).await?;
        Ok(load.unwrap_or_default())
    }
}
