//! How each server is told what to do. Both registries log errors only, so that neither pays for
//! a line for each request; both run with their defaults else.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{Programs, own};
use crate::wire::Certificate;

pub(super) fn packyard(
    programs: &Programs,
    folder: &Path,
    address: SocketAddr,
    certificate: Option<&Certificate>,
) -> Command {
    let mut command = Command::new(&programs.packyard);
    command
        .args(["serve", "--listen", &address.to_string(), "--data"])
        .arg(folder)
        .env("PACKYARD_BUILDER", "false")
        .env("PACKYARD_LOG", "warn");
    if let Some(file) = &programs.config {
        command.arg("--config").arg(file);
    }
    if let Some(files) = certificate {
        command
            .env("PACKYARD_TLS_CERTIFICATE", &files.certificate)
            .env("PACKYARD_TLS_KEY", &files.key);
    }
    command
}

pub(super) fn distribution(
    program: &Path,
    folder: &Path,
    address: SocketAddr,
    certificate: Option<&Certificate>,
) -> Result<Command> {
    let tls = certificate.map_or_else(String::new, |files| {
        format!(
            "  tls:\n    certificate: {}\n    key: {}\n",
            files.certificate.display(),
            files.key.display()
        )
    });
    // Its own example's storage: a folder, and a cache of descriptors in memory.
    let text = format!(
        "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  \
         cache:\n    blobdescriptor: inmemory\n  delete:\n    enabled: true\n  filesystem:\n    \
         rootdirectory: {}\nhttp:\n  addr: {address}\n  secret: load\n{tls}catalog:\n  \
         maxentries: 1000\n",
        folder.display()
    );
    let file = folder.with_extension("yaml");
    std::fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
    let mut command = Command::new(program);
    command
        .arg("serve")
        .arg(file)
        .env("OTEL_TRACES_EXPORTER", "none");
    Ok(command)
}

pub(super) fn bare(folder: &Path, address: SocketAddr) -> Result<Command> {
    let mut command = own(&["bare", "--listen", &address.to_string(), "--folder"])?;
    command.arg(folder);
    Ok(command)
}
