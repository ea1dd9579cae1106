//! From an archive to a folder.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::entries::{self, Visitor};
use crate::error::PackError;
use crate::{Limits, Pack};

/// Unpacks an archive into `dest/<name>-<version>` and returns that folder.
///
/// The name comes from `pack.json`, not from the archive's top folder. `dest`
/// is made if it is not there. Everything is unpacked beside the target and
/// moved there at the end: on any failure nothing is left.
///
/// # Errors
/// [`PackError::Unsafe`] and [`PackError::TooLarge`] for archives that are
/// refused, also if the target exists; [`PackError::Archive`] for damaged ones.
pub fn unpack<R: Read>(gz: R, dest: &Path, limits: &Limits) -> Result<PathBuf, PackError> {
    fs::create_dir_all(dest).map_err(PackError::io("make the folder", dest))?;
    let work = tempfile::Builder::new()
        .prefix(".unpack-")
        .tempdir_in(dest)
        .map_err(PackError::io("make a temporary folder in", dest))?;
    let root = work.path().join("pack");
    make_folder(&root)?;
    let mut writer = Writer { root: &root };
    let (top, collected) = entries::read(gz, limits, &mut writer)?;
    let pack = Pack::of(top, PathBuf::new(), collected)?;
    let target = dest.join(pack.folder_name());
    if target.symlink_metadata().is_ok() {
        let why = "the target exists already";
        return Err(PackError::refuse(
            &target.to_string_lossy(),
            why,
            "remove it, or unpack elsewhere",
        ));
    }
    fs::rename(&root, &target).map_err(PackError::io("move the unpacked pack to", &target))?;
    Ok(target)
}

struct Writer<'a> {
    root: &'a Path,
}

impl Visitor for Writer<'_> {
    fn folder(&mut self, path: &str) -> Result<(), PackError> {
        make_folder(&self.root.join(path))
    }

    fn file(&mut self, path: &str, executable: bool) -> Result<Box<dyn Write>, PackError> {
        let path = self.root.join(path);
        if let Some(parent) = path.parent() {
            make_folder(parent)?;
        }
        Ok(Box::new(make_file(&path, executable)?))
    }
}

fn make_folder(path: &Path) -> Result<(), PackError> {
    DirBuilder::new()
        .recursive(true)
        .create(path)
        .map_err(PackError::io("make the folder", path))
}

/// A new file; never one that is there, so that no link is ever followed.
fn make_file(path: &Path, executable: bool) -> Result<File, PackError> {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    let file = file.map_err(PackError::io("make the file", path))?;
    set_mode(&file, if executable { 0o755 } else { 0o644 })
        .map_err(PackError::io("set the mode of", path))?;
    Ok(file)
}

#[cfg(unix)]
fn set_mode(file: &File, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    // Explicitly, because the umask must not decide about the digest.
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_: &File, _: u32) -> std::io::Result<()> {
    Ok(())
}
