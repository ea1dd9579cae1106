//! Why a profile does not come to exact inputs.

use registry_pack::PackError;

use crate::ansible::AnsibleError;
use crate::failure::{Failure, Remedy, chain};
use crate::registry::RegistryError;
use crate::resolve::Masker;

/// Split by who can cure it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResolveError {
    /// The profile or one of its packs is wrong. No retry helps.
    #[error("{message}")]
    Input {
        /// One word.
        reason: &'static str,
        /// What, where, and the remedy.
        message: String,
    },
    /// The registry did not give what was asked.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Ansible's version is part of the signature, and there is no Ansible.
    #[error(transparent)]
    Ansible(#[from] AnsibleError),
    /// This program failed.
    #[error("{0}")]
    Internal(String),
}

impl ResolveError {
    pub(crate) fn input(reason: &'static str, message: impl Into<String>) -> Self {
        Self::Input {
            reason,
            message: message.into(),
        }
    }

    /// The same without secrets.
    pub(crate) fn masked(self, masker: &Masker) -> Self {
        match self {
            Self::Input { reason, message } => Self::Input {
                reason,
                message: masker.mask(&message),
            },
            Self::Internal(message) => Self::Internal(masker.mask(&message)),
            other @ (Self::Registry(_) | Self::Ansible(_)) => other,
        }
    }

    pub(crate) fn pack(error: PackError) -> Self {
        match &error {
            PackError::Io { .. } => Self::Internal(chain(&error)),
            _ => Self::input("BadPack", chain(&error)),
        }
    }
}

impl From<ResolveError> for Failure {
    fn from(error: ResolveError) -> Self {
        let message = error.to_string();
        match error {
            ResolveError::Input { reason, .. } => Self::person(reason, message),
            ResolveError::Registry(error) => error.into(),
            ResolveError::Ansible(error) => error.into(),
            ResolveError::Internal(_) => Self::new(Remedy::Person, "Internal", message),
        }
    }
}
