//! From a folder on disk to a [`Pack`].

use std::fs::File;
use std::path::Path;

use walkdir::{DirEntry, WalkDir};

use super::{Collector, Pack};
use crate::Limits;
use crate::error::PackError;

/// Folders of version control systems: not content, and different everywhere.
const VERSION_CONTROL: &[&str] = &[".git", ".hg", ".svn"];

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
    // A file `.git` is a worktree's pointer to its repository.
    for entry in walk
        .into_iter()
        .filter_entry(|entry| !is_version_control(entry))
    {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(dir).to_owned();
            PackError::io("walk", &path)(error.into())
        })?;
        add(&mut collector, dir, &entry)?;
    }
    Pack::of(dir.to_owned(), collector.finish()?)
}

fn is_version_control(entry: &DirEntry) -> bool {
    VERSION_CONTROL
        .iter()
        .any(|name| entry.file_name() == *name)
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
    collector
        .file(&path, executable(&metadata), metadata.len(), file)
        .map(drop)
}

fn relative(root: &Path, path: &Path) -> Result<String, PackError> {
    let relative = path.strip_prefix(root).unwrap_or(path);
    let parts: Option<Vec<&str>> = relative.iter().map(|part| part.to_str()).collect();
    parts.map(|parts| parts.join("/")).ok_or_else(|| {
        PackError::refuse(
            &relative.to_string_lossy(),
            "its name is not UTF-8",
            "rename the file",
        )
    })
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
