//! Reading an object in large blocks, one block ahead of the network.
//!
//! Each block is read beside the async threads; between blocks no thread waits
//! for a slow client.

use std::fs::File;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::Stream;
use rustix::buffer::spare_capacity;
use rustix::io::pread;
use tokio::task::JoinHandle;

/// Measured: at 256 KiB and above the reads no longer show beside the socket's cost.
pub(crate) const READ_BYTES: usize = 512 * 1024;

/// The bytes of a blob, or of a range of it.
pub struct BlobReader {
    file: Arc<File>,
    next: u64,
    end: u64,
    ahead: Option<JoinHandle<io::Result<Bytes>>>,
}

impl BlobReader {
    /// Reads `start..end` of a file whose first block may be known already.
    pub(crate) fn new(file: File, start: u64, end: u64) -> Self {
        let mut reader = Self {
            file: Arc::new(file),
            next: start,
            end,
            ahead: None,
        };
        reader.read_ahead();
        reader
    }

    fn read_ahead(&mut self) {
        let length = (self.end - self.next).min(READ_BYTES as u64);
        if length == 0 {
            return;
        }
        let (file, offset) = (Arc::clone(&self.file), self.next);
        self.next += length;
        let length = usize::try_from(length).unwrap_or(READ_BYTES);
        self.ahead = Some(tokio::task::spawn_blocking(move || {
            read_block(&file, offset, length)
        }));
    }
}

impl Stream for BlobReader {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(ahead) = &mut self.ahead else {
            return Poll::Ready(None);
        };
        let block = ready!(Pin::new(ahead).poll(context))
            .unwrap_or_else(|error| Err(io::Error::other(error)));
        self.ahead = None;
        if block.is_ok() {
            self.read_ahead();
        }
        Poll::Ready(Some(block))
    }
}

/// Exactly `length` bytes at `offset`; less means that the object is damaged.
pub(crate) fn read_block(file: &File, offset: u64, length: usize) -> io::Result<Bytes> {
    let mut block = Vec::with_capacity(length);
    while block.len() < length {
        let at = offset + block.len() as u64;
        match pread(file, spare_capacity(&mut block), at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    block.truncate(length);
    Ok(block.into())
}
