//! The map of a file: its chunks in order, each by length and identity.
//!
//! How a map travels is in `encoding.rs`.
//!
//! A chunk's identity is the first half of its SHA-256. That is for finding candidates and proves
//! nothing: whoever puts a file together compares the digest of the whole, so a map that lies
//! costs a download and never makes a wrong file.
//!
//! Zero bytes at the end of a chunk are told apart from it. They fill what a cluster leaves of
//! its sector or of the room behind, and so depend on the neighbours that this run gave it.

use std::os::unix::fs::FileExt as _;

use sha2::{Digest as _, Sha256};

use crate::disk::Disk;
use crate::error::CutError;
use crate::qcow2;

/// The most chunks of a file; 64 GiB of guest data in clusters of 64 KiB.
pub(crate) const MAX_CHUNKS: usize = 1 << 20;
/// The largest chunk in bytes. A longer stretch between two cuts is split in steps of this size.
pub(crate) const MAX_CHUNK_BYTES: u32 = 1 << 20;
/// The largest run of zeros in bytes, as its number has 31 bits; longer ones are several.
pub(crate) const MAX_ZEROS_BYTES: u32 = (1 << 31) - 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Id(pub(crate) [u8; Self::BYTES]);

impl Id {
    pub(crate) const BYTES: usize = 16;

    pub(crate) fn of(bytes: &[u8]) -> Self {
        let hash = Sha256::digest(bytes);
        let mut id = [0; Self::BYTES];
        id.copy_from_slice(&hash[..Self::BYTES]);
        Self(id)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Chunk {
    Data { size: u32, id: Id },
    Zeros { size: u32 },
}

impl Chunk {
    pub(crate) fn size(self) -> u64 {
        match self {
            Self::Data { size, .. } | Self::Zeros { size } => u64::from(size),
        }
    }
}

/// The chunks of a file, from its first byte to its last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChunkMap {
    pub(crate) chunks: Vec<Chunk>,
    size_bytes: u64,
}

impl ChunkMap {
    /// Cuts a file and hashes its chunks; reads all of it. `progress` is told how many bytes are done.
    ///
    /// # Errors
    /// When the tables make no sense, the file passes a bound, or it cannot be read.
    pub fn of(disk: &Disk, progress: &mut dyn FnMut(u64)) -> Result<Self, CutError> {
        let mut map = Self::default();
        let mut buffer = vec![0; MAX_CHUNK_BYTES as usize];
        let end = disk.size_bytes();
        for cut in qcow2::cuts(disk)?.into_iter().chain([end]) {
            while map.size_bytes < cut {
                let size = (cut - map.size_bytes).min(u64::from(MAX_CHUNK_BYTES));
                let bytes = &mut buffer[..size as usize];
                disk.file.read_exact_at(bytes, map.size_bytes)?;
                map.take(bytes)?;
            }
            progress(map.size_bytes);
        }
        Ok(map)
    }

    /// The length of the file in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), CutError> {
        let kept = bytes.iter().rposition(|byte| *byte != 0);
        let kept = kept.map_or(0, |last| last + 1);
        let (data, zeros) = bytes.split_at(kept);
        if !data.is_empty() {
            self.push(Chunk::Data {
                size: data.len() as u32,
                id: Id::of(data),
            })?;
        }
        if !zeros.is_empty() {
            self.push_zeros(zeros.len() as u32)?;
        }
        Ok(())
    }

    fn push_zeros(&mut self, more: u32) -> Result<(), CutError> {
        if let Some(Chunk::Zeros { size }) = self.chunks.last_mut()
            && *size <= MAX_ZEROS_BYTES - more
        {
            *size += more;
            self.size_bytes += u64::from(more);
            return Ok(());
        }
        self.push(Chunk::Zeros { size: more })
    }

    pub(crate) fn push(&mut self, chunk: Chunk) -> Result<(), CutError> {
        if self.chunks.len() == MAX_CHUNKS {
            return Err(CutError::TooLarge("more than a million chunks"));
        }
        self.append(chunk);
        Ok(())
    }

    pub(crate) fn append(&mut self, chunk: Chunk) {
        self.size_bytes += chunk.size();
        self.chunks.push(chunk);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Chunks by a letter and a length; `0` is zeros.
    pub(crate) fn map(chunks: &[(char, u32)]) -> ChunkMap {
        let mut map = ChunkMap::default();
        for &(letter, size) in chunks {
            let id = Id::of(letter.to_string().as_bytes());
            let chunk = match letter {
                '0' => Chunk::Zeros { size },
                _ => Chunk::Data { size, id },
            };
            map.push(chunk).unwrap();
        }
        map
    }

    #[test]
    fn zeros_at_an_end_are_apart_and_runs_of_them_are_one() {
        let mut map = ChunkMap::default();
        for bytes in [&[1, 2, 0, 0][..], &[0; 5], &[0, 3], &[4]] {
            map.take(bytes).unwrap();
        }
        let chunks = [
            Chunk::Data {
                size: 2,
                id: Id::of(&[1, 2]),
            },
            Chunk::Zeros { size: 7 },
            Chunk::Data {
                size: 2,
                id: Id::of(&[0, 3]),
            },
            Chunk::Data {
                size: 1,
                id: Id::of(&[4]),
            },
        ];
        assert_eq!((map.chunks.as_slice(), map.size_bytes()), (&chunks[..], 12));
    }

    #[test]
    fn a_run_of_zeros_that_is_too_long_for_its_number_is_two() {
        let mut map = map(&[('0', MAX_ZEROS_BYTES)]);
        map.take(&[0; 3]).unwrap();
        assert_eq!(map.chunks.len(), 2);
        assert_eq!(map.size_bytes(), u64::from(MAX_ZEROS_BYTES) + 3);
    }
}
