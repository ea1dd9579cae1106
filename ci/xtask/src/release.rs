//! The programs that are measured, built as they are released.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::tree;

/// Builds `packyard` and the load generator; the folder that they are in.
pub(crate) fn programs() -> Result<PathBuf> {
    let mut command = Command::new(tree::cargo());
    command
        .args([
            "build",
            "--release",
            "--package",
            "packyard",
            "--package",
            "load",
        ])
        .current_dir(tree::root());
    finish(&mut command)?;
    Ok(target().join("release"))
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| tree::root().join("target"), PathBuf::from)
}

/// Runs a program, which has to end well.
pub(crate) fn finish(command: &mut Command) -> Result<()> {
    let program = command.get_program().display().to_string();
    let status = command.status().with_context(|| format!("run {program}"))?;
    ensure!(status.success(), "{program} ended with {status}");
    Ok(())
}
