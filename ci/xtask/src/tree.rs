//! The work tree: where it is and which files belong to it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// The folder with the workspace's `Cargo.toml`.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("ci/xtask is two folders below the root")
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

/// Builds the program of this tree; where it is.
///
/// All programs of the workspace are built: a package by itself has libraries with fewer features
/// than the tests', and they would be compiled once more for it.
pub(crate) fn built_packyard(root: &Path) -> Result<PathBuf> {
    let status = Command::new(cargo())
        .args(["build", "--quiet", "--workspace", "--bins"])
        .current_dir(root)
        .status()
        .context("run cargo build")?;
    ensure!(status.success(), "cargo build ended with {status}");
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("debug/packyard"))
}

/// All files that are in the repository or would be with the next commit, relative to `root`, sorted.
pub(crate) fn files(root: &Path) -> Result<Vec<String>> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root)
        .output()
        .context("run git ls-files")?;
    ensure!(
        output.status.success(),
        "git ls-files ended with {}",
        output.status
    );
    let mut files: Vec<String> = String::from_utf8(output.stdout)
        .context("read file names as UTF-8")?
        .split_terminator('\0')
        .filter(|file| root.join(file).is_file())
        .map(str::to_owned)
        .collect();
    files.sort();
    files.dedup();
    Ok(files)
}

/// The text of a file of the tree; `None` if it is not text.
pub(crate) fn text(root: &Path, file: &str) -> Result<Option<String>> {
    let bytes = std::fs::read(root.join(file)).with_context(|| format!("read {file}"))?;
    Ok(String::from_utf8(bytes).ok())
}

/// A folder with the given files, for tests of the checks.
#[cfg(test)]
pub(crate) fn seeded(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder for the test");
    for (file, text) in files {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().expect("files lie in folders")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    folder
}
