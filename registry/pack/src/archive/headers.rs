//! Long names in tar archives: the entries before an entry that say more
//! about it. Read here and not by the tar library, which would hold such an
//! entry in memory however long it is.

use std::io::{self, Read};

use tar::{Entry, EntryType};

use super::bounded::explain;
use crate::Limits;
use crate::error::PackError;

/// Bytes of one PAX header; long enough for paths, short of being a burden.
const MAX_PAX_BYTES: u64 = 64 * 1024;

/// What the entries before an entry said about it.
#[derive(Default)]
pub(super) struct Extension {
    path: Option<Vec<u8>>,
}

impl Extension {
    /// Takes in `entry` if it is an extension of the next one.
    pub(super) fn absorb<R: Read>(
        &mut self,
        entry: &mut Entry<'_, R>,
        limits: &Limits,
    ) -> Result<bool, PackError> {
        match entry.header().entry_type() {
            EntryType::GNULongName => {
                let mut name = read(
                    entry,
                    limits.path_bytes as u64 + 256,
                    "a path in the archive",
                )?;
                while name.last() == Some(&0) {
                    name.pop();
                }
                self.path = Some(name);
                Ok(true)
            }
            EntryType::XHeader => {
                let records = read(entry, MAX_PAX_BYTES, "an extended header in the archive")?;
                self.records(&records)?;
                Ok(true)
            }
            // A comment for the whole archive, as `git archive` writes it.
            EntryType::XGlobalHeader => {
                read(entry, MAX_PAX_BYTES, "an extended header in the archive")?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// The path of `entry`, and forgets what was said.
    pub(super) fn path_of<R: Read>(&mut self, entry: &Entry<'_, R>) -> Vec<u8> {
        self.path
            .take()
            .unwrap_or_else(|| entry.header().path_bytes().into_owned())
    }

    fn records(&mut self, records: &[u8]) -> Result<(), PackError> {
        for extension in tar::PaxExtensions::new(records) {
            let extension = extension.map_err(explain)?;
            match extension.key_bytes() {
                b"path" => self.path = Some(extension.value_bytes().to_vec()),
                b"size" => {
                    let why = "it is longer than 8 GB, or sparse";
                    return Err(PackError::refuse(
                        "(an extended header)",
                        why,
                        "leave it out of the pack",
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn read(entry: &mut impl Read, max: u64, what: &str) -> Result<Vec<u8>, PackError> {
    let mut bytes = Vec::new();
    entry
        .take(max + 1)
        .read_to_end(&mut bytes)
        .map_err(explain)?;
    if bytes.len() as u64 > max {
        return Err(PackError::too_large(what, format!("{max} bytes")));
    }
    Ok(bytes)
}

/// An entry of which less came than its header said.
pub(super) fn truncated() -> PackError {
    explain(io::ErrorKind::UnexpectedEof.into())
}
