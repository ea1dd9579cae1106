//! Publishes what a build needs: the base image, our packs with their bundle, a profile.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::binary::workspace;
use crate::cache;
use crate::server::Server;

/// The base image under the reference that our OS packs name.
pub fn base_image(server: &Server) -> Result<()> {
    let image = cache::base_image()?;
    let config = image.with_extension("json");
    server
        .run(&[
            "image",
            "import",
            text(&image)?,
            "library/images/base/debian-13:13",
            "--config",
            text(&config)?,
        ])?
        .ok()?;
    Ok(())
}

/// Every pack of `packs/`, the Kubernetes pack with its bundle.
pub fn packs(server: &Server) -> Result<()> {
    let components = cache::components()?;
    for layer in ["os", "kubernetes", "cni", "csi", "addon"] {
        for entry in std::fs::read_dir(workspace().join("packs").join(layer))? {
            let mut folder = entry?.path();
            let pinned = tempfile::tempdir()?;
            if layer == "kubernetes" {
                let target = pinned.path().join("pack");
                pin_packages(&folder, &components, &target)?;
                folder = target;
            }
            let mut push = vec!["pack", "push", text(&folder)?];
            if layer == "kubernetes" {
                push.extend(["--bundle", text(&components)?]);
            }
            server
                .run(&push)?
                .ok()
                .with_context(|| format!("push {}", folder.display()))?;
        }
    }
    Ok(())
}

/// A copy of a pack that names the Debian packages of today, as `make run` publishes it; what
/// the script says of them.
pub fn pin_packages(pack: &Path, components: &Path, target: &Path) -> Result<String> {
    let script = workspace().join("ci/pin-packages");
    let output = Command::new(&script)
        .args([pack, components, target])
        .output()
        .with_context(|| format!("run {}", script.display()))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{}: {said}", script.display());
    Ok(said)
}

/// One profile file; answers with its reference.
pub fn profile(server: &Server, file: &Path) -> Result<String> {
    let pushed = server.json(&["profile", "push", text(file)?])?;
    Ok(pushed["reference"]
        .as_str()
        .context("the profile's reference")?
        .to_owned())
}

/// A profile of `packs/profiles`, by its file name.
pub fn own_profile(server: &Server, name: &str) -> Result<String> {
    profile(server, &workspace().join("packs/profiles").join(name))
}

/// A path as an argument.
pub fn text(path: &Path) -> Result<&str> {
    path.to_str()
        .with_context(|| format!("{} is not UTF-8", path.display()))
}
