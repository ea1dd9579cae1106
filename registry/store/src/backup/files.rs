//! Files of a backup: linked where that is possible, else copied, and synced. All calls block.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use registry_pack::{Algorithm, Digest};

use crate::content::Hasher;
use crate::error::{Result, StoreError};

/// One copy's buffer.
const BUFFER_BYTES: usize = 1 << 20;

/// Brings a file to a place where nothing is yet, or something of the same size; whether it was
/// brought. Nothing when there is no such file.
pub(super) fn bring(from: &Path, to: &Path, copy: bool) -> Result<Option<bool>> {
    let size = match fs::metadata(from) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io("look at", from, error)),
    };
    if fs::metadata(to).is_ok_and(|there| there.len() == size) {
        return Ok(Some(false));
    }
    make_parent(to)?;
    if !copy && fs::hard_link(from, to).is_ok() {
        return Ok(Some(true));
    }
    let part = part_of(to);
    let copied = fs::copy(from, &part).and_then(|_| File::open(&part)?.sync_all());
    match copied.and_then(|()| fs::rename(&part, to)) {
        Ok(()) => Ok(Some(true)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("write", to, error)),
    }
}

/// Copies a file and says what digest it has; nothing when it is not there.
pub(super) fn copy_hashed(from: &Path, to: &Path, algorithm: Algorithm) -> Result<Option<Digest>> {
    let mut source = match File::open(from) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io("open", from, error)),
    };
    make_parent(to)?;
    let fail = |error| StoreError::io("write", to, error);
    let mut target = File::create(to).map_err(fail)?;
    let mut hasher = Hasher::new(algorithm);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let length = source
            .read(&mut buffer)
            .map_err(|error| StoreError::io("read", from, error))?;
        if length == 0 {
            break;
        }
        hasher.update(&buffer[..length]);
        target.write_all(&buffer[..length]).map_err(fail)?;
    }
    target.sync_all().map_err(fail)?;
    Ok(Some(hasher.digest()))
}

/// All files below a folder.
pub(super) fn walk(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(StoreError::io("list", &folder, error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| StoreError::io("list", &folder, error))?;
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(entry.path()),
                Ok(kind) if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    Ok(found)
}

/// Syncs a folder and all folders below it.
pub(super) fn sync_tree(folder: &Path) -> Result<()> {
    let fail = |error| StoreError::io("sync", folder, error);
    for entry in fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        if entry.file_type().map_err(fail)?.is_dir() {
            sync_tree(&entry.path())?;
        }
    }
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(fail)
}

/// Writes a small file at once.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let part = part_of(path);
    let written = File::create(&part).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written
        .and_then(|()| fs::rename(&part, path))
        .map_err(|error| StoreError::io("write", path, error))
}

/// The name of a file that is not finished.
pub(super) fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

fn make_parent(path: &Path) -> Result<()> {
    match path.parent() {
        Some(parent) => {
            fs::create_dir_all(parent).map_err(|error| StoreError::io("create", parent, error))
        }
        None => Ok(()),
    }
}
