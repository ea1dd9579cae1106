//! A map as the bytes that travel: name and version, number of chunks, length of the file; then
//! for each chunk its length and its identity. Numbers are big-endian.
//!
//! It does not look into files, and believes nothing that it reads.

use crate::error::MapError;
use crate::map::{Chunk, ChunkMap, Id, MAX_CHUNK_BYTES, MAX_CHUNKS};

/// The name of the form, and its version.
const MAGIC: &[u8; 8] = b"chunks\0\x01";
const HEAD_BYTES: usize = 20;
/// Length and identity.
const ENTRY_BYTES: usize = 4 + Id::BYTES;
/// Bit of a length: so many zeros, and no identity follows.
const ZEROS: u32 = 1 << 31;

/// The largest map in bytes; a reader needs to take no more.
pub const MAX_MAP_BYTES: usize = HEAD_BYTES + MAX_CHUNKS * ENTRY_BYTES;

impl ChunkMap {
    /// The map as it travels, at most [`MAX_MAP_BYTES`].
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + self.chunks.len() * ENTRY_BYTES);
        bytes.extend(MAGIC);
        bytes.extend((self.chunks.len() as u32).to_be_bytes());
        bytes.extend(self.size_bytes().to_be_bytes());
        for chunk in &self.chunks {
            match chunk {
                Chunk::Data { size, id } => {
                    bytes.extend(size.to_be_bytes());
                    bytes.extend(id.0);
                }
                Chunk::Zeros { size } => bytes.extend((size | ZEROS).to_be_bytes()),
            }
        }
        bytes
    }

    /// Reads a map that somebody else made.
    ///
    /// # Errors
    /// When it is none, is cut off or goes on, passes a bound, or its chunks are not as long as
    /// the file.
    pub fn decode(bytes: &[u8]) -> Result<Self, MapError> {
        let mut rest = bytes;
        if take(&mut rest)? != *MAGIC {
            return Err(MapError("it begins with another name or version"));
        }
        let count = u32::from_be_bytes(take(&mut rest)?) as usize;
        let size_bytes = u64::from_be_bytes(take(&mut rest)?);
        if count > MAX_CHUNKS {
            return Err(MapError("it has more than a million chunks"));
        }
        let mut map = Self::default();
        for _ in 0..count {
            let chunk = chunk(&mut rest)?;
            map.append(chunk);
        }
        if !rest.is_empty() {
            return Err(MapError("it goes on behind its last chunk"));
        }
        match map.size_bytes() == size_bytes {
            true => Ok(map),
            false => Err(MapError("its chunks are not as long as the file")),
        }
    }
}

fn chunk(rest: &mut &[u8]) -> Result<Chunk, MapError> {
    let size = u32::from_be_bytes(take(rest)?);
    if size & !ZEROS == 0 {
        return Err(MapError("a chunk is empty"));
    }
    if size & ZEROS != 0 {
        return Ok(Chunk::Zeros {
            size: size & !ZEROS,
        });
    }
    if size > MAX_CHUNK_BYTES {
        return Err(MapError("a chunk is larger than 1 MiB"));
    }
    let id = Id(take(rest)?);
    Ok(Chunk::Data { size, id })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], MapError> {
    let (taken, left) = rest.split_first_chunk().ok_or(MapError("it is cut off"))?;
    *rest = left;
    Ok(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::MAX_ZEROS_BYTES;
    use crate::map::tests::map;

    #[test]
    fn a_map_travels_and_arrives() {
        for chunks in [
            &[][..],
            &[('a', 7), ('0', 9), ('b', MAX_CHUNK_BYTES)],
            &[('0', MAX_ZEROS_BYTES)],
        ] {
            let map = map(chunks);
            assert_eq!(ChunkMap::decode(&map.encode()), Ok(map));
        }
    }

    #[test]
    fn what_is_no_map_is_refused() {
        let good = map(&[('a', 7), ('0', 9), ('b', 5)]).encode();
        let check = |why: &str, change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = good.clone();
            change(&mut bytes);
            let refused = ChunkMap::decode(&bytes).unwrap_err().to_string();
            assert!(refused.contains(why), "{why:?} is not in {refused:?}");
        };
        check("another name or version", &|bytes| bytes[0] ^= 1);
        check("another name or version", &|bytes| bytes[7] = 2);
        check("more than a million", &|bytes| bytes[8] = 1);
        check("cut off", &|bytes| bytes[11] += 1);
        check("goes on", &|bytes| bytes[11] -= 1);
        check("not as long", &|bytes| bytes[19] += 1);
        check("empty", &|bytes| bytes[23] = 0);
        check("empty", &|bytes| {
            bytes[40..44].copy_from_slice(&ZEROS.to_be_bytes());
        });
        check("larger than", &|bytes| {
            bytes[20..24].copy_from_slice(&(MAX_CHUNK_BYTES + 1).to_be_bytes());
        });
        check("goes on", &|bytes| bytes.push(0));
        for length in 0..good.len() {
            check("cut off", &|bytes| bytes.truncate(length));
        }
    }
}
