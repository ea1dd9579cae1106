//! Where the bytes of an upload come from, and their digest.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::{Stream, stream};
use registry_pack::Digest;
use sha2::{Digest as _, Sha256};

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
    let end = start + len;
    stream::try_unfold((start, None), move |(at, file)| {
        let path = path.clone();
        async move {
            if at == end {
                return Ok(None);
            }
            let (piece, file) = tokio::task::spawn_blocking(move || {
                let file = match file {
                    Some(file) => file,
                    None => File::open(path)?,
                };
                read_piece(&file, at, end - at).map(|piece| (piece, file))
            })
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)))?;
            let next = at + piece.len() as u64;
            Ok(Some((piece, (next, Some(file)))))
        }
    })
}

/// The next bytes of a file, at most [`READ_BYTES`], in a buffer that nothing was written to before.
fn read_piece(mut file: &File, at: u64, left: u64) -> io::Result<Bytes> {
    let want = usize::try_from(left).unwrap_or(READ_BYTES).min(READ_BYTES);
    let mut buffer = Vec::with_capacity(want);
    file.seek(io::SeekFrom::Start(at))?;
    file.take(want as u64).read_to_end(&mut buffer)?;
    if buffer.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the file became shorter while it was sent",
        ));
    }
    Ok(buffer.into())
}

/// The SHA-256 of a file, and its length.
///
/// # Errors
/// When it cannot be read.
pub async fn hash_file(path: &Path) -> Result<(Digest, u64), ClientError> {
    let owned = path.to_owned();
    let hashing = tokio::task::spawn_blocking(move || -> io::Result<(Digest, u64)> {
        let mut file = File::open(owned)?;
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
