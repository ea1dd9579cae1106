//! The content digest: what a pack or a role *is*, however it travels.

use sha2::{Digest as _, Sha256};

use super::PackFile;
use crate::Digest;

/// The first bytes of what is hashed; a new format gets a new word.
const FORMAT: &[u8] = b"packyard-content-v1\n";

/// Hashes a listing of files, which must be sorted by path.
///
/// What is hashed: the line `packyard-content-v1`, then for each file the
/// length of its path (8 bytes, big endian), the path, one byte for the mode
/// (1 executable, 0 not), the length of its digest (8 bytes, big endian) and
/// the digest as text. Lengths stand before everything that varies, so no two
/// different listings give the same bytes.
pub fn digest(files: &[PackFile]) -> Digest {
    let mut hash = Sha256::new();
    hash.update(FORMAT);
    for file in files {
        field(&mut hash, file.path.as_bytes());
        hash.update([u8::from(file.executable)]);
        field(&mut hash, file.digest.as_str().as_bytes());
    }
    Digest::from_sha256(hash.finalize().into())
}

fn field(hash: &mut Sha256, bytes: &[u8]) {
    // Paths and digests are far below 2^64 bytes.
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}
