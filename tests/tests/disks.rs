//! Disks that are full or cannot be written to: clients are told the reason, nothing is lost, and
//! the server goes on by itself once the disk is well again.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use e2e::binary::workspace;
use e2e::server::Server;
use e2e::{fixtures, skip};
use reqwest::Method;
use tests_speaker::{Speaker, header, refused};

#[test]
fn a_full_disk_is_told_loses_nothing_and_is_used_again_when_it_has_room() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let Some(disk) = Mount::small(&temp.path().join("disk"))? else {
        skip!("mounting a small tmpfs needs root");
    };
    let server = Server::start(&disk.folder.join("data"), &[])?;
    push(&server, &workspace().join("packs/os/byo"))?.ok()?;

    let big = big_version(temp.path())?;
    push(&server, &big)?.refused(1, &["space"])?;
    expect_versions(&server, 1)?;
    pull(&server, "library/byo:1.0.0", &temp.path().join("again"))?;

    disk.remount("size=96m")?;
    push(&server, &big)?.ok()?;
    expect_versions(&server, 2)?;
    pull(&server, "library/byo:2.0.0", &temp.path().join("big-again"))
}

#[tokio::test]
async fn a_read_only_disk_is_told_is_read_on_and_is_used_again_when_it_can_be_written() -> Result<()>
{
    let temp = tempfile::tempdir()?;
    let server = Server::start(&temp.path().join("data"), &[])?;
    push(&server, &workspace().join("packs/os/byo"))?.ok()?;

    let Some(disk) = Mount::read_only(&server.data.join("registry/uploads"))? else {
        skip!("mounting a folder read-only needs root");
    };
    // Our own client would wait and try again, as it is told to.
    let registry = Speaker::to(server.host());
    let uploads = "/v2/library/spectro-packs/archive/byo/blobs/uploads/";
    let response = registry.send(Method::POST, uploads).await;
    assert_eq!(header(response.headers(), "retry-after"), "60");
    let told = refused(response, 503, "DENIED").await;
    ensure!(told.contains("read-only"), "{told}");
    expect_versions(&server, 1)?;
    pull(&server, "library/byo:1.0.0", &temp.path().join("again"))?;

    drop(disk);
    push(&server, &big_version(temp.path())?)?.ok()?;
    expect_versions(&server, 2)
}

fn push(server: &Server, pack: &Path) -> Result<e2e::binary::Ran> {
    server.run(&["pack", "push", pack.to_str().context("UTF-8")?])
}

fn pull(server: &Server, reference: &str, into: &Path) -> Result<()> {
    let into = into.to_str().context("UTF-8")?;
    server
        .run(&["pack", "pull", reference, "--output", into])?
        .ok()?;
    Ok(())
}

fn expect_versions(server: &Server, count: usize) -> Result<()> {
    let listed = server.json(&["pack", "ls"])?;
    let packs = listed["packs"].as_array();
    ensure!(
        packs.is_some_and(|packs| packs.len() == count),
        "{listed:#}"
    );
    Ok(())
}

/// The same pack with a file that does not fit on a small disk.
fn big_version(folder: &Path) -> Result<PathBuf> {
    let big = folder.join("big");
    fixtures::copy_folder(&workspace().join("packs/os/byo"), &big)?;
    fixtures::edit(
        &big.join("pack.json"),
        "\"version\": \"1.0.0\"",
        "\"version\": \"2.0.0\"",
    )?;
    std::fs::write(big.join("noise.bin"), incompressible(24 << 20))?;
    Ok(big)
}

/// Bytes that no compressor makes smaller: a xorshift generator's.
fn incompressible(size_bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut next)
        .flatten()
        .take(size_bytes)
        .collect()
}

/// Something mounted on a folder, unmounted when it is dropped.
struct Mount {
    folder: PathBuf,
}

impl Mount {
    /// A file system of 16 MiB.
    fn small(folder: &Path) -> Result<Option<Self>> {
        std::fs::create_dir(folder)?;
        Self::new(&["-t", "tmpfs", "-o", "size=16m", "packyard-test"], folder)
    }

    /// The folder itself, as a disk looks that the kernel took the writing from.
    fn read_only(folder: &Path) -> Result<Option<Self>> {
        let source = folder.to_str().context("UTF-8")?;
        let Some(mount) = Self::new(&["--bind", source], folder)? else {
            return Ok(None);
        };
        mount.remount("bind,ro")?;
        Ok(Some(mount))
    }

    fn new(arguments: &[&str], folder: &Path) -> Result<Option<Self>> {
        let mounted = Command::new("mount")
            .args(arguments)
            .arg(folder)
            .stderr(Stdio::null())
            .status()?;
        Ok(mounted.success().then(|| Self {
            folder: folder.to_owned(),
        }))
    }

    fn remount(&self, option: &str) -> Result<()> {
        let mounted = Command::new("mount")
            .args(["-o", &format!("remount,{option}")])
            .arg(&self.folder)
            .status()?;
        ensure!(mounted.success(), "remount with {option}: {mounted}");
        Ok(())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a server that a failed test left may still hold a file.
        let unmounted = Command::new("umount")
            .arg("--lazy")
            .arg(&self.folder)
            .status();
        drop(unmounted);
    }
}
