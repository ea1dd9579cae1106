//! What can go wrong, split by what the caller can do about it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use registry_pack::{PackError, ParseError};

/// Why a request, a push or a pull failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// It is not on the server. Remedy: another name, or push it first.
    #[error("{what} is not on {server}")]
    NotFound {
        /// What was asked for.
        what: String,
        /// Where.
        server: String,
    },
    /// The server wants to know who asks, or does not believe it. Remedy: log in.
    #[error("{server} refuses the credentials: {message}")]
    Unauthorized {
        /// Which server.
        server: String,
        /// What it said.
        message: String,
    },
    /// The server knows who asks and says no. Remedy: ask for the right.
    #[error("{server} does not allow {what}: {message}")]
    Forbidden {
        /// Which server.
        server: String,
        /// What was tried.
        what: String,
        /// What it said.
        message: String,
    },
    /// A rule, policy or lint refuses the content. Remedy: change the content.
    #[error("{server} refuses {what}: {message}")]
    Refused {
        /// Which server.
        server: String,
        /// What was tried.
        what: String,
        /// What it said.
        message: String,
    },
    /// It may work later; it was tried several times already.
    #[error("{server} cannot be reached for {what}: {message}")]
    Retryable {
        /// Which server.
        server: String,
        /// What was tried.
        what: String,
        /// What failed.
        message: String,
        /// When the server wants to be asked again, if it said so.
        after: Option<Duration>,
    },
    /// The server does not do this at all. Remedy: another server.
    #[error("{server} does not offer {what}: {message}")]
    Unsupported {
        /// Which server.
        server: String,
        /// What was tried.
        what: String,
        /// What it said.
        message: String,
    },
    /// The server has no room. Remedy: its operator frees some.
    #[error("{server} has no space for {what}: {message}")]
    Full {
        /// Which server.
        server: String,
        /// What was tried.
        what: String,
        /// What it said.
        message: String,
    },
    /// The bytes are not the ones that were meant. Remedy: fetch or push again.
    #[error("{what} has another digest: expected {expected}, got {actual}")]
    Corrupt {
        /// What was moved.
        what: String,
        /// The digest or size wanted.
        expected: String,
        /// The one that is there.
        actual: String,
    },
    /// The other side does not speak the protocol, or not as agreed.
    #[error("{server} answered {what} in a way that cannot be understood: {message}")]
    Protocol {
        /// Which server.
        server: String,
        /// What was tried.
        what: String,
        /// What is odd.
        message: String,
    },
    /// A credential helper or file is no good. Remedy: fix or remove it.
    #[error("cannot use the stored credentials: {0}")]
    Credentials(String),
    /// A name, address or option cannot be used.
    #[error("{0}")]
    Usage(String),
    /// This machine failed: space, permissions, a missing file.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A pack, profile or bundle cannot be read.
    #[error(transparent)]
    Pack(#[from] PackError),
}

impl From<ParseError> for ClientError {
    fn from(error: ParseError) -> Self {
        Self::Pack(error.into())
    }
}

impl ClientError {
    /// Whether trying again may help.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Retryable { .. })
    }

    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
