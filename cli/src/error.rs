//! What a command says when it fails. The kind decides the exit code; hints are
//! apart from the message; causes are listed below it and never repeated.

use std::error::Error;
use std::io;
use std::path::Path;

use registry_client::ClientError;
use registry_pack::{PackError, ParseError};

/// The kinds of failure, one for each exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It did not work.
    Failed,
    /// The command line or a configuration is wrong.
    Usage,
    /// What was named is not there.
    NotFound,
    /// Credentials or rights are missing.
    NotAllowed,
    /// A policy or lint refused it.
    Refused,
    /// The person stopped it.
    Interrupted,
}

impl Kind {
    /// The exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::NotAllowed => 4,
            Self::Refused => 5,
            Self::Interrupted => 130,
        }
    }
}

/// A failure, ready to be shown.
#[derive(Debug)]
pub(crate) struct CliError {
    pub(crate) kind: Kind,
    message: String,
    causes: Vec<String>,
    hints: Vec<String>,
}

impl CliError {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
        }
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, message)
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message)
    }

    /// Adds what to do next.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds an error and all that caused it.
    pub(crate) fn caused_by(mut self, error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(cause) = next {
            if let Some(error) = cause.downcast_ref::<io::Error>() {
                self.hint_io(error);
            }
            let text = cause.to_string();
            // Some libraries repeat the cause inside their own text.
            let repeated = self.causes.last().is_some_and(|last| last.contains(&text));
            if !repeated && !self.message.contains(&text) {
                self.causes.push(text);
            }
            next = cause.source();
        }
        self
    }

    /// A file or folder could not be used.
    pub(crate) fn io(action: &str, path: &Path, error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::NotFound => Kind::NotFound,
            _ => Kind::Failed,
        };
        let mut made = Self::new(kind, format!("cannot {action} {}", path.display()));
        made.hint_io(error);
        made.causes.push(error.to_string());
        made
    }

    fn hint_io(&mut self, error: &io::Error) {
        let hint = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "the disk is full: free some space, then run the same again"
            }
            io::ErrorKind::ReadOnlyFilesystem => {
                "the file system is read-only: choose another folder"
            }
            io::ErrorKind::PermissionDenied => {
                "check who owns it and what it allows, or choose another folder"
            }
            _ => return,
        };
        self.hints.push(hint.to_owned());
    }

    /// Prints it for people.
    pub(crate) fn show(&self) {
        let mut text = format!("error: {}\n", self.message.trim_end());
        for cause in &self.causes {
            text.push_str(&format!("  because: {cause}\n"));
        }
        for hint in &self.hints {
            text.push_str(&format!("hint: {hint}\n"));
        }
        eprint!("{text}");
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        let (kind, hint) = match &error {
            ClientError::NotFound { .. } => (Kind::NotFound, None),
            ClientError::Unauthorized { server, .. } => (
                Kind::NotAllowed,
                Some(format!("log in first: packyard login {server}")),
            ),
            ClientError::Forbidden { .. } => (
                Kind::NotAllowed,
                Some("ask the registry's operator for the right".to_owned()),
            ),
            ClientError::Refused { .. } => (Kind::Refused, None),
            ClientError::Retryable { .. } => (
                Kind::Failed,
                Some(
                    "is the server running, and is --server or PACKYARD_SERVER its address? \
                     `packyard serve` starts one"
                        .to_owned(),
                ),
            ),
            ClientError::Corrupt { .. } => (
                Kind::Failed,
                Some("run it again; if it stays, the content itself is damaged".to_owned()),
            ),
            ClientError::Full { .. } => (
                Kind::Failed,
                Some("free some space on the server's disk, then run the same again".to_owned()),
            ),
            ClientError::Protocol { .. } => (
                Kind::Failed,
                Some("is there really a registry at this address?".to_owned()),
            ),
            ClientError::Usage(_) => (Kind::Usage, None),
            ClientError::Pack(inner) => (kind_of(inner), None),
            _ => (Kind::Failed, None),
        };
        let mut made = Self::new(kind, error.to_string());
        if let Some(cause) = error.source() {
            made = made.caused_by(cause);
        }
        match hint {
            Some(hint) => made.hint(hint),
            None => made,
        }
    }
}

impl From<PackError> for CliError {
    fn from(error: PackError) -> Self {
        let made = Self::new(kind_of(&error), error.to_string());
        match error.source() {
            Some(cause) => made.caused_by(cause),
            None => made,
        }
    }
}

impl From<ParseError> for CliError {
    fn from(error: ParseError) -> Self {
        Self::usage(error.to_string())
    }
}

fn kind_of(error: &PackError) -> Kind {
    match error.kind() {
        registry_pack::ErrorKind::Usage => Kind::Usage,
        registry_pack::ErrorKind::NotFound => Kind::NotFound,
        _ => Kind::Failed,
    }
}
