//! Unpacking gzip within bounds: how much goes in, how much comes out, and how
//! the two compare. A bomb is noticed while it unpacks, not afterwards.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;

use crate::Limits;
use crate::error::PackError;

/// What headers and padding may add to each entry: its own header, one for a
/// long name with its data, and padding to whole blocks.
const OVERHEAD_PER_ENTRY: u64 = 8 * 512;

pub(super) struct Bounded<R> {
    unzipped: MultiGzDecoder<Counted<R>>,
    read_bytes: Rc<Cell<u64>>,
    out_bytes: u64,
    max_out: u64,
    ratio: u64,
    ratio_grace: u64,
}

/// A limit that was reached, inside of an [`io::Error`].
#[derive(Debug, thiserror::Error)]
#[error("{what} exceeds the limit of {limit}")]
struct LimitReached {
    what: &'static str,
    limit: String,
}

impl<R: Read> Bounded<R> {
    pub(super) fn new(gz: R, limits: &Limits) -> Self {
        let read_bytes = Rc::new(Cell::new(0));
        let counted = Counted {
            inner: gz,
            read_bytes: Rc::clone(&read_bytes),
            max: limits.archive_bytes,
        };
        let overhead = limits.entries.saturating_mul(OVERHEAD_PER_ENTRY);
        Self {
            unzipped: MultiGzDecoder::new(counted),
            read_bytes,
            out_bytes: 0,
            max_out: limits.unpacked_bytes.saturating_add(overhead),
            ratio: limits.ratio,
            ratio_grace: limits.ratio_grace_bytes,
        }
    }

    fn check(&self) -> io::Result<()> {
        if self.out_bytes > self.max_out {
            return Err(reached(
                "the unpacked archive",
                format!("{} bytes", self.max_out),
            ));
        }
        let allowed = self.read_bytes.get().saturating_mul(self.ratio);
        if self.out_bytes > self.ratio_grace && self.out_bytes > allowed {
            return Err(reached(
                "the archive's ratio of compression",
                format!("{} to 1", self.ratio),
            ));
        }
        Ok(())
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.unzipped.read(buffer)?;
        self.out_bytes += count as u64;
        self.check()?;
        Ok(count)
    }
}

struct Counted<R> {
    inner: R,
    read_bytes: Rc<Cell<u64>>,
    max: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let total = self.read_bytes.get() + count as u64;
        self.read_bytes.set(total);
        if total > self.max {
            return Err(reached("the archive", format!("{} bytes", self.max)));
        }
        Ok(count)
    }
}

fn reached(what: &'static str, limit: String) -> io::Error {
    io::Error::other(LimitReached { what, limit })
}

/// What an error while reading an archive means for the caller.
pub(super) fn explain(error: io::Error) -> PackError {
    // The tar reader wraps errors in errors of its own; look through them.
    let mut cause: Option<&(dyn std::error::Error + 'static)> =
        error.get_ref().map(|inner| inner as _);
    while let Some(inner) = cause {
        if let Some(LimitReached { what, limit }) = inner.downcast_ref() {
            return PackError::too_large(*what, limit);
        }
        cause = match inner.downcast_ref::<io::Error>() {
            Some(wrapped) => wrapped.get_ref().map(|inner| inner as _),
            None => inner.source(),
        };
    }
    let (why, remedy) = match error.kind() {
        io::ErrorKind::UnexpectedEof => ("it ends too early", "send the whole file"),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => (
            "it is damaged, or is no gzipped tar archive",
            "make it with `packyard pack archive` or `tar -czf`",
        ),
        _ => ("reading failed", "try again, or make the archive again"),
    };
    PackError::Archive {
        why: why.to_owned(),
        remedy: remedy.to_owned(),
        source: Some(error),
    }
}
