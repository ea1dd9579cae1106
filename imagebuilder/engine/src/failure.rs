//! Why a step failed, split by what cures it.

use std::fmt;
use std::time::Duration;

use crate::ansible::AnsibleError;
use crate::journal::JournalError;
use crate::registry::RegistryError;
use crate::ssh::{SshError, is_about_host_key};

/// What cures a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// The same step again, a little later.
    Retry,
    /// The same step again, once others have given something back.
    Wait,
    /// A machine of another size; the one asked for is not to be had.
    Elsewhere,
    /// A new machine, and the steps on it again from the deepest stage.
    NewMachine,
    /// Somebody has to change something: a pack, a setting, the host.
    Person,
    /// Nothing: what was asked for cannot be. Ask for something else.
    Never,
    /// This build must stop writing: another worker has it.
    Stop,
}

impl Remedy {
    /// The word that events carry.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Wait => "wait",
            Self::Elsewhere => "other-size",
            Self::NewMachine => "new-machine",
            Self::Person => "person",
            Self::Never => "never",
            Self::Stop => "stop",
        }
    }
}

/// A failed step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) remedy: Remedy,
    /// The earliest sensible moment for another try, by whoever refused.
    pub(crate) after: Duration,
    /// One word in the style of a condition's reason.
    pub(crate) reason: String,
    /// What happened, where, and what to do.
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(remedy: Remedy, reason: &str, message: impl Into<String>) -> Self {
        Self {
            remedy,
            after: Duration::ZERO,
            reason: reason.to_owned(),
            message: message.into(),
        }
    }

    pub(crate) fn retry(reason: &str, message: impl Into<String>) -> Self {
        Self::new(Remedy::Retry, reason, message)
    }

    /// The same, with the earliest sensible moment for another try.
    pub(crate) fn not_before(self, after: Duration) -> Self {
        Self { after, ..self }
    }

    pub(crate) fn person(reason: &str, message: impl Into<String>) -> Self {
        Self::new(Remedy::Person, reason, message)
    }

    /// A provider's answers do not agree. Another try may find that they do by now.
    pub(crate) fn contradiction(provider: &str, what: &str) -> Self {
        let message = format!(
            "provider {provider} contradicts itself: {what}; if that stays so, look at what is \
             wrong with it, and whether somebody else changes what it keeps"
        );
        Self::retry("ProviderContradicts", message)
    }

    /// The machine has another host key than it was given, after what `message` says.
    pub(crate) fn other_host_key(message: &str) -> Self {
        let remedy = "if a role makes host keys, let it leave them alone: an image has none, and each machine makes its own";
        Self::person("HostKeyMismatch", format!("{message}; {remedy}"))
    }

    /// A file of this host could not be written or read.
    pub(crate) fn host(what: &str, error: &std::io::Error) -> Self {
        let message = match error
            .raw_os_error()
            .map(rustix::io::Errno::from_raw_os_error)
        {
            Some(rustix::io::Errno::NOSPC | rustix::io::Errno::DQUOT) => {
                format!("{what}: the disk is full; free some space, or move the data folder")
            }
            _ => format!("{what}: {error}"),
        };
        Self::person("HostFailed", message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::LeaseLost { .. } => {
                Self::new(Remedy::Stop, "LeaseLost", error.to_string())
            }
            other => Self::retry("JournalFailed", chain(&other)),
        }
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        let reason = match &error {
            RegistryError::NotFound { .. } => "NotInRegistry",
            RegistryError::Mismatch { .. } => "DigestMismatch",
            RegistryError::Refused { .. } => "RegistryRefused",
            RegistryError::Unavailable { .. } => {
                return Self::retry("RegistryUnavailable", error.to_string());
            }
            RegistryError::Local { .. } => "HostFailed",
        };
        Self::person(reason, error.to_string())
    }
}

impl From<AnsibleError> for Failure {
    fn from(error: AnsibleError) -> Self {
        let message = error.to_string();
        match error {
            AnsibleError::Missing { .. } => Self::person("AnsibleMissing", message),
            AnsibleError::Task { .. } => Self::person("RoleFailed", message),
            AnsibleError::Unreachable { .. } if is_about_host_key(&message) => {
                Self::other_host_key(&message)
            }
            AnsibleError::Unreachable { .. } => {
                let remedy = "if it is that task that ends the connection, as a reboot or a stopped SSH server does, change it";
                let message = format!("{message}; {remedy}");
                Self::new(Remedy::NewMachine, "MachineUnreachable", message)
            }
            AnsibleError::Timeout { .. } => {
                let remedy = "give a task that may hang a bound of its own, or split the role";
                Self::person("RoleTimedOut", format!("{message}; {remedy}"))
            }
            AnsibleError::Ended { .. } => Self::person("AnsibleFailed", message),
            AnsibleError::Host { .. } => Self::person("HostFailed", message),
        }
    }
}

impl From<SshError> for Failure {
    fn from(error: SshError) -> Self {
        let message = chain(&error);
        match error {
            SshError::Keys { .. } => Self::person("HostFailed", message),
            SshError::Connect { .. } => {
                Self::new(Remedy::NewMachine, "MachineUnreachable", message)
            }
            SshError::HostKey { .. } => Self::person("HostKeyMismatch", message),
            SshError::Command { .. } => Self::person("CommandFailed", message),
            SshError::Run { .. } => Self::new(Remedy::NewMachine, "CommandTimedOut", message),
        }
    }
}

/// An error with its causes, each said once.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    text
}
