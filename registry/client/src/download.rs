//! Pulls blobs: streamed, verified while they stream, resumed after a cut. A
//! file appears under its name only when it is whole and right.

use std::io::SeekFrom;
use std::path::Path;

use bytes::Bytes;
use registry_pack::{Algorithm, Digest, RepositoryName};
use reqwest::header::{CONTENT_RANGE, RANGE};
use reqwest::{Response, StatusCode};
use sha2::{Digest as _, Sha256, Sha512};
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _, BufWriter};

use crate::auth::Scope;
use crate::client::Client;
use crate::descriptor::Descriptor;
use crate::error::ClientError;
use crate::manifests::{digest_of, header};
use crate::progress::{Progress, Transfer};
use crate::retry::Attempts;

/// Pieces from the network are small; the disk gets larger ones.
const WRITE_BYTES: usize = 1 << 20;

enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha512 => Self::Sha512(Sha512::new()),
            _ => Self::Sha256(Sha256::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> Digest {
        match self {
            Self::Sha256(hasher) => Digest::from_sha256(hasher.finalize().into()),
            Self::Sha512(hasher) => Digest::from_sha512(hasher.finalize().into()),
        }
    }
}

/// One blob on its way into one file.
struct Incoming<'a> {
    blob: &'a Descriptor,
    what: String,
    path: &'a Path,
    file: BufWriter<tokio::fs::File>,
    hasher: Hasher,
    offset: u64,
}

impl Client {
    /// Pulls a blob into a file. The file appears whole and verified, or not at all.
    ///
    /// # Errors
    /// When it is not there, its bytes are wrong, the disk refuses, or the line is down for long.
    pub async fn pull_blob_to_file(
        &self,
        repository: &RepositoryName,
        blob: &Descriptor,
        to: &Path,
        progress: &dyn Progress,
    ) -> Result<(), ClientError> {
        let folder = match to.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let part = tempfile::Builder::new()
            .prefix(".pull-")
            .suffix(".part")
            .tempfile_in(folder)
            .map_err(ClientError::io("write into", folder))?;
        let file = part.reopen().map_err(ClientError::io("write", to))?;
        let label = blob.title().map_or_else(
            || {
                to.file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned()
            },
            str::to_owned,
        );
        let transfer = progress.transfer(&label, blob.size_bytes);
        let mut incoming = Incoming {
            blob,
            what: format!("{repository}@{}", blob.digest),
            path: to,
            file: BufWriter::with_capacity(WRITE_BYTES, tokio::fs::File::from_std(file)),
            hasher: Hasher::new(blob.digest.algorithm()),
            offset: 0,
        };
        self.fetch(repository, &mut incoming, &*transfer).await?;
        incoming.finish().await?;
        part.persist(to)
            .map_err(|error| ClientError::io("write", to)(error.error))?;
        Ok(())
    }

    /// Pulls a small blob into memory.
    ///
    /// # Errors
    /// As above, and when it is larger than the bound.
    pub async fn pull_blob_bytes(
        &self,
        repository: &RepositoryName,
        blob: &Descriptor,
        bound: usize,
    ) -> Result<Bytes, ClientError> {
        let what = format!("{repository}@{}", blob.digest);
        if blob.size_bytes > bound as u64 {
            return Err(self.odd(
                &what,
                format!("it is larger than the {bound} bytes allowed here"),
            ));
        }
        let url = self.url(&format!("v2/{repository}/blobs/{}", blob.digest))?;
        let scope = Scope::Pull(repository.clone());
        let mut attempts = Attempts::new(self.0.options.attempts);
        let bytes = loop {
            let response = self
                .send(&what, &scope, |http| http.get(url.clone()))
                .await?;
            match self.body(&what, response, bound).await {
                Ok(bytes) => break bytes,
                Err(error) => attempts.pause_or(error).await?,
            }
        };
        let actual = digest_of(&bytes, blob.digest.algorithm());
        match actual == blob.digest {
            true => Ok(bytes),
            false => Err(corrupt(&what, &blob.digest, &actual)),
        }
    }

