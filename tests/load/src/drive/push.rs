//! Pushing blobs that nobody has pushed before, as docker does: POST, PATCH, PUT.

use std::sync::Barrier;
use std::time::Duration;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use super::at_once;
use crate::server::Server;
use crate::wire::{Body, Connection};

/// Written again and again behind a blob's own first bytes. Larger than any cache of the
/// processor would only slow the generator down, not the server up.
const PIECE_BYTES: usize = 1 << 20;
const BINARY: &str = "application/octet-stream";

/// The bytes that all blobs share; random, so that no layer below can shrink them.
pub(crate) struct Content(Vec<u8>);

impl Content {
    pub(crate) fn new() -> Self {
        let mut bytes = vec![0; PIECE_BYTES];
        rand::fill(&mut bytes[..]);
        Self(bytes)
    }

    /// A blob like no other. Its digest is known before any clock runs.
    pub(crate) fn unique(&self, size: u64) -> Unique {
        let mut first = vec![0; 32];
        rand::fill(&mut first[..]);
        let mut hash = Sha256::new();
        let blob = Unique {
            first,
            size,
            digest: String::new(),
        };
        for piece in self.pieces(&blob) {
            hash.update(piece);
        }
        Unique {
            digest: format!("sha256:{}", hex::encode(hash.finalize())),
            ..blob
        }
    }

    pub(crate) fn pieces<'a>(&'a self, blob: &'a Unique) -> impl Iterator<Item = &'a [u8]> {
        let first = blob
            .first
            .len()
            .min(usize::try_from(blob.size).unwrap_or(usize::MAX));
        let mut left = blob.size - first as u64;
        let rest = std::iter::from_fn(move || {
            let length = usize::try_from(left).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
            left -= length as u64;
            (length > 0).then(|| &self.0[..length])
        });
        std::iter::once(&blob.first[..first]).chain(rest)
    }
}

/// A blob that is made while it is sent.
pub(crate) struct Unique {
    first: Vec<u8>,
    pub(crate) size: u64,
    pub(crate) digest: String,
}

/// Pushes blobs to a repository, those of each inner list one after the other, the lists at once.
pub(crate) fn push(
    server: &Server,
    repository: &str,
    content: &Content,
    blobs: &[Vec<Unique>],
) -> Result<(u64, Duration)> {
    let (pushed, time) = at_once(blobs.len(), |number| {
        let mut connection = server.connect()?;
        let mut bytes = 0;
        for blob in &blobs[number] {
            push_one(&mut connection, repository, content, blob)?;
            bytes += blob.size;
        }
        Ok(bytes)
    })?;
    Ok((pushed.iter().sum(), time))
}

/// Begins pushes of `size` bytes each, all at once, and hangs up when the first `sent` bytes of every
/// one are on their way: what a server needs while they run, on a disk that has no room for them.
pub(crate) fn push_begin(
    server: &Server,
    repository: &str,
    content: &Content,
    count: usize,
    size: u64,
    sent: u64,
) -> Result<()> {
    let all = Barrier::new(count);
    at_once(count, |_| {
        let send = || {
            let mut connection = server.connect()?;
            let place = begin_one(&mut connection, repository)?;
            connection.begin("PATCH", &place, BINARY, size)?;
            let mut left = usize::try_from(sent.min(size))?;
            while left > 0 {
                let piece = &content.0[..left.min(PIECE_BYTES)];
                connection.send(piece)?;
                left -= piece.len();
            }
            anyhow::Ok(connection)
        };
        let open = send();
        // Also who failed: the others wait for all.
        all.wait();
        open.map(drop)
    })?;
    Ok(())
}

fn push_one(
    connection: &mut Connection,
    repository: &str,
    content: &Content,
    blob: &Unique,
) -> Result<()> {
    let place = begin_one(connection, repository)?;
    connection.begin("PATCH", &place, BINARY, blob.size)?;
    for piece in content.pieces(blob) {
        connection.send(piece)?;
    }
    let sent = connection.answer()?.expect(202).context("send a blob")?;
    let place = path(sent.head.location.as_deref())?;
    let separator = if place.contains('?') { '&' } else { '?' };
    let target = format!("{place}{separator}digest={}", blob.digest);
    connection
        .call("PUT", &target, Body::default())?
        .expect(201)
        .context("finish a blob")?;
    Ok(())
}

/// Opens an upload; where its bytes go.
fn begin_one(connection: &mut Connection, repository: &str) -> Result<String> {
    let target = format!("/v2/{repository}/blobs/uploads/");
    let begun = connection
        .call("POST", &target, Body::default())?
        .expect(202)?;
    path(begun.head.location.as_deref())
}

/// A Location without scheme and host, which one of the servers writes into it.
pub(crate) fn path(location: Option<&str>) -> Result<String> {
    let location = location.context("find the Location")?;
    let bare = match location.split_once("://") {
        Some((_, rest)) => rest.find('/').map(|slash| &rest[slash..]),
        None => Some(location),
    };
    Ok(bare.context("find the path of the Location")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_has_the_bytes_of_its_digest_and_no_other_has() {
        let content = Content::new();
        for size in [0, 5, 32, 33, PIECE_BYTES as u64 + 40] {
            let (one, other) = (content.unique(size), content.unique(size));
            let bytes = content.pieces(&one).collect::<Vec<_>>().concat();
            assert_eq!(bytes.len() as u64, size);
            assert_eq!(
                one.digest,
                format!("sha256:{}", hex::encode(Sha256::digest(&bytes)))
            );
            assert!(size < 5 || one.digest != other.digest);
        }
    }

    #[test]
    fn a_location_may_have_a_host() {
        assert_eq!(path(Some("/v2/a?b=c")).unwrap(), "/v2/a?b=c");
        assert_eq!(path(Some("http://h:1/v2/a")).unwrap(), "/v2/a");
        assert!(path(None).is_err());
    }
}
