//! A new pack to begin with: small, complete, and without a complaint from the
//! lint. The files are templates beside this one; NAME stands for the name.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::PackError;
use crate::{Layer, PackName};

const LOGO: &[u8] = include_bytes!("logo.png");

/// Writes a new pack called `name` to `dir/name` and returns that folder.
/// It appears as a whole or not at all.
///
/// # Errors
/// [`PackError::Parse`] for a bad name, [`PackError::Unsafe`] if the folder
/// exists already, [`PackError::Io`] if it cannot be written.
pub fn create(dir: &Path, name: &str, layer: Layer) -> Result<PathBuf, PackError> {
    let name: PackName = name.parse()?;
    let target = dir.join(name.as_str());
    if target.symlink_metadata().is_ok() {
        let why = "the folder exists already";
        return Err(PackError::refuse(
            &target.to_string_lossy(),
            why,
            "remove it, or choose another name",
        ));
    }
    fs::create_dir_all(dir).map_err(PackError::io("make the folder", dir))?;
    let work = tempfile::Builder::new()
        .prefix(".new-pack-")
        .tempdir_in(dir);
    let work = work.map_err(PackError::io("make a temporary folder in", dir))?;
    let root = work.path().join(name.as_str());
    for (path, text) in files(&name, layer) {
        put(&root.join(path), text.as_bytes())?;
    }
    put(&root.join("logo.png"), LOGO)?;
    fs::rename(&root, &target).map_err(PackError::io("move the new pack to", &target))?;
    Ok(target)
}

fn files(name: &PackName, layer: Layer) -> Vec<(String, String)> {
    let fill = |text: &str| {
        let addon = if layer == Layer::Addon {
            "  \"addonType\": \"system app\",\n"
        } else {
            ""
        };
        text.replace("ADDON", addon)
            .replace("LAYER", layer.as_str())
            .replace("NAME", name.as_str())
    };
    let mut files = vec![("README.md".to_owned(), fill(include_str!("README.md")))];
    let mut add = |path: &str, text: &str| files.push((fill(path), fill(text)));
    match layer {
        Layer::Os => {
            add("pack.json", include_str!("os/pack.json"));
            add("values.yaml", include_str!("os/values.yaml"));
            add("customize/tasks/main.yml", include_str!("os/tasks.yml"));
        }
        Layer::K8s => {
            add("pack.json", include_str!("k8s/pack.json"));
            add("values.yaml", include_str!("k8s/values.yaml"));
            add("components.yaml", include_str!("k8s/components.yaml"));
        }
        Layer::Kernel => {
            add("pack.json", include_str!("kernel.json"));
            add("values.yaml", "");
        }
        Layer::Cni | Layer::Csi | Layer::Addon => {
            add("pack.json", include_str!("manifest/pack.json"));
            add("values.yaml", include_str!("manifest/values.yaml"));
            add(
                "manifests/NAME.yaml",
                include_str!("manifest/manifest.yaml"),
            );
        }
    }
    files
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), PackError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(PackError::io("make the folder", parent))?;
    }
    fs::write(path, bytes).map_err(PackError::io("write", path))
}
