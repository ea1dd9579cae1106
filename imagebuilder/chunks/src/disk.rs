//! A qcow2 file that is open for reading: what a map is made of, and what pieces are copied from.

use std::fs::File;
use std::path::Path;

use crate::error::CutError;
use crate::qcow2::Header;

/// A larger file is a mistake; the largest blob of our registry is as large.
const MAX_FILE_BYTES: u64 = 1 << 40;

/// A qcow2 file, open; renaming or replacing it meanwhile does no harm.
#[derive(Debug)]
pub struct Disk {
    pub(crate) file: File,
    pub(crate) header: Header,
    size_bytes: u64,
}

impl Disk {
    /// Opens a file and reads its header, nothing more.
    ///
    /// # Errors
    /// When it is no qcow2 image, one that cannot be cut, or cannot be read.
    pub fn open(path: &Path) -> Result<Self, CutError> {
        // Opening a pipe would wait for whoever writes to it.
        if !std::fs::metadata(path)?.is_file() {
            return Err(CutError::NotQcow2);
        }
        let file = File::open(path)?;
        let header = Header::read(&file)?;
        let size_bytes = file.metadata()?.len();
        if size_bytes > MAX_FILE_BYTES {
            return Err(CutError::TooLarge("more than 1 TiB"));
        }
        Ok(Self {
            file,
            header,
            size_bytes,
        })
    }

    /// The length of the file in bytes, not that of the disk inside.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }
}
