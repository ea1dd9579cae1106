//! Reading an object: from a file in large blocks, one block ahead of the network; from an
//! object store as its frames come.
//!
//! Each block of a file is read beside the async threads; between blocks no
//! thread waits for a slow client. A block is handed on in pieces, and between two pieces
//! everybody else has a turn: a fast client keeps no thread to itself.

use std::fs::File;
use std::io;
use std::num::NonZero;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::Stream;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use tokio::task::JoinHandle;

use super::buffered::{NOW_BYTES, READ_BYTES, Spares, read_now, read_spare};
use super::mapped::{left_of_window, map_block};
use super::windows::Windows;

/// What a connection sends in one turn. tokio counts turns and not bytes, so this is how long a
/// small request waits behind each large one.
const PIECE_BYTES: usize = 512 * 1024;

/// The bytes of a blob, or of a range of it.
pub struct BlobReader(Source);

enum Source {
    File(FileReader),
    Remote(RemoteReader),
}

impl BlobReader {
    /// Reads `start..end` of a file.
    pub(crate) fn file(file: File, windows: Windows, start: u64, end: u64) -> Self {
        AT_WORK.fetch_add(1, Ordering::Relaxed);
        Self(Source::File(FileReader {
            file: Arc::new(file),
            start,
            next: start,
            end,
            is_mapped: false,
            windows,
            spares: Spares::default(),
            ahead: None,
            block: Bytes::new(),
            turn: None,
        }))
    }

    /// For bytes that this process only hands to a socket and never looks at: they are not
    /// copied. Whoever encrypts or compresses them must not ask for this.
    pub fn unread(mut self) -> Self {
        if let Source::File(reader) = &mut self.0
            // A page table costs more than a copy of a small blob.
            && reader.end - reader.next > READ_BYTES as u64
        {
            reader.is_mapped = true;
        }
        self
    }

    /// Hands on what a store sends; it must be exactly so many bytes.
    pub(crate) fn remote(
        frames: BoxStream<'static, object_store::Result<Bytes>>,
        length: u64,
    ) -> Self {
        Self(Source::Remote(RemoteReader { frames, length }))
    }
}

impl Stream for BlobReader {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.0 {
            Source::File(reader) => reader.poll_piece(context),
            Source::Remote(reader) => reader.poll_frame(context),
        }
    }
}

struct RemoteReader {
    frames: BoxStream<'static, object_store::Result<Bytes>>,
    /// What has still to come.
    length: u64,
}

impl RemoteReader {
    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        Poll::Ready(match ready!(self.frames.as_mut().poll_next(context)) {
            Some(Ok(frame)) => {
                let left = self.length.checked_sub(frame.len() as u64);
                self.length = left.unwrap_or(0);
                Some(left.map(|_| frame).ok_or_else(|| {
                    io::Error::new(io::ErrorKind::InvalidData, "the object is too long")
                }))
            }
            Some(Err(error)) => Some(Err(error.into())),
            // Less than the row says means that the object is damaged.
            None if self.length > 0 => {
                self.length = 0;
                Some(Err(io::ErrorKind::UnexpectedEof.into()))
            }
            None => None,
        })
    }
}

/// Readers of files at work. While there are fewer than processors, one of those has time to read
/// ahead for them; beyond that a reader does best with what it reads itself, fresh in its cache.
static AT_WORK: AtomicUsize = AtomicUsize::new(0);
static PROCESSORS: LazyLock<usize> =
    LazyLock::new(|| std::thread::available_parallelism().map_or(1, NonZero::get));

impl Drop for FileReader {
    fn drop(&mut self) {
        AT_WORK.fetch_sub(1, Ordering::Relaxed);
    }
}

struct FileReader {
    file: Arc<File>,
    start: u64,
    next: u64,
    end: u64,
    /// Whether blocks are parts of mappings, and not copies.
    is_mapped: bool,
    windows: Windows,
    spares: Spares,
    ahead: Option<JoinHandle<io::Result<Bytes>>>,
    /// What is left of the block that is being handed on.
    block: Bytes,
    /// After each piece everybody else has a turn.
    turn: Option<BoxFuture<'static, ()>>,
}

impl FileReader {
    fn read_ahead(&mut self) {
        let most = match self.is_mapped {
            true => left_of_window(self.next),
            false => READ_BYTES as u64,
        };
        let length = (self.end - self.next).min(most);
        if length == 0 {
            return;
        }
        let (file, offset) = (Arc::clone(&self.file), self.next);
        self.next += length;
        let length = usize::try_from(length).unwrap_or(READ_BYTES);
        self.ahead = Some(if self.is_mapped {
            let windows = self.windows.clone();
            tokio::task::spawn_blocking(move || map_block(&windows, &file, offset, length))
        } else {
            let spares = self.spares.clone();
            tokio::task::spawn_blocking(move || read_spare(&file, &spares, offset, length))
        });
    }

    /// What is in memory and wanted next, unless it is better read beside.
    fn read_now(&mut self) -> Option<io::Result<Bytes>> {
        let left = self.end - self.next;
        if left == 0 || !self.reads_itself() {
            return None;
        }
        let length = usize::try_from(left).map_or(NOW_BYTES, |left| left.min(NOW_BYTES));
        let block = read_now(&self.file, &self.spares, self.next, length).transpose()?;
        match &block {
            Ok(bytes) => self.next += bytes.len() as u64,
            // Nothing comes after an error.
            Err(_) => self.next = self.end,
        }
        Some(block)
    }

    /// A small blob is read at once, a large one when all processors have their own.
    fn reads_itself(&self) -> bool {
        let is_small = self.end - self.start <= NOW_BYTES as u64;
        !self.is_mapped && (is_small || AT_WORK.load(Ordering::Relaxed) > *PROCESSORS)
    }

    fn poll_block(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.ahead.is_none() {
            if let Some(block) = self.read_now() {
                return Poll::Ready(Some(block));
            }
            self.read_ahead();
        }
        let Some(ahead) = &mut self.ahead else {
            return Poll::Ready(None);
        };
        let block = ready!(Pin::new(ahead).poll(context))
            .unwrap_or_else(|error| Err(io::Error::other(error)));
        self.ahead = None;
        match &block {
            Ok(_) if self.reads_itself() => {}
            Ok(_) => self.read_ahead(),
            // Nothing comes after an error.
            Err(_) => self.next = self.end,
        }
        Poll::Ready(Some(block))
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if let Some(turn) = &mut self.turn {
            ready!(turn.as_mut().poll(context));
            self.turn = None;
        }
        if self.block.is_empty() {
            match ready!(self.poll_block(context)) {
                Some(Ok(block)) => self.block = block,
                end => return Poll::Ready(end),
            }
        }
        let length = self.block.len().min(PIECE_BYTES);
        let piece = self.block.split_to(length);
        self.turn = Some(Box::pin(tokio::task::yield_now()));
        Poll::Ready(Some(Ok(piece)))
    }
}
