//! What can go wrong, split by what the caller can do about it.
//!
//! Every message says what is wrong, where, and what to do next. A message
//! never repeats its source: print the chain.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::lint::Finding;

/// A piece of text that is not the identifier it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {what} {text:?} {why}; {remedy}")]
pub struct ParseError {
    what: &'static str,
    text: String,
    why: &'static str,
    remedy: &'static str,
}

impl ParseError {
    pub(crate) fn new(
        what: &'static str,
        text: &str,
        why: &'static str,
        remedy: &'static str,
    ) -> Self {
        // What was typed may be a whole file: show only its beginning.
        let text = match text.char_indices().nth(100) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text.to_owned(),
        };
        Self {
            what,
            text,
            why,
            remedy,
        }
    }

    /// What the text should have been, such as `digest`.
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// What is wrong with it, reading on from the text.
    pub fn why(&self) -> &'static str {
        self.why
    }

    /// What to write instead.
    pub fn remedy(&self) -> &'static str {
        self.remedy
    }
}

/// A place in a text file; lines and columns count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

/// What failed while a pack, profile or archive was read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// The text of a file cannot be parsed. Remedy: edit that line.
    #[error("{file}{}: {message}; {remedy}", At(*.place))]
    Malformed {
        /// The file, relative to the pack.
        file: String,
        /// Where parsing stopped, if the parser knows.
        place: Option<Place>,
        /// What the parser met.
        message: String,
        /// What to do.
        remedy: String,
    },
    /// The file parses, but breaks the rules. Remedy: edit the keys named.
    #[error("{}", Lines(.0))]
    Invalid(Vec<Finding>),
    /// Something that must be there is not. Remedy: add it, or name another.
    #[error("{what} is missing: {path}; {remedy}")]
    Missing {
        /// What was looked for.
        what: String,
        /// Where it was looked for.
        path: String,
        /// What to do.
        remedy: String,
    },
    /// An entry that could harm whoever unpacks it. Remedy: repack without it.
    #[error("refused {entry:?}: {why}; {remedy}")]
    Unsafe {
        /// The entry of the archive or folder.
        entry: String,
        /// Why it is refused.
        why: String,
        /// What to do.
        remedy: String,
    },
    /// A limit was reached. Remedy: make it smaller, or raise the limit.
    #[error("{what} exceeds the limit of {limit}; {remedy}")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The limit, with its unit.
        limit: String,
        /// What to do.
        remedy: String,
    },
    /// The archive ends too early or is no archive. Remedy: make or send it again.
    #[error("the archive cannot be read: {why}; {remedy}")]
    Archive {
        /// What was met.
        why: String,
        /// What to do.
        remedy: String,
        /// What the decoder said.
        source: Option<io::Error>,
    },
    /// A name, version, digest or reference of the caller is not one.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The file system refused. Remedy: permissions, space, a healthy disk.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried, such as `open`.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The classes of [`PackError`]; exit codes and HTTP statuses are chosen by these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The caller's words are wrong: a name, a version, a reference.
    Usage,
    /// Something named is not there.
    NotFound,
    /// The content breaks the rules; nobody can use it before it is edited.
    Invalid,
    /// The content is unsafe or too large and was refused.
    Refused,
    /// The machine failed, not the content.
    Io,
}

impl PackError {
    /// The class of this error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Parse(_) => ErrorKind::Usage,
            Self::Missing { .. } => ErrorKind::NotFound,
            Self::Malformed { .. } | Self::Invalid(_) | Self::Archive { .. } => ErrorKind::Invalid,
            Self::Unsafe { .. } | Self::TooLarge { .. } => ErrorKind::Refused,
            Self::Io { .. } => ErrorKind::Io,
        }
    }

    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    pub(crate) fn missing(what: &str, path: impl fmt::Display, remedy: &str) -> Self {
        Self::Missing {
            what: what.to_owned(),
            path: path.to_string(),
            remedy: remedy.to_owned(),
        }
    }

    pub(crate) fn refuse(entry: &str, why: &str, remedy: &str) -> Self {
        Self::Unsafe {
            entry: entry.to_owned(),
            why: why.to_owned(),
            remedy: remedy.to_owned(),
        }
    }

    pub(crate) fn too_large(what: impl Into<String>, limit: impl fmt::Display) -> Self {
        Self::TooLarge {
            what: what.into(),
            limit: limit.to_string(),
            remedy: "make it smaller (large side files belong into a bundle), or raise the limit"
                .to_owned(),
        }
    }
}

struct At(Option<Place>);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(place) => write!(f, ":{}:{}", place.line, place.column),
            None => Ok(()),
        }
    }
}

struct Lines<'a>(&'a [Finding]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, finding) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{finding}")?;
        }
        Ok(())
    }
}
