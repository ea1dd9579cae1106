//! Our Ansible collection, carried in this program and unpacked where Ansible looks for it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use include_dir::{Dir, DirEntry, include_dir};
use registry_pack::PackError;
use registry_pack::values::{IMAGE_BUILDER, role_variables};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../ansible");

/// The collection `packyard.image`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Collection;

/// One file of a role of the collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoleFile {
    /// Relative to the role's folder.
    pub(crate) path: String,
    pub(crate) bytes: &'static [u8],
}

impl Collection {
    /// Unpacks the collection below `root`; the folder's name holds the content's digest, so another version is another folder.
    ///
    /// Answers with the folder for Ansible's `collections_path`.
    pub(crate) fn unpack(self, root: &Path) -> io::Result<PathBuf> {
        let target = root.join(&self.digest()[..16]);
        if target.exists() {
            return Ok(target);
        }
        fs::create_dir_all(root)?;
        let staging = tempfile::Builder::new()
            .prefix(crate::config::UNPACKING)
            .tempdir_in(root)?;
        let inner = staging.path().join("ansible_collections/packyard/image");
        fs::create_dir_all(&inner)?;
        write_all(&EMBEDDED, &inner)?;
        let staged = staging.keep();
        if let Err(error) = fs::rename(&staged, &target) {
            drop(fs::remove_dir_all(&staged));
            // Another build unpacked the same in the meantime.
            if !target.exists() {
                return Err(error);
            }
        }
        Ok(target)
    }

    /// The digest of every path and every byte.
    pub(crate) fn digest(self) -> String {
        let mut hash = Sha256::new();
        for (path, bytes) in files(&EMBEDDED) {
            hash.update((path.len() as u64).to_be_bytes());
            hash.update(path.as_bytes());
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        }
        hex::encode(hash.finalize())
    }

    /// The files of a role, sorted by path; empty where there is no such role.
    pub(crate) fn role(self, name: &str) -> Vec<RoleFile> {
        let prefix = format!("roles/{name}/");
        files(&EMBEDDED)
            .into_iter()
            .filter_map(|(path, bytes)| {
                Some(RoleFile {
                    path: path.strip_prefix(&prefix)?.to_owned(),
                    bytes,
                })
            })
            .collect()
    }

    /// A file of the collection as text; empty where there is no such file.
    pub(crate) fn text(self, path: &str) -> &'static str {
        EMBEDDED
            .get_file(path)
            .and_then(include_dir::File::contents_utf8)
            .unwrap_or_default()
    }

    /// The defaults of a role's variables.
    pub(crate) fn defaults(self, role: &str) -> Result<Map<String, Value>, PackError> {
        let path = format!("roles/{role}/defaults/main.yml");
        let text = self.text(&path).trim_start_matches("---");
        // Read as a section of a pack's values, for which there is a reader.
        let indented = text.replace('\n', "\n    ");
        let values = format!("{IMAGE_BUILDER}:\n  {role}:{indented}\n");
        role_variables(&values, &path, IMAGE_BUILDER, role)
    }

    /// The modules that the roles use, sorted by path.
    pub(crate) fn plugins(self) -> Vec<RoleFile> {
        files(&EMBEDDED)
            .into_iter()
            .filter(|(path, _)| path.starts_with("plugins/"))
            .map(|(path, bytes)| RoleFile { path, bytes })
            .collect()
    }
}

fn files(dir: &'static Dir<'static>) -> Vec<(String, &'static [u8])> {
    let mut all = Vec::new();
    collect(dir, &mut all);
    all.sort();
    all
}

fn collect(dir: &'static Dir<'static>, all: &mut Vec<(String, &'static [u8])>) {
    for entry in dir.entries() {
        match entry {
            DirEntry::Dir(below) => collect(below, all),
            DirEntry::File(file) => {
                all.push((file.path().to_string_lossy().into_owned(), file.contents()));
            }
        }
    }
}

fn write_all(dir: &'static Dir<'static>, target: &Path) -> io::Result<()> {
    for (path, bytes) in files(dir) {
        let path = target.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, bytes)?;
    }
    Ok(())
}
