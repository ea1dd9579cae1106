//! What the tests need of this host: the tools, and small disks.

use std::path::{Path, PathBuf};
use std::process::Command;

use imagebuilder_provider::{
    DiskFormat, DiskId, DiskSource, HostKey, MachineId, MachineSpec, Network, Provider as _,
    ResourceKind, Seed, Tags,
};
use imagebuilder_provider_qemu::{QemuConfig, QemuProvider};
use jiff::{SignedDuration, Timestamp};
use registry_pack::Digest;
use serde_json::Value;

/// The size of the empty disks.
pub(crate) const DISK_BYTES: u64 = 64 << 20;

/// A data folder. When the test ends, however it ends, so does every machine in it.
pub(crate) struct Data {
    folder: tempfile::TempDir,
}

impl Data {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Where a test may put files of its own.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the provider is given.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Opens it, as a process does that starts.
    pub(crate) async fn open(&self) -> QemuProvider {
        open(&self.data()).await
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        let data = self.data();
        let work = async move {
            let provider = open(&data).await;
            for resource in provider.resources().await.unwrap_or_default() {
                if let (ResourceKind::Machine, Ok(id)) = (resource.kind, resource.id.parse()) {
                    provider.destroy(&id).await.ok();
                }
            }
        };
        // The test's own runtime may be the one that is unwinding.
        let ended =
            std::thread::spawn(|| tokio::runtime::Runtime::new().unwrap().block_on(work)).join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

/// Opens the folder, as a process does that starts.
pub(crate) async fn open(data: &Path) -> QemuProvider {
    QemuProvider::open(QemuConfig::new(data))
        .await
        .expect("the folder can be opened")
}

/// Makes an empty disk.
pub(crate) fn empty_disk(folder: &Path) -> DiskSource {
    let path = folder.join("empty.qcow2");
    qemu_img(&[
        "create",
        "-q",
        "-f",
        "qcow2",
        &path.to_string_lossy(),
        &DISK_BYTES.to_string(),
    ]);
    let digest = Digest::sha256(&std::fs::read(&path).unwrap());
    DiskSource {
        digest,
        path,
        format: DiskFormat::Qcow2,
        parent: None,
    }
}

/// Runs `qemu-img`; gives what it wrote.
pub(crate) fn qemu_img(arguments: &[&str]) -> String {
    let output = Command::new("qemu-img")
        .args(arguments)
        .output()
        .expect("qemu-img is installed");
    assert!(
        output.status.success(),
        "qemu-img {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// A folder with two small files.
pub(crate) fn media_folder(folder: &Path) -> PathBuf {
    let dir = folder.join("media");
    std::fs::create_dir_all(dir.join("components")).unwrap();
    std::fs::write(dir.join("bundle.json"), b"{}").unwrap();
    std::fs::write(dir.join("components/kubelet"), b"not really").unwrap();
    dir
}

/// A machine on an empty disk: its firmware finds nothing to boot and waits.
pub(crate) fn spec(build: &str, disk: DiskId) -> MachineSpec {
    MachineSpec {
        tags: Tags {
            build: build.parse().unwrap(),
            purpose: "build".to_owned(),
            attempt: 1,
            deadline: Timestamp::now() + SignedDuration::from_hours(1),
        },
        disk,
        cpus: 1,
        memory_bytes: 128 << 20,
        disk_size_bytes: DISK_BYTES,
        seed: Seed {
            instance_id: build.to_owned(),
            hostname: build.to_owned(),
            user: "packyard-build".to_owned(),
            ssh_authorized_key: "ssh-ed25519 AAAA user".to_owned(),
            ssh_host_key: HostKey {
                private: "none\n".to_owned(),
                public: "ssh-ed25519 AAAA host".to_owned(),
            },
            extra: None,
        },
        media: Vec::new(),
        network: Network::Offline,
    }
}

/// Imports an empty disk.
pub(crate) async fn import(host: &Data, provider: &QemuProvider) -> DiskId {
    provider
        .import_disk(&empty_disk(host.folder()))
        .await
        .unwrap()
}

/// What exists, as kind and name.
pub(crate) async fn names(provider: &QemuProvider) -> Vec<(ResourceKind, String)> {
    let found = provider.resources().await.unwrap();
    found
        .into_iter()
        .map(|resource| (resource.kind, resource.id))
        .collect()
}

/// Reads and rewrites a machine's record, as a crash would have left it.
pub(crate) fn edit_record(host: &Data, id: &MachineId, edit: impl FnOnce(&mut Value)) -> Value {
    let path = host
        .data()
        .join("machines")
        .join(id.as_str())
        .join("machine.json");
    let mut record: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let before = record.clone();
    edit(&mut record);
    std::fs::write(&path, record.to_string()).unwrap();
    before
}

/// Whether the process lives; one that waits to be reaped does not.
pub(crate) fn lives(pid: u64) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')')
        .is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

/// A program of a few lines of shell.
pub(crate) fn script(folder: &Path, name: &str, lines: &str) -> PathBuf {
    let path = folder.join(name);
    // Another process writes it: while a file is open for writing here, a program that
    // another test starts at that moment holds it open too, and it cannot be run.
    let mut writer = Command::new("sh");
    writer.args([
        "-c",
        "printf '#!/bin/sh\\n%s\\n' \"$2\" > \"$1\" && chmod 755 \"$1\"",
        "sh",
    ]);
    assert!(writer.arg(&path).arg(lines).status().unwrap().success());
    path
}
