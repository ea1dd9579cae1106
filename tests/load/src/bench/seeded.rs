//! A registry with much in it, made quickly: filled while its folder lies in memory, where nothing
//! waits for a disk, and measured on a copy that lies on the disk.
//!
//! Made durable one by one, a hundred thousand things take long.

use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::Bench;
use crate::server::{Kind, Programs, Server};

/// A file system in memory, which every Linux has.
const MEMORY: &str = "/dev/shm";

/// Starts a registry in the folder of this name, with what `fill` puts in.
pub(super) fn seeded(
    bench: &Bench<'_>,
    programs: &Programs,
    name: &str,
    fill: impl FnOnce(&Server) -> Result<()>,
) -> Result<Server> {
    let memory = tempfile::tempdir_in(MEMORY).with_context(|| format!("use {MEMORY}"))?;
    let quick = memory.path().join(name);
    let server = Server::start(Kind::Ours, programs, &quick, None)?;
    fill(&server)?;
    server.stop()?;
    let folder = bench.folder.path().join(name);
    copy_folder(&quick, &folder)?;
    let copied = File::open(&folder).context("open the copy")?;
    rustix::fs::syncfs(copied).context("wait for the disk")?;
    Server::start(Kind::Ours, programs, &folder, None)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("create {}", to.display()))?;
    for entry in std::fs::read_dir(from).with_context(|| format!("list {}", from.display()))? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy_folder(&source, &target)?;
        } else {
            std::fs::copy(&source, &target)
                .with_context(|| format!("copy {}", source.display()))?;
        }
    }
    Ok(())
}
