//! Pushes blobs: asks first, streams from the file, and goes on from the
//! server's offset after a cut.
//!
//! ```text
//!   HEAD ──there──▶ done
//!    │ not there
//!   POST ──▶ session ──small──▶ PUT with the bytes ──▶ done
//!               │ large
//!               ▼
//!            PATCH, PATCH, … ──▶ PUT ──▶ done
//!               │ cut
//!            GET session: offset ──▶ PATCH from there
//! ```

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::{Stream, TryStreamExt as _, stream};
use registry_pack::{Algorithm, Digest, RepositoryName, media};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, LOCATION};
use reqwest::{Body, Response, StatusCode, Url};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use crate::auth::Scope;
use crate::client::Client;
use crate::descriptor::Descriptor;
use crate::error::ClientError;
use crate::manifests::{digest_of, header};
use crate::progress::{Progress, Transfer};
use crate::retry::Attempts;

/// How much of a file is read at a time.
const READ_BYTES: usize = 256 << 10;

/// Where the bytes of an upload come from.
#[derive(Clone)]
enum Source {
    Bytes(Bytes),
    File(PathBuf),
}

/// One blob on its way to one repository.
struct Upload<'a> {
    client: &'a Client,
    repository: &'a RepositoryName,
    source: Source,
    digest: &'a Digest,
    size: u64,
    transfer: Arc<dyn Transfer>,
}

/// An open upload session and how much the server has of it.
struct Session {
    location: Url,
    offset: u64,
}

impl Client {
    /// Whether the repository has a blob, and how large it is.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn head_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<u64>, ClientError> {
        let what = format!("{repository}@{digest}");
        let url = self.url(&format!("v2/{repository}/blobs/{digest}"))?;
        let scope = Scope::Pull(repository.clone());
        match self
            .send(&what, &scope, |http| http.head(url.clone()))
            .await
        {
            Ok(response) => {
                let size = header(response.headers(), CONTENT_LENGTH.as_str());
                Ok(Some(size.and_then(|text| text.parse().ok()).unwrap_or(0)))
            }
            Err(ClientError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Pushes a file; its digest is computed unless it is known.
    ///
    /// # Errors
    /// When the file cannot be read, the server refuses, or the line is down for long.
    pub async fn push_file(
        &self,
        repository: &RepositoryName,
        path: &Path,
        digest: Option<Digest>,
        progress: &dyn Progress,
    ) -> Result<Descriptor, ClientError> {
        let size = tokio::fs::metadata(path)
            .await
            .map_err(ClientError::io("read", path))?
            .len();
        let digest = match digest {
            Some(digest) => digest,
            None => hash_file(path).await?,
        };
        let label = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let upload = Upload {
            client: self,
            repository,
            source: Source::File(path.to_owned()),
            digest: &digest,
            size,
            transfer: progress.transfer(&label, size),
        };
        upload.run().await?;
        Ok(Descriptor::new(media::BUNDLE_FILE, digest, size))
    }

    /// Pushes bytes that are in memory; for small things.
    ///
    /// # Errors
    /// When the server refuses or the line is down for long.
    pub async fn push_bytes(
        &self,
        repository: &RepositoryName,
        media_type: &str,
        bytes: impl Into<Bytes>,
    ) -> Result<Descriptor, ClientError> {
        let bytes: Bytes = bytes.into();
        let digest = digest_of(&bytes, Algorithm::Sha256);
        let size = bytes.len() as u64;
        let upload = Upload {
            client: self,
            repository,
            source: Source::Bytes(bytes),
            digest: &digest,
            size,
            transfer: Arc::new(crate::progress::NoProgress),
        };
        upload.run().await?;
        Ok(Descriptor::new(media_type, digest, size))
    }

    /// Asks the server to take a blob over from another repository. False when
    /// it cannot, and the bytes have to be sent.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn mount(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        from: &RepositoryName,
    ) -> Result<bool, ClientError> {
        let what = format!("{repository}@{digest}");
        let mut url = self.url(&format!("v2/{repository}/blobs/uploads/"))?;
        url.query_pairs_mut()
            .append_pair("mount", digest.as_str())
            .append_pair("from", from.as_str());
        let scope = Scope::Push(repository.clone());
        let response = self
            .send(&what, &scope, |http| {
                http.post(url.clone()).header(CONTENT_LENGTH, 0)
            })
            .await?;
        if response.status() == StatusCode::CREATED {
            return Ok(true);
        }
        // The server opened a session instead; it is not needed.
        if let Ok(session) = location(self, &what, &response, &url) {
            drop(
                self.send_once(&what, &scope, |http| http.delete(session.clone()))
                    .await,
            );
        }
        Ok(false)
    }
}

impl Upload<'_> {
    async fn run(self) -> Result<(), ClientError> {
        let patience = self.client.0.options.attempts;
        let mut attempts = Attempts::new(patience);
        let mut session = None;
        loop {
            let reached = session.as_ref().map_or(0, |open: &Session| open.offset);
            let error = match self.attempt(&mut session).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            // A session that the server has forgotten is begun again.
            let error = match (error, session.is_some()) {
                (ClientError::NotFound { what, server }, true) => {
                    session = None;
                    ClientError::Retryable {
                        server,
                        what,
                        message: "the server has forgotten the upload".to_owned(),
                        after: None,
                    }
                }
                (error, _) => error,
            };
            attempts.pause_or(error).await?;
            if let Some(open) = &mut session {
                match self.ask_offset(open).await {
                    Ok(()) if open.offset > reached => attempts.progressed(patience),
                    Ok(()) => {}
                    Err(ClientError::NotFound { .. }) => session = None,
                    Err(error) => attempts.pause_or(error).await?,
                }
            }
        }
    }

