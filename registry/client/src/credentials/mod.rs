//! Where passwords come from: the same files and helper programs as in every
//! OCI tool.
//!
//! The files, first found first: `REGISTRY_AUTH_FILE`, then `config.json` in
//! `DOCKER_CONFIG`, then `~/.docker/config.json`. In a file: the helper of that
//! host (`credHelpers`), then the common helper (`credsStore`), then the text
//! under `auths`.

mod file;
mod helper;

use std::fmt;
use std::path::PathBuf;

use crate::error::ClientError;
use file::AuthFile;

/// Who to be. It never shows its secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// A user and a password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// A token that is sent as it is.
    Token(String),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password { user, .. } => write!(f, "Password({user})"),
            Self::Token(_) => f.write_str("Token"),
        }
    }
}

/// The file in which credentials are kept, whether or not it exists yet.
#[derive(Clone, Debug)]
pub struct CredentialStore {
    path: PathBuf,
}

impl CredentialStore {
    /// Chooses the file from the environment, which `read` looks up.
    ///
    /// # Errors
    /// When there is neither a variable nor a home folder.
    pub fn from_environment(read: impl Fn(&str) -> Option<String>) -> Result<Self, ClientError> {
        let set = |name: &str| read(name).filter(|value| !value.is_empty());
        let path = if let Some(file) = set("REGISTRY_AUTH_FILE") {
            PathBuf::from(file)
        } else if let Some(folder) = set("DOCKER_CONFIG") {
            PathBuf::from(folder).join("config.json")
        } else if let Some(home) = set("HOME") {
            PathBuf::from(home).join(".docker/config.json")
        } else {
            return Err(ClientError::Credentials(
                "there is no home folder; set REGISTRY_AUTH_FILE to a file".to_owned(),
            ));
        };
        Ok(Self { path })
    }

    /// The file.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// What is stored for a host, written `HOST` or `HOST:PORT`.
    ///
    /// # Errors
    /// When the file or a helper program is no good.
    pub async fn find(&self, host: &str) -> Result<Option<Credential>, ClientError> {
        let file = AuthFile::read(&self.path)?;
        if let Some(program) = file.helper(host)
            && let Some(found) = helper::get(&program, host).await?
        {
            return Ok(Some(found));
        }
        file.find(host)
    }

    /// Stores a user and a password for a host: with the helper if one is
    /// configured, else in the file, which only its owner may read.
    ///
    /// # Errors
    /// When the file cannot be written or the helper fails.
    pub async fn store(&self, host: &str, user: &str, password: &str) -> Result<(), ClientError> {
        let mut file = AuthFile::read(&self.path)?;
        if let Some(program) = file.helper(host) {
            return helper::store(&program, host, user, password).await;
        }
        file.set(host, user, password);
        file.write(&self.path)
    }

    /// Forgets a host. False when nothing was stored.
    ///
    /// # Errors
    /// When the file cannot be written or the helper fails.
    pub async fn erase(&self, host: &str) -> Result<bool, ClientError> {
        let mut file = AuthFile::read(&self.path)?;
        let mut erased = false;
        if let Some(program) = file.helper(host)
            && helper::get(&program, host).await?.is_some()
        {
            helper::erase(&program, host).await?;
            erased = true;
        }
        if file.remove(host) {
            file.write(&self.path)?;
            erased = true;
        }
        Ok(erased)
    }
}
