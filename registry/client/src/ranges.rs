//! Pulls parts of a blob, several at once, each to its own place in a file.
//!
//! It does not know the digest of a part: whoever puts the file together compares that of the
//! whole.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::{StreamExt as _, TryStreamExt as _};
use registry_pack::RepositoryName;
use reqwest::header::{CONTENT_RANGE, RANGE};
use reqwest::{Response, StatusCode, Url};

use crate::auth::Scope;
use crate::client::Client;
use crate::descriptor::Descriptor;
use crate::error::ClientError;
use crate::manifests::header;
use crate::progress::{Progress, Transfer};
use crate::retry::Attempts;

/// How much one request asks for at most: a line is shared out evenly, and a server that ignores
/// ranges is noticed soon.
const REQUEST_BYTES: u64 = 8 << 20;
/// How many requests are under way at once; small parts are mostly waiting for their first byte.
const IN_FLIGHT: usize = 8;
/// Pieces from the network are small; the disk gets larger ones.
const WRITE_BYTES: usize = 1 << 20;

impl Client {
    /// Pulls these parts of a blob into a file that is there, each to the offset that it has in the
    /// blob, in bytes. What it wrote is neither verified nor synced.
    ///
    /// # Errors
    /// [`ClientError::Unsupported`] when the server gives no parts of this blob, and as every pull.
    /// The file then holds some of the parts.
    pub async fn pull_blob_ranges(
        &self,
        repository: &RepositoryName,
        blob: &Descriptor,
        ranges: &[Range<u64>],
        into: &Path,
        progress: &dyn Progress,
    ) -> Result<(), ClientError> {
        let what = format!("{repository}@{}", blob.digest);
        if ranges.iter().any(|range| range.end > blob.size_bytes) {
            let message = format!("a part that is asked for ends behind {what}");
            return Err(ClientError::Usage(message));
        }
        let file = std::fs::OpenOptions::new().write(true).open(into);
        let total = ranges.iter().map(length).sum();
        let label = blob.title().unwrap_or(&what);
        let parts = Parts {
            client: self,
            url: self.url(&format!("v2/{repository}/blobs/{}", blob.digest))?,
            scope: Scope::Pull(repository.clone()),
            size_bytes: blob.size_bytes,
            path: into,
            file: Arc::new(file.map_err(ClientError::io("write", into))?),
            transfer: progress.transfer(label, total),
            written: AtomicU64::new(0),
            what,
        };
        futures::stream::iter(ranges.iter().flat_map(requests))
            .map(|range| parts.pull(range))
            .buffer_unordered(IN_FLIGHT)
            .try_collect()
            .await
    }
}

/// A range in pieces of a request each.
fn requests(range: &Range<u64>) -> impl Iterator<Item = Range<u64>> + use<> {
    let end = range.end;
    let starts = (range.start..end).step_by(REQUEST_BYTES as usize);
    starts.map(move |start| start..end.min(start + REQUEST_BYTES))
}

fn length(range: &Range<u64>) -> u64 {
    range.end.saturating_sub(range.start)
}

/// Parts of one blob on their way into one file.
struct Parts<'a> {
    client: &'a Client,
    what: String,
    url: Url,
    scope: Scope,
    size_bytes: u64,
    path: &'a Path,
    file: Arc<File>,
    transfer: Arc<dyn Transfer>,
    written: AtomicU64,
}

impl Parts<'_> {
    async fn pull(&self, range: Range<u64>) -> Result<(), ClientError> {
        let patience = self.client.0.options.attempts;
        let mut attempts = Attempts::new(patience);
        let mut left = range;
        loop {
            let before = left.start;
            let Err(error) = self.pull_once(&mut left).await else {
                return Ok(());
            };
            if left.start > before {
                attempts.progressed(patience);
            }
            attempts.pause_or(error).await?;
        }
    }

    /// Asks for what is left; `left` shrinks by what was written, also when the line is cut.
    async fn pull_once(&self, left: &mut Range<u64>) -> Result<(), ClientError> {
        let asked = format!("bytes={}-{}", left.start, left.end - 1);
        let mut response = self
            .client
            .send_once(&self.what, &self.scope, |http| {
                http.get(self.url.clone()).header(RANGE, &asked)
            })
            .await?;
        self.check(&response, left)?;
        let mut buffer = Vec::new();
        let mut missing = length(left);
        let cut = loop {
            let piece = match response.chunk().await {
                Ok(Some(piece)) => piece,
                Ok(None) => break None,
                Err(error) => break Some(self.client.unreachable(&self.what, &error)),
            };
            missing = missing
                .checked_sub(piece.len() as u64)
                .ok_or_else(|| self.client.odd(&self.what, "it sent more than the range"))?;
            buffer.extend_from_slice(&piece);
            if buffer.len() >= WRITE_BYTES {
                self.write(left, std::mem::take(&mut buffer)).await?;
            }
        };
        self.write(left, buffer).await?;
        match cut {
            _ if missing == 0 => Ok(()),
            Some(error) => Err(error),
            None => Err(self.ended(missing)),
        }
    }

    /// Whether the answer is the range that was asked for, of the blob that was asked for.
    fn check(&self, response: &Response, asked: &Range<u64>) -> Result<(), ClientError> {
        if response.status() != StatusCode::PARTIAL_CONTENT {
            return Err(ClientError::Unsupported {
                server: self.client.host(),
                what: format!("parts of {}", self.what),
                message: format!("it answered {} to a range", response.status()),
            });
        }
        let found = header(response.headers(), CONTENT_RANGE.as_str()).unwrap_or_default();
        let range = format!("bytes {}-{}/", asked.start, asked.end - 1);
        let total = found.strip_prefix(&range);
        let of_blob = |total: &str| total == "*" || total.parse() == Ok(self.size_bytes);
        match total.is_some_and(of_blob) {
            true => Ok(()),
            false => Err(self.client.odd(
                &self.what,
                format!("asked for {range}{} it sent {found:?}", self.size_bytes),
            )),
        }
    }

    async fn write(&self, left: &mut Range<u64>, bytes: Vec<u8>) -> Result<(), ClientError> {
        let (file, at, size) = (Arc::clone(&self.file), left.start, bytes.len() as u64);
        let written = tokio::task::spawn_blocking(move || file.write_all_at(&bytes, at)).await;
        written
            .unwrap_or_else(|error| Err(std::io::Error::other(error)))
            .map_err(ClientError::io("write", self.path))?;
        left.start += size;
        let before = self.written.fetch_add(size, Ordering::Relaxed);
        self.transfer.position(before + size);
        Ok(())
    }

    fn ended(&self, missing: u64) -> ClientError {
        ClientError::Retryable {
            server: self.client.host(),
            what: self.what.clone(),
            message: format!("a part of it ended {missing} bytes too soon"),
            after: None,
        }
    }
}
