//! A key pair to log in with and a host key to be recognised by, both made for one machine and deleted with it.

use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use crate::process;
use crate::ssh::client::{HOST_ALIAS, SshError};

/// The keys of one machine.
#[derive(Debug, Clone)]
pub(crate) struct BuildKeys {
    folder: PathBuf,
    /// Goes into the machine's `authorized_keys`.
    pub(crate) user_public: String,
    /// Goes into the machine through cloud-init.
    pub(crate) host_private: String,
    pub(crate) host_public: String,
}

impl BuildKeys {
    /// Makes new keys in `folder`, in place of any that are there.
    pub(crate) async fn create(folder: &Path) -> Result<Self, SshError> {
        let at = |source| SshError::Keys {
            folder: folder.to_owned(),
            message: format!("{source}"),
        };
        drop(std::fs::remove_dir_all(folder));
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(at)?;
        for name in ["user", "host"] {
            generate(&folder.join(name)).await?;
        }
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).map_err(at);
        let keys = Self {
            folder: folder.to_owned(),
            user_public: read("user.pub")?.trim().to_owned(),
            host_private: read("host")?,
            host_public: read("host.pub")?.trim().to_owned(),
        };
        let known = format!("{HOST_ALIAS} {}\n", keys.host_public);
        std::fs::write(keys.known_hosts(), known).map_err(at)?;
        Ok(keys)
    }

    /// The private keys themselves, for those who see to it that nobody reads them.
    pub(crate) fn private(&self) -> Vec<String> {
        let user = std::fs::read_to_string(self.identity()).unwrap_or_default();
        vec![user, self.host_private.clone()]
    }

    /// The private key to log in with.
    pub(crate) fn identity(&self) -> PathBuf {
        self.folder.join("user")
    }

    /// The one host key that is believed.
    pub(crate) fn known_hosts(&self) -> PathBuf {
        self.folder.join("known_hosts")
    }

    /// Forgets the keys; what was built with them is closed to whoever finds this disk later.
    pub(crate) fn delete(folder: &Path) {
        drop(std::fs::remove_dir_all(folder));
    }
}

async fn generate(path: &Path) -> Result<(), SshError> {
    let failed = |message: String| SshError::Keys {
        folder: path.to_owned(),
        message,
    };
    let mut command = Command::new("ssh-keygen");
    command
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "packyard", "-f"])
        .arg(path);
    let output = process::run(command, None, Duration::from_secs(20), 64 << 10)
        .await
        .map_err(|error| failed(format!("{error}; install the package openssh-client")))?;
    if !output.success() {
        return Err(failed(output.complaint()));
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keys_are_private_new_each_time_and_can_be_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("keys");
        let first = BuildKeys::create(&place).await.unwrap();
        let mode = std::fs::metadata(first.identity())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(
            std::fs::read_to_string(first.known_hosts())
                .unwrap()
                .contains("ssh-ed25519 ")
        );
        let second = BuildKeys::create(&place).await.unwrap();
        assert_ne!(first.user_public, second.user_public);
        BuildKeys::delete(&place);
        assert!(!place.exists());
    }
}
