//! Collects the files of a bundle and checks every one of them.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use registry_client::hash_file;
use registry_pack::Pack;
use registry_pack::components::{
    BundleEntry, BundleManifest, Component, ComponentSet, Kind, SCHEMA_VERSION, Source,
};
use tokio::process::Command;

use crate::download::Download;
use crate::error::CliError;
use crate::progress::Bars;

/// The only machines that are built today.
const ARCHITECTURE: &str = "amd64";
/// No component is larger.
const MAX_COMPONENT_BYTES: u64 = 4 << 30;
/// A package comes from a mirror nearby.
const APT_TIMEOUT: Duration = Duration::from_secs(300);

/// The bundle whose files are all in one folder already.
pub(super) async fn from_folder(pack: &Pack, folder: &Path) -> Result<BundleManifest, CliError> {
    let mut entries = Vec::new();
    for component in components(pack)?
        .components
        .iter()
        .filter(|component| is_bundled(component))
    {
        entries.push(entry(component, &folder.join(&component.file)).await?);
    }
    Ok(manifest(entries))
}

/// The bundle whose files come from a folder where it has them, else from the
/// other sources that `components.yaml` allows; all of them end up in `output`.
pub(super) async fn gather(
    pack: &Pack,
    from: Option<&Path>,
    output: &Path,
    progress: &Bars,
) -> Result<BundleManifest, CliError> {
    let set = components(pack)?;
    tokio::fs::create_dir_all(output)
        .await
        .map_err(|error| CliError::io("create", output, &error))?;
    let mut entries = Vec::new();
    for component in &set.components {
        let place = output.join(&component.file);
        let at_hand = from
            .map(|folder| folder.join(&component.file))
            .filter(|file| file.exists());
        match at_hand {
            Some(file) if file != place => {
                tokio::fs::copy(&file, &place)
                    .await
                    .map_err(|error| CliError::io("copy", &file, &error))?;
            }
            Some(_) => {}
            None if place.exists() => {}
            None => fetch(component, &place, progress).await?,
        }
        entries.push(entry(component, &place).await?);
    }
    Ok(manifest(entries))
}

fn components(pack: &Pack) -> Result<ComponentSet, CliError> {
    let name = &pack.manifest.name;
    let text = pack.components.as_deref().ok_or_else(|| {
        CliError::usage(format!(
            "the pack {name} has no components.yaml, so it has no bundle"
        ))
        .hint("only Kubernetes packs need one")
    })?;
    Ok(ComponentSet::parse(text, registry_pack::components::FILE)?)
}

fn is_bundled(component: &Component) -> bool {
    component.sources.contains(&Source::Bundle)
}

fn manifest(components: Vec<BundleEntry>) -> BundleManifest {
    BundleManifest {
        schema_version: SCHEMA_VERSION,
        architecture: ARCHITECTURE.to_owned(),
        components,
    }
}

/// Hashes a file and compares it with what the pack says.
async fn entry(component: &Component, file: &Path) -> Result<BundleEntry, CliError> {
    if !file.exists() {
        return Err(CliError::not_found(format!(
            "the component {} is missing: {}",
            component.name,
            file.display()
        ))
        .hint("put the file there, or let `packyard pack bundle DIR --output FOLDER` fetch it"));
    }
    let (digest, size_bytes) = hash_file(file).await?;
    let sha256 = digest.hex().to_owned();
    if let Some(expected) = &component.sha256
        && *expected != sha256
    {
        return Err(CliError::failed(format!(
            "the component {} has the wrong checksum: {}: expected sha256:{expected}, got sha256:{sha256}",
            component.name,
            file.display()
        ))
        .hint("fetch or build the file again; change components.yaml only if you know that the new file is right"));
    }
    Ok(BundleEntry {
        name: component.name.clone(),
        version: component.version.clone(),
        kind: component.kind,
        file: component.file.clone(),
        sha256,
        size_bytes,
        purpose: component.purpose,
        install: component.install.clone(),
    })
}

async fn fetch(component: &Component, place: &Path, progress: &Bars) -> Result<(), CliError> {
    let mut tried = Vec::new();
    for source in &component.sources {
        let fetched = match source {
            Source::Bundle => continue,
            Source::Http { url } => {
                let download = Download {
                    url,
                    label: &component.file,
                    // The checksum is known, so the line need not be trusted.
                    plain_http: true,
                    max_bytes: MAX_COMPONENT_BYTES,
                };
                download.to(place, progress).await
            }
            Source::Apt => apt(component, place).await,
        };
        match fetched {
            Ok(()) => return Ok(()),
            Err(error) => tried.push(error),
        }
    }
    Err(tried.pop().unwrap_or_else(|| {
        CliError::not_found(format!(
            "the component {} is nowhere to fetch from",
            component.name
        ))
        .hint("put the file into the folder of --from, or name apt or http under its sources")
    }))
}

/// Lets this machine's package manager fetch the exact version, without installing it.
async fn apt(component: &Component, place: &Path) -> Result<(), CliError> {
    let failed = |why: String| {
        CliError::failed(format!(
            "cannot fetch the package {} with apt-get: {why}",
            component.name
        ))
        .hint("`apt-get update` first; the exact version must be in a repository of this machine")
    };
    if component.kind != Kind::Deb {
        return Err(failed("only packages come from apt".to_owned()));
    }
    let folder = tempfile::tempdir().map_err(|error| failed(error.to_string()))?;
    let output = Command::new("apt-get")
        .args([
            "--quiet",
            "download",
            &format!("{}={}", component.name, component.version),
        ])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = match tokio::time::timeout(APT_TIMEOUT, output).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(failed(error.to_string())),
        Err(_) => {
            return Err(failed(format!(
                "it took longer than {} seconds",
                APT_TIMEOUT.as_secs()
            )));
        }
    };
    if !output.status.success() {
        return Err(failed(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ));
    }
    let package =
        only_file(folder.path()).ok_or_else(|| failed("it fetched nothing".to_owned()))?;
    tokio::fs::copy(&package, place)
        .await
        .map_err(|error| CliError::io("write", place, &error))?;
    Ok(())
}

fn only_file(folder: &Path) -> Option<PathBuf> {
    let mut entries = std::fs::read_dir(folder).ok()?.flatten();
    entries.next().map(|entry| entry.path())
}
