//! How much there is to do, for gauges.

use crate::journal::{Journal, JournalError};

/// A moment's load.
#[derive(Debug, Default)]
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
        let (waiting, oldest): (i64, Option<String>) = sqlx::query_as(
            "select count(*), min(builds.created_at) from queue join builds on builds.id = queue.build \
             where not exists (select 1 from leases where leases.build = queue.build)",
        )
        .fetch_one(&self.pool)
        .await?;
        let count = |sql: &'static str| sqlx::query_scalar::<_, i64>(sql).fetch_one(&self.pool);
        Ok(Load {
            waiting,
            oldest,
            running: count("select count(*) from leases").await?,
            store_bytes: count("select cast(coalesce(sum(size_bytes), 0) as bigint) from stages")
                .await?,
            undelivered: count("select count(*) from deliveries").await?,
        })
    }
}
