//! The volume that brings components into a machine: the bundle's files, checked, in one read-only folder.

use std::path::{Path, PathBuf};
use std::time::Duration;

use imagebuilder_provider::{Media, MediaLabel};

use crate::build::Build;
use crate::failure::Failure;
use crate::machine::LiveMachine;
use crate::registry::RegistryError;
use crate::resolve::{Bundle, ResolvedComponent};

/// Where roles find the volume.
pub(crate) const MOUNT_POINT: &str = "/run/packyard/media";
/// The files of the bundle on it.
pub(crate) const COMPONENTS: &str = "/run/packyard/media/components";
const LABEL: &str = "PACKYARD";
const MOUNT_TIMEOUT: Duration = Duration::from_secs(120);

/// Fetches what the build needs of the bundle and lays it out as a volume; none where nothing is needed.
pub(crate) async fn assemble(build: &Build) -> Result<Vec<Media>, Failure> {
    let resolved = build.resolved()?;
    let needed: Vec<&ResolvedComponent> = resolved
        .components
        .iter()
        .filter(|one| one.source == "bundle")
        .collect();
    let Some(bundle) = resolved.bundle.as_ref().filter(|_| !needed.is_empty()) else {
        return Ok(Vec::new());
    };
    let dir = build.path("media")?;
    // A try that was interrupted may have left half of it.
    drop(std::fs::remove_dir_all(&dir));
    let files = dir.join("components");
    let host = |what: &Path| {
        let what = format!("lay out the volume in {}", what.display());
        move |error: std::io::Error| Failure::host(&what, &error)
    };
    std::fs::create_dir_all(&files).map_err(host(&files))?;
    for component in needed {
        let stored = fetch(build, bundle, component).await?;
        let target = files.join(&component.file);
        std::fs::hard_link(&stored, &target).map_err(host(&target))?;
    }
    let manifest = serde_json::to_vec_pretty(&bundle.manifest)
        .map_err(|error| Failure::person("Internal", error.to_string()))?;
    std::fs::write(dir.join("bundle.json"), manifest).map_err(host(&dir))?;
    let label: MediaLabel = LABEL.parse()?;
    Ok(vec![Media { label, dir }])
}

/// One component on this host, named by its checksum.
async fn fetch(
    build: &Build,
    bundle: &Bundle,
    component: &ResolvedComponent,
) -> Result<PathBuf, Failure> {
    let sha256 = component.sha256.as_deref().unwrap_or_default();
    let folder = build.shop.config.components();
    let path = folder.join(sha256);
    let _turn = build.shop.fetching.take(sha256).await;
    if path.exists() {
        return Ok(path);
    }
    std::fs::create_dir_all(&folder)
        .map_err(|error| Failure::host(&format!("make the folder {}", folder.display()), &error))?;
    let blob = bundle.files.get(sha256).ok_or_else(|| {
        let message = format!("component {} is in no layer of its bundle; fill the bundle again with `packyard pack bundle --push`", component.name);
        Failure::person("ComponentMissing", message)
    })?;
    match build
        .shop
        .registry
        .download(&bundle.repository, blob, &path)
        .await
    {
        Ok(()) => executable(&path).map(|()| path),
        Err(RegistryError::Mismatch {
            expected, actual, ..
        }) => {
            let message = format!(
                "component {} {} has the wrong checksum: expected {expected}, actual {actual}; fill the bundle again with `packyard pack bundle --push`",
                component.name, component.version
            );
            Err(Failure::person("ChecksumMismatch", message))
        }
        Err(other) => Err(other.into()),
    }
}

/// Programs run from the volume: its files keep the mode that they have here.
fn executable(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
        .map_err(|error| Failure::host(&format!("change the mode of {}", path.display()), &error))
}

/// Mounts the volume where roles look for it.
pub(crate) async fn mount(machine: &LiveMachine) -> Result<(), Failure> {
    let script = format!(
        "set -e; mkdir -p {MOUNT_POINT}; mountpoint -q {MOUNT_POINT} || mount -o ro LABEL={LABEL} {MOUNT_POINT}"
    );
    machine
        .ssh
        .root(
            "mount the volume with the components",
            &script,
            MOUNT_TIMEOUT,
        )
        .await?;
    Ok(())
}
