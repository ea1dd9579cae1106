//! Blocks of a file in buffers that are filled again once they have been sent.
//!
//! Memory that is new costs the kernel about as much as the copy into it; a pull of any length
//! makes do with the few buffers that it begins with.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rustix::io::{Errno, ReadWriteFlags, pread, preadv2};

/// Read beside, at a time. Measured: at 256 KiB and above the reads no longer show beside the
/// socket's cost.
pub(crate) const READ_BYTES: usize = 512 * 1024;
/// Read by the sender itself, at a time: it stays in a processor's second cache until it is sent.
pub(crate) const NOW_BYTES: usize = 128 * 1024;

/// Buffers of one reader that nobody uses at the moment, all of them of its largest size.
#[derive(Clone, Default)]
pub(crate) struct Spares(Arc<Mutex<Vec<Vec<u8>>>>);

impl Spares {
    /// A buffer of at least this length, whatever is in it.
    fn take(&self, length: usize) -> Vec<u8> {
        let mut spares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = spares.pop().unwrap_or_default();
        drop(spares);
        if bytes.len() < length {
            bytes.resize(length, 0);
        }
        bytes
    }

    fn give(&self, bytes: Vec<u8>) {
        let mut spares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spares.push(bytes);
    }

    fn block(&self, bytes: Vec<u8>, length: usize) -> Bytes {
        let spares = self.clone();
        Bytes::from_owner(Block {
            bytes,
            length,
            spares,
        })
    }
}

/// A block that was read; its memory goes back to the spares with the last slice of it.
struct Block {
    bytes: Vec<u8>,
    length: usize,
    spares: Spares,
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.spares.give(std::mem::take(&mut self.bytes));
    }
}

/// Up to `length` bytes at `offset`, if they are in memory; it does not block. The first bytes of a
/// range are more than none: `None` means that the disk has to be waited for.
pub(crate) fn read_now(
    file: &File,
    spares: &Spares,
    offset: u64,
    length: usize,
) -> io::Result<Option<Bytes>> {
    let mut bytes = spares.take(length);
    let mut slices = [IoSliceMut::new(&mut bytes[..length])];
    match preadv2(file, &mut slices, offset, ReadWriteFlags::NOWAIT) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(read) => Ok(Some(spares.block(bytes, read))),
        // Not in memory, or a file system that cannot tell: the read that waits says more.
        Err(_) => {
            spares.give(bytes);
            Ok(None)
        }
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
    let mut bytes = spares.take(length);
    let mut done = 0;
    while done < length {
        match pread(file, &mut bytes[done..length], offset + done as u64) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => done += read,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(spares.block(bytes, length))
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

    #[test]
    fn what_is_in_memory_is_read_at_once_and_the_end_is_an_error() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(b"one two three").expect("written");
        let spares = Spares::default();
        let read = |offset, length| read_now(file.as_file(), &spares, offset, length);
        // A file system that cannot tell what is in memory answers with nothing.
        if let Some(bytes) = read(4, 3).expect("an answer") {
            assert_eq!(&bytes[..], b"two");
        }
        assert!(!matches!(read(13, 1), Ok(Some(_))));
    }
}
