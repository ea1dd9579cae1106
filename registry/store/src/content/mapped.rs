//! Windows of files as bytes that nobody reads: the kernel copies them from its page cache to
//! the socket, once, and they never pass through a buffer of ours.
//!
//! Only for what goes to a plain socket. Should somebody cut a file short while a window is
//! open, the socket's write fails; whatever read the window in this process would be killed.
//! docs/decisions/0014-blobs-go-out-as-mappings.md has the figures and what was refused.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use memmap2::{Advice, Mmap, MmapOptions};
use rustix::io::{ReadWriteFlags, preadv2};

use super::windows::{Place, Windows};

/// As much as is mapped at once: long enough that mapping does not show beside the socket's
/// cost, short enough that taking it down does not stop anybody else.
pub(crate) const WINDOW_BYTES: u64 = 32 * 1024 * 1024;
/// The kernel reads and drops pages in runs that are rarely shorter: one page tells of so many.
const RUN_BYTES: usize = 64 * 1024;
/// What was in memory is not looked for again so soon: the kernel drops last what is in use.
const WARM: Duration = Duration::from_secs(1);

/// How far a block that begins here reaches: to the end of its window.
pub(crate) fn left_of_window(offset: u64) -> u64 {
    WINDOW_BYTES - offset % WINDOW_BYTES
}

/// `length` bytes at `offset`, which lie in one window, once they are in memory. It blocks.
pub(crate) fn map_block(
    windows: &Windows,
    file: &File,
    offset: u64,
    length: usize,
) -> io::Result<Bytes> {
    let metadata = file.metadata()?;
    // Of a mapping that ends behind the file, the rest would be zeros or a fault.
    if metadata.len() < offset + length as u64 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let place = Place {
        device: metadata.dev(),
        inode: metadata.ino(),
        number: offset / WINDOW_BYTES,
    };
    let start = place.number * WINDOW_BYTES;
    let map = || {
        let whole = (metadata.len() - start).min(WINDOW_BYTES);
        open_window(file, start, usize::try_from(whole).unwrap_or(usize::MAX))
    };
    let (window, warmed) = windows.get(place, map)?;
    let first = usize::try_from(offset - start).unwrap_or(usize::MAX);
    let block = Block {
        window: Arc::clone(&window),
        first,
        length,
    };
    if window.len() < first.saturating_add(length) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if warmed.is_none_or(|warmed| warmed.elapsed() > WARM) {
        warm(file, &block, offset)?;
        if length == window.len() {
            windows.is_warm(place, Instant::now());
        }
    }
    Ok(Bytes::from_owner(block))
}

/// A part of a window, which stays mapped as long as any of it is on its way.
struct Block {
    window: Arc<Mmap>,
    first: usize,
    length: usize,
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        &self.window[self.first..self.first + self.length]
    }
}

/// Reads a cold file here, where waiting stops nobody. What is in memory the socket's write finds
/// by itself, and faster. Kernels before 5.14 do not know the call; there that write waits for the
/// disk instead.
fn warm(file: &File, block: &Block, offset: u64) -> io::Result<()> {
    if is_in_memory(file, offset, block.length) {
        return Ok(());
    }
    let (first, length) = (block.first, block.length);
    match block
        .window
        .advise_range(Advice::PopulateRead, first, length)
    {
        Err(error) if error.kind() != io::ErrorKind::InvalidInput => Err(error),
        _ => Ok(()),
    }
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
    // written under another name, renamed, and then only moved or removed, which leaves a mapping
    // whole. The bytes are given to a socket's write alone, which answers EFAULT should the file
    // be cut short by another program all the same.
    unsafe { MmapOptions::new().offset(offset).len(length).map(file) }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_block_is_the_files_bytes_wherever_it_begins() {
        let mut file = tempfile::tempfile().expect("a file");
        let content: Vec<u8> = (0..20_000u32).map(|at| (at % 251) as u8).collect();
        file.write_all(&content).expect("written");
        let windows = Windows::default();
        for (offset, length) in [(0, 20_000), (1, 1), (4095, 4098), (8192, 11_808)] {
            let block = map_block(&windows, &file, offset as u64, length).expect("a block");
            assert_eq!(block, content[offset..offset + length]);
        }
    }

    #[test]
    fn a_file_beyond_its_first_window_is_cut_at_each() {
        let file = tempfile::tempfile().expect("a file");
        file.set_len(WINDOW_BYTES + 5000).expect("a length");
        std::os::unix::fs::FileExt::write_all_at(&file, b"over the edge", WINDOW_BYTES - 4)
            .expect("written");
        let windows = Windows::default();
        assert_eq!(left_of_window(WINDOW_BYTES - 4), 4);
        let before = map_block(&windows, &file, WINDOW_BYTES - 4, 4).expect("a block");
        let behind = map_block(&windows, &file, WINDOW_BYTES, 9).expect("a block");
        assert_eq!(
            (&before[..], &behind[..]),
            (&b"over"[..], &b" the edge"[..])
        );
    }

    #[test]
    fn a_file_that_is_too_short_is_an_error_and_no_fault() {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&[1; 5000]).expect("written");
        let windows = Windows::default();
        let read = || map_block(&windows, &file, 4096, 904);
        read().expect("all of it");
        file.set_len(4999).expect("shortened");
        // The window is still there, and longer than the file.
        let error = read().expect_err("one byte too many");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
