//! Packs and archives for the tests, made in code.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use registry_pack::{Limits, Pack, PackError};
use tar::{EntryType, Header};
use tempfile::TempDir;

/// The smallest `pack.json` that is allowed, with more keys put in.
pub(crate) fn pack_json(more: &str) -> String {
    format!(
        r#"{{"name": "demo", "displayName": "Demo", "version": "1.0.0", "layer": "addon"{more}}}"#
    )
}

/// Writes files into a fresh folder called `demo`.
pub(crate) fn folder(files: &[(&str, &str)]) -> (TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("demo");
    fs::create_dir(&root).unwrap();
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    (temp, root)
}

pub(crate) fn open(dir: &Path) -> Result<Pack, PackError> {
    Pack::open(dir, &Limits::default())
}

/// A tar archive of entries that no ordinary program would write.
pub(crate) struct Tar(tar::Builder<Vec<u8>>);

impl Tar {
    pub(crate) fn new() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }

    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        self.entry(EntryType::Regular, path, text.as_bytes())
    }

    /// Puts the path into the header as it is, `..` and all.
    pub(crate) fn entry(mut self, kind: EntryType, path: &str, bytes: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(bytes.len() as u64);
        if kind.is_symlink() || kind.is_hard_link() {
            header.set_link_name("elsewhere").unwrap();
        }
        header.set_cksum();
        self.0.append(&header, bytes).unwrap();
        self
    }

    /// A file whose path is in a PAX header.
    pub(crate) fn pax_file(mut self, path: &str, text: &str) -> Self {
        self.0
            .append_pax_extensions([("path", path.as_bytes())])
            .unwrap();
        self.file("short", text)
    }

    pub(crate) fn gz(self) -> Vec<u8> {
        gz(&self.0.into_inner().unwrap())
    }
}

pub(crate) fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
