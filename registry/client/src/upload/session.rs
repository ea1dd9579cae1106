//! One upload: asks first, streams from the file, and goes on from the
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

use std::sync::Arc;

use futures::TryStreamExt as _;
use registry_pack::{Algorithm, Digest, RepositoryName, media};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE};
use reqwest::{Body, StatusCode, Url};

use super::location;
use super::source::{Source, pieces};
use crate::auth::Scope;
use crate::client::Client;
use crate::error::ClientError;
use crate::manifests::header;
use crate::progress::Transfer;
use crate::retry::Attempts;

/// One blob on its way to one repository.
pub(super) struct Upload<'a> {
    pub(super) client: &'a Client,
    pub(super) repository: &'a RepositoryName,
    pub(super) source: Source,
    pub(super) digest: &'a Digest,
    pub(super) size: u64,
    pub(super) transfer: Arc<dyn Transfer>,
}

/// An open upload session and how much the server has of it.
struct Session {
    location: Url,
    offset: u64,
}

impl Upload<'_> {
    pub(super) async fn run(self) -> Result<(), ClientError> {
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
