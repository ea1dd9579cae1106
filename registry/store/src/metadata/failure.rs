//! What the database's refusal means in the words of the store.

use std::path::PathBuf;

use database::{Collides, DatabaseError};

use crate::error::StoreError;

impl From<DatabaseError> for StoreError {
    fn from(error: DatabaseError) -> Self {
        let path = PathBuf::from("the metadata database");
        match error {
            DatabaseError::Overloaded => Self::Overloaded,
            DatabaseError::Full => Self::Full { path },
            DatabaseError::ReadOnly => Self::ReadOnly { path },
            DatabaseError::Collision { source } => Self::Collision { source },
            DatabaseError::Unreachable { source } => Self::NoDatabase { source },
            DatabaseError::Away { source } => Self::DatabaseAway { source },
            DatabaseError::Refused { what, source } => Self::Database { what, source },
        }
    }
}

/// Turns an error of a database that is spoken to directly, a copy, into one of ours.
pub(crate) fn database(what: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |source| DatabaseError::of(what, source).into()
}

impl Collides for StoreError {
    fn is_collision(&self) -> bool {
        matches!(self, Self::Collision { .. })
    }
}
