//! Where the bytes of an upload come from, and their digest.

use std::io;
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use futures::{Stream, stream};
use registry_pack::Digest;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use crate::error::ClientError;

/// How much of a file is read at a time.
const READ_BYTES: usize = 256 << 10;

/// Where the bytes of an upload come from.
#[derive(Clone)]
pub(super) enum Source {
    Bytes(Bytes),
    File(PathBuf),
}

/// A part of a file as a stream. The file is opened when the stream is read.
pub(super) fn pieces(
    path: PathBuf,
    start: u64,
    len: u64,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    struct Reading {
        path: PathBuf,
        file: Option<tokio::fs::File>,
        start: u64,
        left: u64,
    }
    let reading = Reading {
        path,
        file: None,
        start,
        left: len,
    };
    stream::try_unfold(reading, |mut reading| async move {
        if reading.left == 0 {
            return Ok(None);
        }
        if reading.file.is_none() {
            let mut file = tokio::fs::File::open(&reading.path).await?;
            file.seek(io::SeekFrom::Start(reading.start)).await?;
            reading.file = Some(file);
        }
        let Some(file) = &mut reading.file else {
            return Ok(None);
        };
        let want = usize::try_from(reading.left)
            .unwrap_or(READ_BYTES)
            .min(READ_BYTES);
        let mut buffer = BytesMut::zeroed(want);
        let read = file.read(&mut buffer).await?;
        if read == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the file became shorter while it was sent",
            ));
        }
        buffer.truncate(read);
        reading.left -= read as u64;
        Ok(Some((buffer.freeze(), reading)))
    })
}

/// The SHA-256 of a file, and its length.
///
/// # Errors
/// When it cannot be read.
pub async fn hash_file(path: &Path) -> Result<(Digest, u64), ClientError> {
    let owned = path.to_owned();
    let hashing = tokio::task::spawn_blocking(move || -> io::Result<(Digest, u64)> {
        use std::io::Read as _;
        let mut file = std::fs::File::open(owned)?;
        let (mut hasher, mut total, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 20]);
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                return Ok((Digest::from_sha256(hasher.finalize().into()), total));
            }
            hasher.update(&buffer[..read]);
            total += read as u64;
        }
    });
    let hashed = hashing
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)));
    hashed.map_err(ClientError::io("read", path))
}
