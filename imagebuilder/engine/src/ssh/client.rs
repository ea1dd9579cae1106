//! Commands on a machine through the system's `ssh`, over one connection that is kept open.
//!
//! Ansible uses the same connection: see [`Ssh::arguments`].

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::task::JoinHandle;

use crate::process::{self, Output, RunError, Tree};
use crate::ssh::BuildKeys;

/// The name under which the machine's key is known, whatever port it listens on.
pub(crate) const HOST_ALIAS: &str = "packyard-image";

/// The longest path that a socket may have: 108 bytes less the suffix that ssh adds while it binds.
const SOCKET_PATH_LIMIT: usize = 80;

/// A guest that is not up lets the connection hang.
const GREETING_TIMEOUT: Duration = Duration::from_secs(10);

/// A machine that restarts does not answer for a while.
const BETWEEN_CONNECTIONS: Duration = Duration::from_secs(3);

/// Why a command did not run on the machine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SshError {
    #[error("cannot make SSH keys in {}: {message}", folder.display())]
    Keys { folder: PathBuf, message: String },
    /// No connection; the machine may still be booting.
    #[error("no SSH connection to {address}: {message}")]
    Connect {
        address: SocketAddr,
        message: String,
    },
    /// The machine answered with a key that is not the one put into it.
    #[error("the machine at {address} shows another host key than the one given to it: {message}")]
    HostKey {
        address: SocketAddr,
        message: String,
    },
    #[error("{what} ended with code {code}: {message}")]
    Command {
        what: String,
        code: i32,
        message: String,
    },
    #[error("{what}: {source}")]
    Run { what: String, source: RunError },
}

/// Runs scripts on machines: the real thing, or a scripted one in tests.
#[async_trait]
pub(crate) trait Shell: Send + Sync + 'static {
    /// Runs a shell script with `interpreter`; an exit code other than 0 is an error that says `what`.
    async fn run(
        &self,
        ssh: &Ssh,
        what: &str,
        interpreter: &str,
        script: &str,
        timeout: Duration,
    ) -> Result<Output, SshError>;

    /// Whether an SSH server says hello. Cheaper for the guest than a login.
    async fn greets(&self, ssh: &Ssh) -> bool;

    /// Opens the connection that all later commands share, and with it the forward from the machine.
    fn open(&self, ssh: &Ssh, forward: Option<Forward>) -> Result<Option<Master>, SshError>;
}

/// What the machine finds at an address of its own: a socket of this host.
#[derive(Debug, Clone)]
pub(crate) struct Forward {
    /// `127.0.0.1:PORT` in the machine.
    pub(crate) from: &'static str,
    pub(crate) to: PathBuf,
}

/// The system's `ssh`.
pub(crate) struct SystemShell;

/// The way to one machine.
#[derive(Clone)]
pub(crate) struct Ssh {
    shell: Arc<dyn Shell>,
    pub(crate) address: SocketAddr,
    pub(crate) login: &'static str,
    identity: PathBuf,
    known_hosts: PathBuf,
    socket: PathBuf,
}

/// Holds the shared connection, also over a restart of the machine; closes it when dropped.
#[derive(Debug)]
pub(crate) struct Master {
    keeping: JoinHandle<()>,
    socket: PathBuf,
}

impl Drop for Master {
    fn drop(&mut self) {
        // The process ends with the task that has it.
        self.keeping.abort();
        drop(std::fs::remove_file(&self.socket));
    }
}

impl Ssh {
    pub(crate) fn new(
        shell: Arc<dyn Shell>,
        address: SocketAddr,
        login: &'static str,
        keys: &BuildKeys,
        folder: &Path,
    ) -> Self {
        let socket = socket_path(folder, "ssh", address);
        Self {
            shell,
            address,
            login,
            identity: keys.identity(),
            known_hosts: keys.known_hosts(),
            socket,
        }
    }

    /// The options that every connection to this machine is made with.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let options = [
            "ControlMaster=no".to_owned(),
            format!("ControlPath={}", self.socket.display()),
            format!("IdentityFile={}", self.identity.display()),
            "IdentitiesOnly=yes".to_owned(),
            "IdentityAgent=none".to_owned(),
            // The post-quantum exchange costs an emulated guest a second for each connection, on loopback for nothing.
            "KexAlgorithms=curve25519-sha256".to_owned(),
            "PreferredAuthentications=publickey".to_owned(),
            "PasswordAuthentication=no".to_owned(),
            "BatchMode=yes".to_owned(),
            "StrictHostKeyChecking=yes".to_owned(),
            format!("HostKeyAlias={HOST_ALIAS}"),
            format!("UserKnownHostsFile={}", self.known_hosts.display()),
            "GlobalKnownHostsFile=/dev/null".to_owned(),
            "UpdateHostKeys=no".to_owned(),
            "ForwardAgent=no".to_owned(),
            "ConnectTimeout=10".to_owned(),
            "ServerAliveInterval=15".to_owned(),
            // An emulated machine under load can be silent for long.
            "ServerAliveCountMax=20".to_owned(),
            "LogLevel=ERROR".to_owned(),
        ];
        let mut arguments = vec!["-F".to_owned(), "/dev/null".to_owned()];
        arguments.extend(
            options
                .into_iter()
                .flat_map(|option| ["-o".to_owned(), option]),
        );
        arguments
    }

    fn command(&self) -> Command {
        let mut command = Command::new("ssh");
        command
            .args(self.arguments())
            .arg("-p")
            .arg(self.address.port().to_string());
        command.env_remove("SSH_AUTH_SOCK");
        command
    }

    fn target(&self) -> String {
        format!("{}@{}", self.login, self.address.ip())
    }

    /// Whether an SSH server says hello.
    pub(crate) async fn greets(&self) -> bool {
        self.shell.greets(self).await
    }

    /// Opens the connection that all later commands share, and with it the forward from the machine.
    pub(crate) fn open(&self, forward: Option<Forward>) -> Result<Option<Master>, SshError> {
        self.shell.open(self, forward)
    }

    /// Runs a shell script as root; an exit code other than 0 is an error that says `what`.
    pub(crate) async fn root(
        &self,
        what: &str,
        script: &str,
        timeout: Duration,
    ) -> Result<Output, SshError> {
        self.shell
            .run(self, what, "sudo -n bash -s", script, timeout)
            .await
    }

    /// Runs a bash script with arguments as root.
    pub(crate) async fn root_bash(
        &self,
        what: &str,
        script: &str,
        arguments: &[String],
        timeout: Duration,
    ) -> Result<Output, SshError> {
        let mut interpreter = "sudo -n bash -s --".to_owned();
        for argument in arguments {
            interpreter.push(' ');
            interpreter.push_str(&quote(argument));
        }
        self.shell
            .run(self, what, &interpreter, script, timeout)
            .await
    }

    /// Runs a shell script as the user of the machine's seed.
    pub(crate) async fn user(
        &self,
        what: &str,
        script: &str,
        timeout: Duration,
    ) -> Result<Output, SshError> {
        self.shell.run(self, what, "sh -s", script, timeout).await
    }

    fn no_connection(&self, output: &Output) -> SshError {
        let message = output.complaint();
        let address = self.address;
        if is_about_host_key(&message) {
            return SshError::HostKey { address, message };
        }
        SshError::Connect { address, message }
    }
}

