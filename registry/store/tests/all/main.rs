//! The store's tests: its contract, on a folder and a database of its own.
//!
//! What every database has to do is included once for each of them; the modules take
//! their `Case` from the one above.

mod backup;
mod child;
mod content;
mod faults;
mod files;
mod history;
mod servers;
mod support;
mod upgrade;

/// The contract on SQLite.
#[path = "."]
mod sqlite {
    pub(crate) type Case = crate::support::Case<crate::support::Sqlite>;

    mod collection;
    mod contract;
    mod crashes;
    mod fsck;
    mod races;
    mod referrers;
    mod rows;
}

/// The contract on PostgreSQL.
#[expect(
    clippy::duplicate_mod,
    reason = "one suite, run against each of the databases"
)]
#[path = "."]
mod postgres {
    pub(crate) type Case = crate::support::Case<crate::support::Postgres>;

    mod collection;
    mod contract;
    mod crashes;
    mod fsck;
    mod races;
    mod referrers;
    mod rows;
}
