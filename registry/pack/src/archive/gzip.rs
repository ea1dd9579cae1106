//! A gzip writer whose output depends on its input alone.
//!
//! `flate2` would do, but which compressor it uses is decided by whoever else
//! is linked into the program, and compressors differ in their bytes. So the
//! pinned compressor is driven here, always with blocks of the same length,
//! and the 18 bytes around it are written as RFC 1952 says.

use std::io::{self, Write};

use miniz_oxide::deflate::core::{CompressorOxide, create_comp_flags_from_zip_params};
use miniz_oxide::deflate::stream::deflate;
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

/// Magic, deflate, no flags, no time, no hint, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// gzip's own default; 9 costs three times as much for one per cent.
const LEVEL: i32 = 6;
/// How much is given to the compressor at once.
const BLOCK: usize = 64 * 1024;

pub(super) struct GzipWriter<W> {
    out: W,
    compressor: Box<CompressorOxide>,
    block: Vec<u8>,
    packed: Vec<u8>,
    checksum: crc32fast::Hasher,
    length: u32,
}

impl<W: Write> GzipWriter<W> {
    pub(super) fn new(mut out: W) -> io::Result<Self> {
        out.write_all(&HEADER)?;
        let window_bits = DataFormat::Raw.to_window_bits();
        let flags = create_comp_flags_from_zip_params(LEVEL, window_bits, 0);
        Ok(Self {
            out,
            compressor: Box::new(CompressorOxide::new(flags)),
            block: Vec::with_capacity(BLOCK),
            packed: vec![0; BLOCK],
            checksum: crc32fast::Hasher::new(),
            length: 0,
        })
    }

    /// Writes what is left and the trailer.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.compress(MZFlush::Finish)?;
        let checksum = self.checksum.finalize();
        self.out.write_all(&checksum.to_le_bytes())?;
        self.out.write_all(&self.length.to_le_bytes())?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn compress(&mut self, flush: MZFlush) -> io::Result<()> {
        let mut input = &self.block[..];
        loop {
            let result = deflate(&mut self.compressor, input, &mut self.packed, flush);
            input = &input[result.bytes_consumed..];
            self.out.write_all(&self.packed[..result.bytes_written])?;
            let done = match result.status {
                Ok(MZStatus::StreamEnd) => true,
                Ok(_) => flush != MZFlush::Finish && input.is_empty(),
                // There was nothing left to do.
                Err(MZError::Buf) if flush != MZFlush::Finish && input.is_empty() => true,
                Err(error) => {
                    return Err(io::Error::other(format!(
                        "the compressor failed: {error:?}"
                    )));
                }
            };
            if done {
                break;
            }
        }
        self.block.clear();
        Ok(())
    }
}

impl<W: Write> Write for GzipWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(BLOCK - self.block.len());
        let (taken, _) = bytes.split_at(count);
        self.block.extend_from_slice(taken);
        self.checksum.update(taken);
        // RFC 1952: the length counts modulo 2^32, and a block is 2^16.
        self.length = self.length.wrapping_add(count as u32);
        if self.block.len() == BLOCK {
            self.compress(MZFlush::None)?;
        }
        Ok(count)
    }

    /// Flushing early would change the bytes; everything waits for `finish`.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
