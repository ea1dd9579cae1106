//! A machine that boots, and talking to it as the engine does: a key, and a host key known before.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use imagebuilder_provider::{HostKey, Seed, switch_off_after};
use serde_json::{Map, json};
use tokio::process::Command;

/// An emulated machine on a busy host boots in a minute or two.
const BOOT_LIMIT: Duration = Duration::from_secs(600);
const COMMAND_LIMIT: Duration = Duration::from_secs(120);
/// After so long the guest switches itself off.
const LIFETIME: Duration = Duration::from_secs(3600);

/// The keys of one machine.
pub(crate) struct Guest {
    folder: PathBuf,
    name: String,
}

impl Guest {
    /// Makes the keys.
    pub(crate) async fn new(folder: &Path, name: &str) -> Self {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        for key in ["user", "host"] {
            let mut command = Command::new("ssh-keygen");
            command
                .args(["-q", "-t", "ed25519", "-N", "", "-C", key, "-f"])
                .arg(folder.join(key));
            assert!(
                command
                    .status()
                    .await
                    .expect("ssh-keygen is installed")
                    .success()
            );
        }
        Self {
            folder,
            name: name.to_owned(),
        }
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.folder.join(file)).unwrap()
    }

    /// What the machine is told.
    pub(crate) fn seed(&self) -> Seed {
        Seed {
            instance_id: self.name.clone(),
            hostname: self.name.clone(),
            user: "packyard-build".to_owned(),
            ssh_authorized_key: self.read("user.pub").trim().to_owned(),
            ssh_host_key: HostKey {
                private: self.read("host"),
                public: self.read("host.pub").trim().to_owned(),
            },
            extra: Some(Map::from_iter([(
                "bootcmd".to_owned(),
                json!([switch_off_after(LIFETIME)]),
            )])),
        }
    }

    /// Runs a command in the guest; none where it does not answer.
    pub(crate) async fn try_run(&self, ssh: SocketAddr, command: &str) -> Option<String> {
        let known_hosts = self.folder.join("known_hosts");
        let line = format!("[{}]:{} {}", ssh.ip(), ssh.port(), self.read("host.pub"));
        std::fs::write(&known_hosts, line).unwrap();
        let mut client = Command::new("ssh");
        client.args([
            "-F",
            "none",
            "-o",
            "BatchMode=yes",
            "-o",
            "StrictHostKeyChecking=yes",
            "-o",
            "ConnectTimeout=20",
        ]);
        client
            .arg("-o")
            .arg(format!("UserKnownHostsFile={}", known_hosts.display()));
        client
            .arg("-o")
            .arg("IdentitiesOnly=yes")
            .arg("-i")
            .arg(self.folder.join("user"));
        client.args([
            "-p",
            &ssh.port().to_string(),
            &format!("packyard-build@{}", ssh.ip()),
            command,
        ]);
        client.stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(COMMAND_LIMIT, client.output())
            .await
            .ok()?
            .expect("ssh is installed");
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Runs a command that has to work.
    pub(crate) async fn run(&self, ssh: SocketAddr, command: &str) -> String {
        self.try_run(ssh, command)
            .await
            .unwrap_or_else(|| panic!("the guest did not do: {command}"))
    }

    /// Waits until it answers; gives how long that took.
    pub(crate) async fn wait(&self, ssh: SocketAddr) -> Duration {
        let start = Instant::now();
        while self.try_run(ssh, "true").await.is_none() {
            assert!(start.elapsed() < BOOT_LIMIT, "the guest does not answer");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        start.elapsed()
    }
}

/// The base image that the set-up makes, if it was made.
pub(crate) fn base_image() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    cache
        .join("packyard/base/debian-13.qcow2")
        .canonicalize()
        .ok()
}