    async fn attempt(&self, session: &mut Option<Session>) -> Result<(), ClientError> {
        if session.is_none() {
            if self
                .client
                .head_blob(self.repository, self.digest)
                .await?
                .is_some()
            {
                self.transfer.already_there();
                self.transfer.position(self.size);
                return Ok(());
            }
            *session = Some(self.begin().await?);
        }
        let Some(open) = session else { return Ok(()) };
        let chunk = self.client.0.options.chunk_bytes.max(1);
        if open.offset == 0 && self.size <= chunk {
            return self.finish(open, self.size).await;
        }
        while open.offset < self.size {
            let len = chunk.min(self.size - open.offset);
            self.send_chunk(open, len).await?;
        }
        self.finish(open, 0).await
    }

    async fn begin(&self) -> Result<Session, ClientError> {
        let mut url = self
            .client
            .url(&format!("v2/{}/blobs/uploads/", self.repository))?;
        if self.digest.algorithm() == Algorithm::Sha512 {
            url.query_pairs_mut()
                .append_pair("digest-algorithm", "sha512");
        }
        let what = self.what();
        let response = self
            .client
            .send(&what, &self.scope(), |http| {
                http.post(url.clone()).header(CONTENT_LENGTH, 0)
            })
            .await?;
        Ok(Session {
            location: location(self.client, &what, &response, &url)?,
            offset: 0,
        })
    }

    async fn send_chunk(&self, open: &mut Session, len: u64) -> Result<(), ClientError> {
        let (start, end) = (open.offset, open.offset + len - 1);
        let what = self.what();
        let response = self
            .client
            .send_once(&what, &self.scope(), |http| {
                http.patch(open.location.clone())
                    .header(CONTENT_TYPE, media::BUNDLE_FILE)
                    .header(CONTENT_RANGE, format!("{start}-{end}"))
                    .header(CONTENT_LENGTH, len)
                    .body(self.body(start, len))
            })
            .await?;
        open.location = location(self.client, &what, &response, &open.location)?;
        open.offset = end + 1;
        self.transfer.position(open.offset);
        Ok(())
    }

    /// Closes the session, with the last `len` bytes in the same request.
    async fn finish(&self, open: &Session, len: u64) -> Result<(), ClientError> {
        let mut url = open.location.clone();
        url.query_pairs_mut()
            .append_pair("digest", self.digest.as_str());
        let what = self.what();
        let response = self
            .client
            .send_once(&what, &self.scope(), |http| {
                http.put(url.clone())
                    .header(CONTENT_TYPE, media::BUNDLE_FILE)
                    .header(CONTENT_LENGTH, len)
                    .body(self.body(self.size - len, len))
            })
            .await?;
        if response.status() != StatusCode::CREATED {
            return Err(self
                .client
                .odd(&what, format!("it answered {}", response.status())));
        }
        self.transfer.position(self.size);
        Ok(())
    }

    async fn ask_offset(&self, open: &mut Session) -> Result<(), ClientError> {
        let what = self.what();
        let response = self
            .client
            .send_once(&what, &self.scope(), |http| http.get(open.location.clone()))
            .await?;
        let end = header(response.headers(), "range")
            .and_then(|text| text.trim_start_matches("bytes=").rsplit_once('-'))
            .and_then(|(_, end)| end.parse::<u64>().ok());
        // `0-0` is what servers say before the first byte.
        open.offset = match end {
            Some(0) | None => 0,
            Some(end) => (end + 1).min(self.size),
        };
        if let Ok(moved) = location(self.client, &what, &response, &open.location) {
            open.location = moved;
        }
        self.transfer.position(open.offset);
        Ok(())
    }

    fn body(&self, start: u64, len: u64) -> Body {
        match &self.source {
            Source::Bytes(bytes) => {
                let from = usize::try_from(start)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                let to = from
                    + usize::try_from(len)
                        .unwrap_or(usize::MAX)
                        .min(bytes.len() - from);
                Body::from(bytes.slice(from..to))
            }
            Source::File(path) => {
                let transfer = Arc::clone(&self.transfer);
                let mut at = start;
                Body::wrap_stream(pieces(path.clone(), start, len).inspect_ok(move |piece| {
                    at += piece.len() as u64;
                    transfer.position(at);
                }))
            }
        }
    }

    fn scope(&self) -> Scope {
        Scope::Push(self.repository.clone())
    }

    fn what(&self) -> String {
        format!("{}@{}", self.repository, self.digest)
    }
}

/// Where the session goes on; it may be a path or a whole address.
fn location(
    client: &Client,
    what: &str,
    response: &Response,
    base: &Url,
) -> Result<Url, ClientError> {
    header(response.headers(), LOCATION.as_str())
        .and_then(|text| base.join(text).ok())
        .ok_or_else(|| client.odd(what, "it names no place to send the bytes to"))
}

/// A part of a file as a stream. The file is opened when the stream is read.
fn pieces(
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

/// The SHA-256 of a file.
///
/// # Errors
/// When it cannot be read.
pub(crate) async fn hash_file(path: &Path) -> Result<Digest, ClientError> {
    let owned = path.to_owned();
    let hashing = tokio::task::spawn_blocking(move || -> io::Result<Digest> {
        use std::io::Read as _;
        let mut file = std::fs::File::open(owned)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                return Ok(Digest::from_sha256(hasher.finalize().into()));
            }
            hasher.update(&buffer[..read]);
        }
    });
    let hashed = hashing
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)));
    hashed.map_err(ClientError::io("read", path))
}
