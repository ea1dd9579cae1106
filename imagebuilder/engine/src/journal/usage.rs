//! How long the builds of a project ran, by day: what quotas are counted from.
//!
//! A build counts for the day on which a worker let it go.

use database::{Transaction, statements, values};

use crate::journal::JournalError;

statements! {
    ACCOUNT: "count how long a build ran" = "insert into usage (project, day, milliseconds) \
        select q.project, " now " / 86400000, " now " - l.claimed_at \
        from leases l join queue q on q.build = l.build where l.build = $1 \
        on conflict (project, day) do update \
        set milliseconds = usage.milliseconds + excluded.milliseconds";
    EXPIRE: "forget how long builds ran long ago" = "delete from usage where day < " now " / 86400000 - 90";
}

/// Counts the time since the claim. To be called right before the lease ends.
pub(super) async fn account(
    transaction: &mut Transaction,
    build: &str,
) -> Result<(), JournalError> {
    transaction.execute(&ACCOUNT, values![build]).await?;
    Ok(())
}

/// Forgets days that no quota looks at.
pub(super) async fn expire(transaction: &mut Transaction) -> Result<(), JournalError> {
    transaction.execute(&EXPIRE, values![]).await?;
    Ok(())
}
