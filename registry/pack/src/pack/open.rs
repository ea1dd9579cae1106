//! From a folder on disk to a [`Pack`].

use std::fs::File;
use std::path::Path;

use walkdir::{DirEntry, WalkDir};

use super::{Collector, Pack};
use crate::Limits;
use crate::error::PackError;

pub(super) fn open(dir: &Path, limits: &Limits) -> Result<Pack, PackError> {
    let remedy = "name the folder that holds pack.json";
    let metadata = std::fs::metadata(dir).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => {
            PackError::missing("the pack's folder", dir.display(), remedy)
        }
        _ => PackError::io("open", dir)(source),
    })?;
    if !metadata.is_dir() {
        return Err(PackError::missing(
            "the pack's folder",
            dir.display(),
            remedy,
        ));
    }
    let mut collector = Collector::new(limits);
    let walk = WalkDir::new(dir)
        .follow_links(false)
        .min_depth(1)
        .max_depth(limits.depth + 1);
    let is_content = |entry: &DirEntry| {
        !entry
            .file_name()
            .to_str()
            .is_some_and(super::is_version_control)
    };
    for entry in walk.into_iter().filter_entry(is_content) {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(dir).to_owned();
            PackError::io("walk", &path)(error.into())
        })?;
        add(&mut collector, dir, &entry)?;
    }
    Pack::of(folder_name(dir), dir.to_owned(), collector.finish())
}

/// The folder's own name, also where it was called `.`.
fn folder_name(dir: &Path) -> String {
    let full = std::fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    full.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn add(collector: &mut Collector<'_>, root: &Path, entry: &DirEntry) -> Result<(), PackError> {
    let path = relative(root, entry.path())?;
    collector.count_entry(&path)?;
    let kind = entry.file_type();
    if kind.is_dir() {
        return Ok(());
    }
    if !kind.is_file() {
        let why = if kind.is_symlink() {
            "it is a symbolic link"
        } else {
            "it is neither file nor folder"
        };
        return Err(PackError::refuse(
            &path,
            why,
            "replace it by a file with the content itself",
        ));
    }
    let file = File::open(entry.path()).map_err(PackError::io("open", entry.path()))?;
    let metadata = file
        .metadata()
        .map_err(PackError::io("read the size of", entry.path()))?;
    collector.check_size(&path, metadata.len())?;
    let read = collector.file(&path, executable(&metadata), metadata.len(), file)?;
    if read != metadata.len() {
        let changed = std::io::Error::other("it changed while it was read; do it again");
        return Err(PackError::io("read", entry.path())(changed));
    }
    Ok(())
}

fn relative(root: &Path, path: &Path) -> Result<String, PackError> {
    let relative = path.strip_prefix(root).unwrap_or(path);
    // What could not be unpacked again is refused here already.
    let parts = crate::archive::paths::parts(relative.as_os_str().as_encoded_bytes())?;
    Ok(parts.join("/"))
}

#[cfg(unix)]
fn executable(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn executable(_: &std::fs::Metadata) -> bool {
    false
}
