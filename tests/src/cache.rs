//! What the set-up script left in the cache: the base image, the components, the virtual environment.
//!
//! A missing piece is an error that names the script: these tests do not pass by skipping.

use std::path::PathBuf;

use anyhow::{Result, ensure};

/// `${XDG_CACHE_HOME:-~/.cache}/packyard`.
pub fn folder() -> PathBuf {
    std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .unwrap_or_else(|| PathBuf::from("/var/cache"))
        .join("packyard")
}

/// The Debian 13 base image.
pub fn base_image() -> Result<PathBuf> {
    present("base/debian-13.qcow2")
}

/// The folder with Kubernetes' binaries, kube-bench and Debian's packages.
pub fn components() -> Result<PathBuf> {
    present("components/v1.34.4")
}

/// A program of the virtual environment that only tests need.
pub fn test_program(name: &str) -> Result<PathBuf> {
    present(&format!("venv-tests/bin/{name}"))
}

fn present(path: &str) -> Result<PathBuf> {
    let path = folder().join(path);
    ensure!(
        path.exists(),
        "{} is missing: run `make setup`",
        path.display()
    );
    Ok(path)
}
