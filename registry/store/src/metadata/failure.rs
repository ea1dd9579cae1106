//! What a database's refusal means for whoever asked. Outside of here nobody knows its codes.

use std::path::PathBuf;

use crate::error::StoreError;

/// Turns an error of the database into one of ours.
pub(crate) fn database(what: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |source| {
        let code = source
            .as_database_error()
            .and_then(|error| error.code())
            .map(std::borrow::Cow::into_owned);
        match (&source, code.as_deref()) {
            (sqlx::Error::PoolTimedOut, _) => StoreError::Overloaded,
            (sqlx::Error::Io(_), _) => StoreError::DatabaseAway {
                source: source.into(),
            },
            (sqlx::Error::Database(error), Some(code)) => {
                let sqlite = error
                    .try_downcast_ref::<sqlx::sqlite::SqliteError>()
                    .is_some();
                let class = if sqlite { sqlite_class } else { postgres_class };
                class(code).error(what, source)
            }
            _ => StoreError::Database {
                what,
                source: source.into(),
            },
        }
    }
}

/// What a code of a database means for whoever asked.
enum Class {
    Full,
    ReadOnly,
    Collision,
    Overloaded,
    Away,
    Other,
}

impl Class {
    fn error(self, what: &'static str, source: sqlx::Error) -> StoreError {
        let path = PathBuf::from("the metadata database");
        match self {
            Self::Full => StoreError::Full { path },
            Self::ReadOnly => StoreError::ReadOnly { path },
            Self::Collision => StoreError::Collision {
                source: source.into(),
            },
            Self::Overloaded => StoreError::Overloaded,
            Self::Away => StoreError::DatabaseAway {
                source: source.into(),
            },
            Self::Other => StoreError::Database {
                what,
                source: source.into(),
            },
        }
    }
}

/// Result codes of SQLite; the extended code keeps the primary one in its low byte.
fn sqlite_class(code: &str) -> Class {
    match code.parse::<i64>().map(|code| code & 0xff) {
        Ok(13) => Class::Full,
        Ok(8) => Class::ReadOnly,
        _ => Class::Other,
    }
}

/// Codes of PostgreSQL, from its manual's appendix A.
fn postgres_class(code: &str) -> Class {
    match code {
        "53100" => Class::Full,
        "25006" => Class::ReadOnly,
        // A serialization failure, a deadlock.
        "40001" | "40P01" => Class::Collision,
        // Too many connections, no memory, a wait for a lock or a statement too long.
        "53300" | "53200" | "55P03" | "57014" => Class::Overloaded,
        // It shuts down, crashed, starts; an idle transaction was ended.
        "57P01" | "57P02" | "57P03" | "25P03" => Class::Away,
        _ => Class::Other,
    }
}

/// A schema that cannot be brought up to date.
pub(super) fn migrated(error: sqlx::migrate::MigrateError) -> StoreError {
    StoreError::Database {
        what: "bring the schema up to date",
        source: Box::new(error),
    }
}
