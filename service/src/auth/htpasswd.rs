//! Reads a htpasswd file. Only bcrypt is read: the older forms can be guessed
//! at millions of words a second.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file larger than this is no list of users.
const MAX_BYTES: u64 = 4 << 20;

/// Why a htpasswd file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HtpasswdError {
    /// The file is missing or unreadable.
    #[error("cannot read the htpasswd file {path}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line is not `user:bcrypt`. Remedy: `htpasswd -B FILE USER`.
    #[error("{path}:{line}: {message}; write it with `htpasswd -B {path} USER`")]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        message: &'static str,
    },
}

/// The users of a file with the hashes of their passwords.
#[derive(Debug, Default)]
pub(crate) struct Users(HashMap<String, Arc<str>>);

impl Users {
    pub(crate) fn read(path: &Path) -> Result<Self, HtpasswdError> {
        let io = |source| HtpasswdError::Io {
            path: path.to_owned(),
            source,
        };
        if std::fs::metadata(path).map_err(io)?.len() > MAX_BYTES {
            return Err(io(io::Error::other("the file is larger than 4 MiB")));
        }
        let text = std::fs::read_to_string(path).map_err(io)?;
        let mut users = HashMap::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (user, hash) = parse(line).map_err(|message| HtpasswdError::Line {
                path: path.to_owned(),
                line: index + 1,
                message,
            })?;
            users.insert(user.to_owned(), Arc::from(hash));
        }
        Ok(Self(users))
    }

    pub(crate) fn hash(&self, user: &str) -> Option<Arc<str>> {
        self.0.get(user).cloned()
    }
}

fn parse(line: &str) -> Result<(&str, &str), &'static str> {
    let (user, hash) = line.split_once(':').ok_or("the line has no colon")?;
    if user.is_empty() {
        return Err("the user is empty");
    }
    let bcrypt = ["$2a$", "$2b$", "$2x$", "$2y$"]
        .iter()
        .any(|form| hash.starts_with(form));
    if !bcrypt || hash.len() != 60 || !hash.is_ascii() {
        return Err("the password is not hashed with bcrypt");
    }
    Ok((user, hash))
}
