//! From a pack's folder to its archive.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Write};

use sha2::{Digest as _, Sha256};
use tar::{EntryType, Header};

use super::gzip::GzipWriter;
use crate::error::PackError;
use crate::{Digest, Pack, PackFile};

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Archive {
    /// SHA-256 of the archive.
    pub digest: Digest,
    /// Its length.
    pub size_bytes: u64,
    /// Its file name, `<name>-<version>.tar.gz`; the title of the layer.
    pub title: String,
}

/// Writes the archive of `pack` to `out`.
///
/// # Errors
/// [`PackError::Io`] if a file cannot be read or is no longer what it was when
/// the pack was opened, or if `out` cannot be written.
pub fn write<W: Write>(pack: &Pack, out: W) -> Result<Archive, PackError> {
    let top = pack.folder_name();
    let title = format!("{top}.tar.gz");
    let failed = |source| PackError::Io {
        action: "write",
        path: title.clone().into(),
        source,
    };
    let counted = Counted {
        out,
        hash: Sha256::new(),
        bytes: 0,
    };
    let mut tar = tar::Builder::new(GzipWriter::new(counted).map_err(failed)?);
    let mut folders = BTreeSet::new();
    for file in &pack.files {
        let path = format!("{top}/{}", file.path);
        for (end, _) in path.match_indices('/') {
            let folder = &path[..=end];
            if folders.insert(folder.to_owned()) {
                let mut header = header(EntryType::Directory, 0o755, 0);
                tar.append_data(&mut header, folder, io::empty())
                    .map_err(failed)?;
            }
        }
        add(&mut tar, pack, file, &path)?;
    }
    let counted = tar
        .into_inner()
        .and_then(GzipWriter::finish)
        .map_err(failed)?;
    let digest = Digest::from_sha256(counted.hash.finalize().into());
    Ok(Archive {
        digest,
        size_bytes: counted.bytes,
        title,
    })
}

fn add<W: Write>(
    tar: &mut tar::Builder<W>,
    pack: &Pack,
    file: &PackFile,
    path: &str,
) -> Result<(), PackError> {
    let on_disk = pack.root.join(&file.path);
    let opened = File::open(&on_disk).map_err(PackError::io("open", &on_disk))?;
    let mode = if file.executable { 0o755 } else { 0o644 };
    let mut header = header(EntryType::Regular, mode, file.size_bytes);
    let mut reader = Checked {
        inner: opened.take(file.size_bytes),
        hash: Sha256::new(),
        left: file.size_bytes,
    };
    let failed = PackError::io("archive", &on_disk);
    tar.append_data(&mut header, path, &mut reader)
        .map_err(failed)?;
    if Digest::from_sha256(reader.hash.finalize().into()) != file.digest {
        let changed = io::Error::other("it changed since the pack was opened; do it again");
        return Err(PackError::io("archive", &on_disk)(changed));
    }
    Ok(())
}

fn header(kind: EntryType, mode: u32, size_bytes: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size_bytes);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// Hashes and counts what is written.
struct Counted<W> {
    out: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Hashes what is read, and fails where a file has become shorter: the tar
/// writer would pad it and notice nothing.
struct Checked<R> {
    inner: R,
    hash: Sha256,
    left: u64,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if count == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::Error::other(
                "it became shorter since the pack was opened; do it again",
            ));
        }
        self.hash.update(&buffer[..count]);
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}
