//! Which paths an archive may have, and what they mean.

use std::collections::BTreeMap;

use crate::Limits;
use crate::error::PackError;

/// Refuses everything that could lead out of a folder, and everything that
/// would be another file on another system.
pub(crate) fn parts(path: &[u8]) -> Result<Vec<&str>, PackError> {
    let shown = String::from_utf8_lossy(path)
        .chars()
        .take(200)
        .collect::<String>();
    let remedy = "rename it, or leave it out, and make the archive again";
    let refuse = |why| PackError::refuse(&shown, why, remedy);
    let path = std::str::from_utf8(path).map_err(|_| refuse("its path is not UTF-8"))?;
    if path.starts_with('/') {
        return Err(refuse("its path is absolute"));
    }
    if path.chars().any(|c| c == '\\' || c.is_control()) {
        return Err(refuse("its path has a backslash or a control character"));
    }
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    if parts.contains(&"..") {
        return Err(refuse("its path leads out of the folder"));
    }
    Ok(parts)
}

/// The paths of an archive so far, to notice the same one twice. Folders that
/// are only named in the paths of their files count, too.
pub(super) struct Seen {
    paths: BTreeMap<String, Kind>,
    max: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    File,
    Folder,
}

impl Seen {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            paths: BTreeMap::new(),
            max: limits.entries,
        }
    }

    pub(super) fn file(&mut self, path: &str) -> Result<(), PackError> {
        self.parents(path)?;
        if self.paths.contains_key(path) {
            return Err(twice(path));
        }
        self.insert(path, Kind::File)
    }

    pub(super) fn folder(&mut self, path: &str) -> Result<(), PackError> {
        self.parents(path)?;
        self.insert_folder(path)
    }

    fn parents(&mut self, path: &str) -> Result<(), PackError> {
        path.match_indices('/')
            .try_for_each(|(end, _)| self.insert_folder(&path[..end]))
    }

    fn insert_folder(&mut self, path: &str) -> Result<(), PackError> {
        match self.paths.get(path) {
            Some(Kind::File) => Err(twice(path)),
            Some(Kind::Folder) => Ok(()),
            None => self.insert(path, Kind::Folder),
        }
    }

    fn insert(&mut self, path: &str, kind: Kind) -> Result<(), PackError> {
        self.paths.insert(path.to_owned(), kind);
        if self.paths.len() as u64 > self.max {
            return Err(PackError::too_large(
                "the number of files and folders",
                self.max,
            ));
        }
        Ok(())
    }
}

fn twice(path: &str) -> PackError {
    PackError::refuse(
        path,
        "the archive has it twice",
        "make the archive again from one folder",
    )
}
