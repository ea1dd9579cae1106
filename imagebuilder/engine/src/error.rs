//! What the engine says to its callers when it cannot, split by what they can do.

use database::DatabaseError;

use crate::failure::{Failure, Remedy, chain};
use crate::journal::JournalError;
use crate::lifecycle::REVOKED;
use crate::registry::RegistryError;
use crate::resolve::ResolveError;

/// A refused or failed request.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The request, the profile or a pack has to change.
    #[error("{message}")]
    Input {
        /// One word for programs.
        reason: String,
        /// What, where, and the remedy.
        message: String,
    },
    /// There is no such thing.
    #[error("there is no {what}")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// It cannot be done in this state.
    #[error("{message}")]
    Conflict {
        /// Why.
        message: String,
    },
    /// The project has as many builds that have not ended as it may have.
    #[error("{message}")]
    Quota {
        /// Which quota, and what to do.
        message: String,
    },
    /// Something that is needed is not there now: the registry, Ansible, the database.
    #[error("{message}")]
    Unavailable {
        /// One word for programs.
        reason: String,
        /// What, and the remedy.
        message: String,
    },
    /// This program or its host failed. The text is for the operator.
    #[error("{0}")]
    Internal(String),
}

impl EngineError {
    pub(crate) fn host(what: &str, error: &std::io::Error) -> Self {
        Self::Internal(Failure::host(what, error).message)
    }
}

impl From<JournalError> for EngineError {
    fn from(error: JournalError) -> Self {
        match &error {
            JournalError::Database(
                DatabaseError::Overloaded
                | DatabaseError::Away { .. }
                | DatabaseError::Collision { .. },
            ) => Self::Unavailable {
                reason: "JournalUnavailable".to_owned(),
                message: "the image builder's database does not answer; try again in a minute"
                    .to_owned(),
            },
            _ => Self::Internal(chain(&error)),
        }
    }
}

impl From<ResolveError> for EngineError {
    fn from(error: ResolveError) -> Self {
        let message = error.to_string();
        match error {
            ResolveError::Input { reason, .. } => Self::Input {
                reason: reason.to_owned(),
                message,
            },
            ResolveError::Registry(RegistryError::Unavailable { .. }) => Self::Unavailable {
                reason: "RegistryUnavailable".to_owned(),
                message,
            },
            ResolveError::Registry(RegistryError::Local { .. }) | ResolveError::Internal(_) => {
                Self::Internal(message)
            }
            ResolveError::Registry(RegistryError::Mismatch { .. }) => Self::Input {
                reason: "DigestMismatch".to_owned(),
                message,
            },
            ResolveError::Registry(RegistryError::NotFound { .. }) => Self::Input {
                reason: "NotInRegistry".to_owned(),
                message,
            },
            ResolveError::Registry(RegistryError::Refused { .. }) => Self::Unavailable {
                reason: "RegistryRefused".to_owned(),
                message,
            },
            ResolveError::Ansible(_) => Self::Unavailable {
                reason: "AnsibleMissing".to_owned(),
                message,
            },
        }
    }
}

impl From<Failure> for EngineError {
    fn from(failure: Failure) -> Self {
        match failure.remedy {
            Remedy::Retry | Remedy::Wait | Remedy::Elsewhere | Remedy::NewMachine => {
                Self::Unavailable {
                    reason: failure.reason,
                    message: failure.message,
                }
            }
            // Somebody withdrew it: the caller has to ask for something else.
            Remedy::Person if failure.reason == REVOKED => Self::Input {
                reason: failure.reason,
                message: failure.message,
            },
            Remedy::Person | Remedy::Never | Remedy::Stop => Self::Internal(failure.message),
        }
    }
}
