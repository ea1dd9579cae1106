//! Blocks of a file in buffers that are filled again once they have been sent.
//!
//! Memory that is new costs the kernel about as much as the copy into it; a pull of any length
//! makes do with the few buffers that it begins with.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rustix::buffer::spare_capacity;
use rustix::io::{Errno, pread};

/// Measured: at 256 KiB and above the reads no longer show beside the socket's cost.
pub(crate) const READ_BYTES: usize = 512 * 1024;

/// Buffers of one reader that nobody uses at the moment.
#[derive(Clone, Default)]
pub(crate) struct Spares(Arc<Mutex<Vec<Vec<u8>>>>);

impl Spares {
    fn take(&self) -> Vec<u8> {
        let mut spares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spares.pop().unwrap_or_default()
    }
}

/// A block that was read; its memory goes back to the spares with the last slice of it.
struct Block {
    bytes: Vec<u8>,
    spares: Spares,
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        let mut spares = self.spares.0.lock().unwrap_or_else(PoisonError::into_inner);
        spares.push(bytes);
    }
}

/// Exactly `length` bytes at `offset`, in a spare buffer if there is one; less means that the
/// object is damaged. It blocks.
pub(crate) fn read_spare(
    file: &File,
    spares: &Spares,
    offset: u64,
    length: usize,
) -> io::Result<Bytes> {
    let mut bytes = spares.take();
    fill(file, &mut bytes, offset, length)?;
    let spares = spares.clone();
    Ok(Bytes::from_owner(Block { bytes, spares }))
}

fn fill(file: &File, bytes: &mut Vec<u8>, offset: u64, length: usize) -> io::Result<()> {
    bytes.reserve_exact(length);
    while bytes.len() < length {
        let at = offset + bytes.len() as u64;
        match pread(file, spare_capacity(bytes), at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // A buffer may have more room than was asked for.
    bytes.truncate(length);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_buffer_is_used_again_and_never_while_somebody_has_it() {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(b"one two three").expect("written");
        let spares = Spares::default();
        let read = |offset, length| read_spare(&file, &spares, offset, length).expect("a block");
        let (one, two) = (read(0, 3), read(4, 3));
        let place = one.as_ptr();
        drop(one);
        let three = read(8, 3);
        assert_eq!(three.as_ptr(), place);
        assert_eq!((&two[..], &three[..]), (&b"two"[..], &b"thr"[..]));
        let error = read_spare(&file, &spares, 8, 6).expect_err("too short");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
