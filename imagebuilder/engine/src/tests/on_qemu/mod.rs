//! The engine on real QEMU: processes, overlays, captures and images are real.
//!
//! Most guests here are a boot sector that comes up in a second and obeys the power button;
//! Ansible and what a guest answers over SSH are then the rehearsal's.

mod matrix;
mod reaper;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use database::Database;
use imagebuilder_provider::{Provider as _, ResourceKind};
use imagebuilder_provider_qemu::{QemuConfig, QemuProvider};
use serde_json::Value;
use tempfile::TempDir;

use crate::config::EngineConfig;
use crate::testing::World;

/// Writes `up` to the serial port, arms the power button, sleeps until it is pressed, and
/// switches off. The ports are those that QEMU's firmware gives to a q35 machine's ACPI.
#[rustfmt::skip]
const BOOT_SECTOR: [u8; 49] = [
    0x31, 0xc0,             // 00  xor ax, ax
    0x8e, 0xd8,             // 02  mov ds, ax
    0xbe, 0x2d, 0x7c,       // 04  mov si, 0x7c2d   the text
    0xac,                   // 07  lodsb
    0x84, 0xc0,             // 08  test al, al
    0x74, 0x06,             // 0a  jz 12
    0xba, 0xf8, 0x03,       // 0c  mov dx, 0x3f8    the serial port
    0xee,                   // 0f  out dx, al
    0xeb, 0xf5,             // 10  jmp 07
    0xba, 0x02, 0x06,       // 12  mov dx, 0x602    PM1 enable
    0xb8, 0x00, 0x01,       // 15  mov ax, 0x100    the power button
    0xef,                   // 18  out dx, ax
    0xfb,                   // 19  sti
    0xf4,                   // 1a  hlt              until the timer's next tick
    0xba, 0x00, 0x06,       // 1b  mov dx, 0x600    PM1 status
    0xed,                   // 1e  in ax, dx
    0xf6, 0xc4, 0x01,       // 1f  test ah, 1
    0x74, 0xf5,             // 22  jz 19
    0xba, 0x04, 0x06,       // 24  mov dx, 0x604    PM1 control
    0xb8, 0x00, 0x20,       // 27  mov ax, 0x2000   sleep, type 0: off
    0xef,                   // 2a  out dx, ax
    0xeb, 0xfe,             // 2b  jmp 2b
    b'u', b'p', b'\n', 0,   // 2d
];

/// A world on real QEMU. Its machines end with it, however it ends.
struct OnQemu {
    _end: End,
    world: World<QemuProvider>,
    data: PathBuf,
}

impl OnQemu {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("qemu");
        let base = boot_disk(folder.path());
        Self::on(folder, data, &base).await
    }

    async fn on(folder: TempDir, data: PathBuf, base: &[u8]) -> Self {
        let end = End(data.clone());
        let provider = open(&data).await;
        let world = World::on(folder, provider, Database::Sqlite, small, base).await;
        let machines = data.join("machines");
        world
            .shell
            .answer_when(Box::new(move |ssh| is_up(&machines, ssh)));
        Self {
            _end: end,
            world,
            data,
        }
    }

    /// `kill -9`, and the next process on the same folders.
    async fn crash(&mut self) {
        let data = self.data.clone();
        self.world
            .crash_and_open(async move || open(&data).await)
            .await;
    }

    /// No process, no machine, no image, and of disks those alone that a stage is kept in.
    async fn expect_clean(&self, about: &str) {
        self.world.expect_nothing_left(about).await;
        assert_eq!(processes(&self.data), Vec::<String>::new(), "{about}");
        for folder in ["machines", "images"] {
            let found = names(&self.data.join(folder));
            assert_eq!(found, Vec::<String>::new(), "{about}: in {folder}");
        }
        let stages = self.world.engine.shop.journal.stages().await.unwrap();
        let files = |disk: &str| [format!("{disk}.json"), format!("{disk}.qcow2")];
        let mut kept: Vec<_> = stages.iter().flat_map(|one| files(&one.disk)).collect();
        kept.sort();
        kept.dedup();
        assert_eq!(names(&self.data.join("disks")), kept, "{about}");
    }
}

async fn open(data: &Path) -> QemuProvider {
    QemuProvider::open(QemuConfig::new(data))
        .await
        .expect("a folder for QEMU")
}

/// As little as QEMU makes a machine of.
fn small(config: &mut EngineConfig) {
    config.machine = "1x64".parse().expect("a size");
    config.disk_size_bytes = 1 << 30;
    config.boot_timeout = Duration::from_secs(120);
    config.shutdown_timeout = Duration::from_secs(60);
}

/// A disk that boots in a second.
fn boot_disk(folder: &Path) -> Vec<u8> {
    let mut sector = [0_u8; 512];
    sector[..BOOT_SECTOR.len()].copy_from_slice(&BOOT_SECTOR);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    let (raw, disk) = (folder.join("boot.raw"), folder.join("boot.qcow2"));
    std::fs::write(&raw, sector).expect("a file");
    let converted = std::process::Command::new("qemu-img")
        .args(["convert", "-f", "raw", "-O", "qcow2"])
        .args([&raw, &disk])
        .status();
    assert!(converted.expect("qemu-img is installed").success());
    std::fs::read(disk).expect("a disk")
}

/// Whether the machine whose SSH is forwarded to this address has said that it is up.
fn is_up(machines: &Path, ssh: SocketAddr) -> bool {
    let read = |file: PathBuf| std::fs::read(file).unwrap_or_default();
    names(machines).iter().any(|name| {
        let folder = machines.join(name);
        let record: Value =
            serde_json::from_slice(&read(folder.join("machine.json"))).unwrap_or_default();
        record["sshPort"] == ssh.port() && read(folder.join("serial.log")).starts_with(b"up")
    })
}

/// Command lines of QEMU's programs that work in a folder.
fn processes(data: &Path) -> Vec<String> {
    let data = data.to_string_lossy().into_owned();
    let lines = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = lines.filter_map(|one| std::fs::read(one.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.starts_with("qemu") && line.contains(&data))
        .collect()
}

/// What lies in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Ends the machines of a folder when it is dropped, also where a test fails.
struct End(PathBuf);

impl Drop for End {
    fn drop(&mut self) {
        let data = self.0.clone();
        let work = async move {
            let provider = open(&data).await;
            for one in provider.resources().await.unwrap_or_default() {
                if let (ResourceKind::Machine, Ok(id)) = (one.kind, one.id.parse()) {
                    drop(provider.destroy(&id).await);
                }
            }
        };
        // The test's own runtime may be the one that is unwinding.
        let ended = std::thread::spawn(|| {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(work);
        });
        assert!(ended.join().is_ok() || std::thread::panicking());
    }
}
