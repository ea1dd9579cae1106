//! What a database's refusal means for whoever asked. Outside of here nobody knows its codes.

/// The result of a call to the database.
pub type Result<T, E = DatabaseError> = std::result::Result<T, E>;

/// What lies below an error, for a log.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the database refused or failed, split by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// Too many wait for it already, or it waited too long for a lock.
    #[error("the database is too busy; try again in a minute")]
    Overloaded,
    /// No room left on its disk. Nothing that was committed is lost.
    #[error("no space left on the disk that holds the database")]
    Full,
    /// It does not take writes.
    #[error("the disk that holds the database is read-only")]
    ReadOnly,
    /// Another transaction was in the way; the same one may work now.
    #[error("other transactions change the same rows; try again in a minute")]
    Collision {
        /// What the database said.
        #[source]
        source: Cause,
    },
    /// PostgreSQL cannot be reached, at the start.
    #[error("cannot open the database on the PostgreSQL server")]
    Unreachable {
        /// Why not.
        #[source]
        source: Cause,
    },
    /// PostgreSQL cannot be reached for the moment.
    #[error("the database does not answer; try again in a minute")]
    Away {
        /// What it or the network said.
        #[source]
        source: Cause,
    },
    /// It refused, for a reason that no retry cures.
    #[error("cannot {what} in the database")]
    Refused {
        /// What was tried.
        what: &'static str,
        /// Why not.
        #[source]
        source: Cause,
    },
}

impl DatabaseError {
    /// What an error of sqlx means, for those who speak to a database of their own with it.
    #[must_use]
    pub fn of(what: &'static str, source: sqlx::Error) -> Self {
        let code = source
            .as_database_error()
            .and_then(|error| error.code())
            .map(std::borrow::Cow::into_owned);
        match (&source, code.as_deref()) {
            (sqlx::Error::PoolTimedOut, _) => Self::Overloaded,
            (sqlx::Error::Io(_), _) => Self::Away {
                source: source.into(),
            },
            (sqlx::Error::Database(error), Some(code)) => {
                let sqlite = error
                    .try_downcast_ref::<sqlx::sqlite::SqliteError>()
                    .is_some();
                let class = if sqlite { sqlite_class } else { postgres_class };
                class(code).error(what, source)
            }
            _ => refused(what, source),
        }
    }
}

/// Turns an error of the database into one of ours.
pub(crate) fn database(what: &'static str) -> impl FnOnce(sqlx::Error) -> DatabaseError {
    move |source| DatabaseError::of(what, source)
}

fn refused(what: &'static str, source: sqlx::Error) -> DatabaseError {
    DatabaseError::Refused {
        what,
        source: source.into(),
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
    fn error(self, what: &'static str, source: sqlx::Error) -> DatabaseError {
        match self {
            Self::Full => DatabaseError::Full,
            Self::ReadOnly => DatabaseError::ReadOnly,
            Self::Collision => DatabaseError::Collision {
                source: source.into(),
            },
            Self::Overloaded => DatabaseError::Overloaded,
            Self::Away => DatabaseError::Away {
                source: source.into(),
            },
            Self::Other => refused(what, source),
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
pub(crate) fn migrated(error: sqlx::migrate::MigrateError) -> DatabaseError {
    DatabaseError::Refused {
        what: "bring the schema up to date",
        source: Box::new(error),
    }
}