    async fn fetch(
        &self,
        repository: &RepositoryName,
        incoming: &mut Incoming<'_>,
        transfer: &dyn Transfer,
    ) -> Result<(), ClientError> {
        let patience = self.0.options.attempts;
        let mut attempts = Attempts::new(patience);
        loop {
            let before = incoming.offset;
            let Err(error) = self.fetch_once(repository, incoming, transfer).await else {
                return Ok(());
            };
            if incoming.offset > before {
                attempts.progressed(patience);
            }
            attempts.pause_or(error).await?;
        }
    }

    async fn fetch_once(
        &self,
        repository: &RepositoryName,
        incoming: &mut Incoming<'_>,
        transfer: &dyn Transfer,
    ) -> Result<(), ClientError> {
        let what = incoming.what.clone();
        let url = self.url(&format!("v2/{repository}/blobs/{}", incoming.blob.digest))?;
        let from = incoming.offset;
        if from > 0 && from == incoming.blob.size_bytes {
            return Ok(());
        }
        let mut response = self
            .send_once(&what, &Scope::Pull(repository.clone()), |http| {
                let request = http.get(url.clone());
                match from {
                    0 => request,
                    _ => request.header(RANGE, format!("bytes={from}-")),
                }
            })
            .await?;
        if from > 0 && !continues_at(&response, from) {
            incoming.restart().await?;
        }
        loop {
            let piece = response
                .chunk()
                .await
                .map_err(|error| self.unreachable(&what, &error))?;
            let Some(piece) = piece else { break };
            incoming.take(&piece).await?;
            transfer.position(incoming.offset);
        }
        if incoming.offset < incoming.blob.size_bytes {
            return Err(ClientError::Retryable {
                server: self.host(),
                what,
                message: format!(
                    "it ended after {} of {} bytes",
                    incoming.offset, incoming.blob.size_bytes
                ),
                after: None,
            });
        }
        Ok(())
    }
}

impl Incoming<'_> {
    async fn take(&mut self, piece: &[u8]) -> Result<(), ClientError> {
        let offset = self.offset + piece.len() as u64;
        if offset > self.blob.size_bytes {
            return Err(ClientError::Corrupt {
                what: self.what.clone(),
                expected: format!("{} bytes", self.blob.size_bytes),
                actual: "more".to_owned(),
            });
        }
        self.hasher.update(piece);
        self.file
            .write_all(piece)
            .await
            .map_err(ClientError::io("write", self.path))?;
        self.offset = offset;
        Ok(())
    }

    async fn restart(&mut self) -> Result<(), ClientError> {
        let path = self.path;
        let failed = move |error| ClientError::io("write", path)(error);
        self.file.flush().await.map_err(failed)?;
        self.file.get_mut().set_len(0).await.map_err(failed)?;
        self.file.seek(SeekFrom::Start(0)).await.map_err(failed)?;
        self.hasher = Hasher::new(self.blob.digest.algorithm());
        self.offset = 0;
        Ok(())
    }

    async fn finish(mut self) -> Result<(), ClientError> {
        self.file
            .flush()
            .await
            .map_err(ClientError::io("write", self.path))?;
        let actual = self.hasher.finish();
        if actual != self.blob.digest {
            return Err(corrupt(&self.what, &self.blob.digest, &actual));
        }
        let synced = self.file.get_ref().sync_data().await;
        synced.map_err(ClientError::io("write", self.path))
    }
}

fn continues_at(response: &Response, offset: u64) -> bool {
    response.status() == StatusCode::PARTIAL_CONTENT
        && header(response.headers(), CONTENT_RANGE.as_str())
            .and_then(|text| text.strip_prefix("bytes "))
            .and_then(|text| text.split_once('-'))
            .is_some_and(|(start, _)| start.parse() == Ok(offset))
}

fn corrupt(what: &str, expected: &Digest, actual: &Digest) -> ClientError {
    ClientError::Corrupt {
        what: what.to_owned(),
        expected: expected.to_string(),
        actual: actual.to_string(),
    }
}
