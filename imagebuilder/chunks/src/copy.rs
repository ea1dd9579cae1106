//! Carries out the part of a plan that needs no network.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use crate::disk::Disk;
use crate::plan::{Piece, Plan};

/// How much is in memory at a time.
const BUFFER_BYTES: usize = 1 << 20;

/// Why a piece was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A file that is here cannot be read any more.
    #[error("a file that has a piece of it cannot be read")]
    Read {
        /// Which of the files that were given.
        from: usize,
        /// What the system said.
        source: io::Error,
    },
    /// The new file cannot be written.
    #[error("it cannot be written")]
    Write(#[source] io::Error),
}

impl Plan {
    /// Gives a new, empty file its length, and copies into it what is in `here`: the files whose
    /// maps made this plan, in the same order. `progress` is told how many bytes are done.
    ///
    /// # Errors
    /// When a file cannot be read or became shorter, or the new one cannot be written.
    pub fn copy(
        &self,
        here: &[Disk],
        into: &File,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), CopyError> {
        into.set_len(self.size_bytes()).map_err(CopyError::Write)?;
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut done = 0;
        for copy in &self.copies {
            let Some(disk) = here.get(copy.from) else {
                let source = io::Error::new(io::ErrorKind::NotFound, "it was not given");
                let from = copy.from;
                return Err(CopyError::Read { from, source });
            };
            stretch(copy, &disk.file, into, &mut buffer)?;
            done += copy.target.end - copy.target.start;
            progress(done);
        }
        Ok(())
    }
}

fn stretch(copy: &Piece, from: &File, into: &File, buffer: &mut [u8]) -> Result<(), CopyError> {
    let mut at = copy.target.start;
    while at < copy.target.end {
        let size = (copy.target.end - at).min(buffer.len() as u64);
        let bytes = &mut buffer[..size as usize];
        let offset = copy.offset + (at - copy.target.start);
        from.read_exact_at(bytes, offset)
            .map_err(|source| CopyError::Read {
                from: copy.from,
                source,
            })?;
        into.write_all_at(bytes, at).map_err(CopyError::Write)?;
        at += size;
    }
    Ok(())
}