/// A place for a socket that belongs to a machine: in `folder`, or where that lies too deep or is
/// named as ssh would not read it, in the folder for temporary files.
pub(crate) fn socket_path(folder: &Path, name: &str, machine: SocketAddr) -> PathBuf {
    let port = machine.port();
    let path = folder.join(format!("{name}-{port}"));
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-".contains(byte);
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.len() <= SOCKET_PATH_LIMIT && bytes.iter().all(plain) {
        return path;
    }
    // The folder is a build's own, whoever works on it and whatever its machine's port is.
    let of = &hex::encode(Sha256::digest(bytes))[..16];
    std::env::temp_dir().join(format!("packyard-{name}-{of}"))
}

/// Whether this is ssh saying that the other end has another key than the one expected.
pub(crate) fn is_about_host_key(message: &str) -> bool {
    message.contains("Host key verification failed")
        || message.contains("HOST IDENTIFICATION HAS CHANGED")
}

/// As one word of the shell at the other end, whatever is in it.
pub(crate) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[async_trait]
impl Shell for SystemShell {
    async fn run(
        &self,
        ssh: &Ssh,
        what: &str,
        interpreter: &str,
        script: &str,
        timeout: Duration,
    ) -> Result<Output, SshError> {
        let mut command = ssh.command();
        command.arg("-T").arg(ssh.target()).arg(interpreter);
        let output = process::run(command, Some(script.as_bytes()), timeout, 16 << 20)
            .await
            .map_err(|source| SshError::Run {
                what: what.to_owned(),
                source,
            })?;
        match output.code {
            Some(0) => Ok(output),
            // 255 is ssh's own: there is no connection.
            Some(255) | None => Err(ssh.no_connection(&output)),
            Some(code) => Err(SshError::Command {
                what: what.to_owned(),
                code,
                message: output.complaint(),
            }),
        }
    }

    async fn greets(&self, ssh: &Ssh) -> bool {
        // The forward accepts before the guest listens: only the banner tells.
        let banner = async {
            let mut stream = TcpStream::connect(ssh.address).await?;
            let mut start = [0; 4];
            stream.read_exact(&mut start).await?;
            Ok::<bool, std::io::Error>(&start == b"SSH-")
        };
        matches!(
            tokio::time::timeout(GREETING_TIMEOUT, banner).await,
            Ok(Ok(true))
        )
    }

    fn open(&self, ssh: &Ssh, forward: Option<Forward>) -> Result<Option<Master>, SshError> {
        let mut tree = connect(ssh, forward.as_ref())?;
        let ssh = ssh.clone();
        let socket = ssh.socket.clone();
        let keeping = tokio::spawn(async move {
            loop {
                // A role may restart the machine.
                drop(tree.child.wait().await);
                tokio::time::sleep(BETWEEN_CONNECTIONS).await;
                match connect(&ssh, forward.as_ref()) {
                    Ok(again) => tree = again,
                    Err(error) => return tracing::warn!("{error}"),
                }
            }
        });
        Ok(Some(Master { keeping, socket }))
    }
}

fn connect(ssh: &Ssh, forward: Option<&Forward>) -> Result<Tree, SshError> {
    drop(std::fs::remove_file(&ssh.socket));
    let mut command = ssh.command();
    command.args(["-o", "ControlMaster=yes", "-N"]);
    if let Some(Forward { from, to }) = forward {
        command.args(["-o", "ExitOnForwardFailure=yes", "-R"]);
        command.arg(format!("{from}:{}", to.display()));
    }
    command
        .arg(ssh.target())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Tree::spawn(command).map_err(|source| SshError::Run {
        what: "open the SSH connection".to_owned(),
        source: RunError::Start {
            program: "ssh".to_owned(),
            source,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn a_quoted_word_stays_one_word() {
        let text = "a b'; rm -rf / #$(x)`y`\\";
        let echoed = std::process::Command::new("sh")
            .args(["-c", &format!("printf %s {}", quote(text))])
            .output()
            .expect("a shell");
        assert_eq!(String::from_utf8_lossy(&echoed.stdout), text);
    }
}
