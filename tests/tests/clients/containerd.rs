//! containerd: its `ctr` pulls and unpacks an image, as a Kubernetes node does, and pushes it.
//!
//! The daemon is one of our own, with its own folders and socket. It mounts what it
//! unpacks, so it takes root.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::binary::Ran;
use e2e::processes::wait_for;
use e2e::server::Server;
use e2e::tools;

use super::image_layout;

#[test]
fn containerd_pulls_unpacks_and_pushes() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        e2e::skip!("containerd mounts what it unpacks, which takes root");
    }
    let temp = tempfile::tempdir()?;
    let server = Server::start(&temp.path().join("data"), &[])?;
    let layout = image_layout(temp.path())?;
    for format in ["oci", "v2s2"] {
        let mut push = tools::client("skopeo");
        push.args(["--insecure-policy", "copy", "--dest-tls-verify=false"])
            .args(["--format", format])
            .arg(format!("oci:{}:demo", layout.display()))
            .arg(format!("docker://{}/nodes/demo:{format}", server.host()));
        tools::run(&mut push)?;
    }
    let containerd = Containerd::start(temp.path())?;
    for format in ["oci", "v2s2"] {
        let image = format!("{}/nodes/demo:{format}", server.host());
        let pulled = containerd.ctr(&["images", "pull", "--plain-http", &image])?;
        ensure!(pulled.stdout.contains("unpacking"), "{}", pulled.stdout);
        let copy = format!("{}/nodes/copy:{format}", server.host());
        containerd.ctr(&["images", "push", "--plain-http", &copy, &image])?;
        let digest =
            |image: &str| tools::run(tools::client("crane").args(["--insecure", "digest", image]));
        ensure!(digest(&image)?.stdout == digest(&copy)?.stdout, "{format}");
    }
    Ok(())
}

/// A running daemon; it ends when it is dropped.
struct Containerd {
    child: Child,
    socket: PathBuf,
}

impl Containerd {
    fn start(folder: &Path) -> Result<Self> {
        let (config, socket) = (
            folder.join("containerd.toml"),
            folder.join("containerd.sock"),
        );
        // Nothing of Kubernetes, and no snapshots on devices.
        let plugins = [
            "grpc.v1.cri",
            "snapshotter.v1.btrfs",
            "snapshotter.v1.devmapper",
        ]
        .map(|plugin| format!("\"io.containerd.{plugin}\""))
        .join(", ");
        let text = format!(
            "version = 2\nroot = {:?}\nstate = {:?}\ndisabled_plugins = [{plugins}]\n\
             [grpc]\naddress = {socket:?}\n",
            folder.join("containerd/root"),
            folder.join("containerd/state"),
        );
        std::fs::write(&config, text)?;
        let log = std::fs::File::create(folder.join("containerd.log"))?;
        let child = tools::client("containerd")
            .arg("--config")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("start containerd: `make setup` installs it")?;
        let containerd = Self { child, socket };
        wait_for("containerd to answer", Duration::from_secs(60), || {
            Ok(containerd.ctr(&["version"]).ok())
        })?;
        Ok(containerd)
    }

    fn ctr(&self, arguments: &[&str]) -> Result<Ran> {
        let mut command: Command = tools::client("ctr");
        tools::run(command.arg("--address").arg(&self.socket).args(arguments))
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        // Gone already is as good.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        drop(self.child.wait());
    }
}
