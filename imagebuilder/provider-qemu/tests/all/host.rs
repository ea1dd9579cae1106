//! What the tests need of this host: the tools, and small disks.

use std::path::{Path, PathBuf};
use std::process::Command;

use imagebuilder_provider::{DiskFormat, DiskSource, Provider as _, ResourceKind};
use imagebuilder_provider_qemu::{QemuConfig, QemuProvider};
use registry_pack::Digest;

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
