//! Windows of a file as bytes that nobody reads: the kernel copies them from its page cache to
//! the socket, once, and they never pass through a buffer of ours.
//!
//! Only for what goes to a plain socket. Should somebody cut the file short while a window is
//! open, the socket's write fails; whatever read the window in this process would be killed.
//! docs/decisions/0014-blobs-go-out-as-mappings.md has the figures and what was refused.

use std::fs::File;
use std::io::{self, IoSliceMut};

use bytes::Bytes;
use memmap2::{Advice, Mmap, MmapOptions};
use rustix::io::{ReadWriteFlags, preadv2};

/// As much as is mapped at once: long enough that mapping does not show beside the socket's
/// cost, short enough that taking it down does not stop anybody else.
pub(crate) const WINDOW_BYTES: usize = 32 * 1024 * 1024;
/// The kernel reads and drops pages in runs that are rarely shorter: one page tells of so many.
const RUN_BYTES: usize = 64 * 1024;

/// Maps `length` bytes at `offset` and waits until they are in memory. It blocks.
pub(crate) fn map_window(file: &File, offset: u64, length: usize) -> io::Result<Bytes> {
    // Of a mapping that ends behind the file, the rest would be zeros or a fault.
    if file.metadata()?.len() < offset + length as u64 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let window = open_window(file, offset, length)?;
    // A cold file is read here, where waiting stops nobody. What is in memory the socket's write
    // finds by itself, and faster. Kernels before 5.14 do not know the call; there that write
    // waits for the disk instead.
    if !is_in_memory(file, offset, length)
        && let Err(error) = window.advise(Advice::PopulateRead)
        && error.kind() != io::ErrorKind::InvalidInput
    {
        return Err(error);
    }
    Ok(Bytes::from_owner(window))
}

/// Whether the disk has not to be waited for, as far as one byte of each run tells.
fn is_in_memory(file: &File, offset: u64, length: usize) -> bool {
    let mut byte = [0];
    (0..length).step_by(RUN_BYTES).all(|at| {
        let mut slices = [IoSliceMut::new(&mut byte)];
        let read = preadv2(
            file,
            &mut slices,
            offset + at as u64,
            ReadWriteFlags::NOWAIT,
        );
        matches!(read, Ok(1))
    })
}

#[expect(unsafe_code, reason = "no safe call maps a file")]
fn open_window(file: &File, offset: u64, length: usize) -> io::Result<Mmap> {
    // SAFETY: objects of the content store never change once they have their key: files are
    // written under another name, renamed, and then only removed, which leaves a mapping whole.
    // The bytes are given to a socket's write alone, which answers EFAULT should the file be
    // cut short by another program all the same.
    unsafe { MmapOptions::new().offset(offset).len(length).map(file) }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_window_is_the_files_bytes_wherever_it_begins() {
        let mut file = tempfile::tempfile().expect("a file");
        let content: Vec<u8> = (0..20_000u32).map(|at| (at % 251) as u8).collect();
        file.write_all(&content).expect("written");
        for (offset, length) in [(0, 20_000), (1, 1), (4095, 4098), (8192, 11_808)] {
            let window = map_window(&file, offset as u64, length).expect("a window");
            assert_eq!(window, content[offset..offset + length]);
        }
    }

    #[test]
    fn a_file_that_is_too_short_is_an_error_and_no_fault() {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&[1; 5000]).expect("written");
        let error = map_window(&file, 4096, 905).expect_err("one byte too many");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
