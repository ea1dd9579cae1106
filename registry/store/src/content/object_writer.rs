//! An upload into an object store: hashed on the way, sent in parts.
//!
//! Bytes gather in a file on this machine until they make a part, so that slow
//! clients, however many, hold no memory. A part is read into memory only to be
//! sent, within the bound of the [`Pool`](super::pool::Pool). What makes no part
//! when a request ends is put into a small object, so that the next request may
//! reach another server; if nothing follows, that object is the blob.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt as _;
use registry_pack::{Algorithm, Digest};
use tokio::task::JoinSet;

use super::object_parts::{damaged, tail_error};
use super::objects::{Objects, part_bytes};
use super::remote::{remote, unless_absent};
use super::staged::{Part, StagedWriter};
use super::{
    Content as _, ContentWriter, Hasher, Journal, Resume, SentPart, Staged, Suspended, blocking,
};
use crate::error::{Result, StoreError, cause};

pub(crate) struct ObjectWriter {
    pub(super) objects: Objects,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) staged: Staged,
    /// How many of the parts have rows.
    pub(super) first_part: usize,
    /// Hashes, and writes into the scratch file.
    pub(super) writer: StagedWriter,
    /// Bytes that make no part yet: in the scratch file, or still in the tail's object.
    pub(super) gathered: u64,
    pub(super) tail_is_remote: bool,
    pub(super) flights: JoinSet<Result<(usize, SentPart)>>,
    /// The part that is gathered now.
    pub(super) next_part: usize,
    pub(super) sent: Vec<(usize, SentPart)>,
    pub(super) sealed: Option<String>,
    /// Objects that nothing will need once the rows are written.
    pub(super) obsolete: Vec<String>,
}

impl ObjectWriter {
    pub(crate) async fn new(objects: Objects, upload: Resume) -> Result<Self> {
        let offset = upload.offset.unwrap_or(0);
        let in_parts: u64 = upload.staged.parts.iter().map(|part| part.size_bytes).sum();
        let gathered = offset
            .checked_sub(in_parts)
            .ok_or_else(|| damaged("parts"))?;
        if (gathered > 0) != upload.staged.tail.is_some() {
            return Err(damaged("tail"));
        }
        let folder = objects.scratch.clone();
        let (file, path) = blocking(move || {
            let made = tempfile::tempfile_in(&folder);
            made.map_err(|error| StoreError::io("create a file in", &folder, error))
                .map(|file| (file, folder))
        })
        .await?;
        let writer = StagedWriter::new(Part {
            file: Arc::new(file),
            path,
            hasher: upload.hasher,
            offset,
            held: upload.held,
        });
        let parts = upload.staged.parts.len();
        Ok(Self {
            objects,
            journal: upload.journal,
            staged: upload.staged,
            first_part: parts,
            writer,
            gathered,
            tail_is_remote: gathered > 0,
            flights: JoinSet::new(),
            next_part: parts,
            sent: Vec::new(),
            sealed: None,
            obsolete: Vec::new(),
        })
    }
}

#[async_trait]
impl ContentWriter for ObjectWriter {
    fn offset(&self) -> u64 {
        self.writer.offset()
    }

    fn use_algorithm(&mut self, algorithm: Algorithm) {
        self.writer.use_algorithm(algorithm);
    }

    async fn write(&mut self, mut frame: Bytes) -> Result<()> {
        if self.tail_is_remote && !frame.is_empty() {
            self.load_tail().await?;
        }
        loop {
            let room = part_bytes(self.next_part).saturating_sub(self.gathered);
            let length = frame.len() as u64;
            if length < room {
                self.gathered += length;
                return self.writer.write(frame).await;
            }
            let piece = frame.split_to(usize::try_from(room).unwrap_or(usize::MAX));
            self.gathered += room;
            self.writer.write(piece).await?;
            self.send_part().await?;
        }
    }

    async fn suspend(&mut self) -> Result<Suspended> {
        self.land(0).await?;
        if !self.tail_is_remote {
            self.obsolete.extend(self.staged.tail.take());
            if self.gathered > 0 {
                let (folder, _) = self.staged.key.rsplit_once('/').unwrap_or_default();
                let key = format!("{folder}/{}", self.offset());
                self.put_gathered(&key).await?;
                self.staged.tail = Some(key);
            }
        }
        let part = self.writer.written().await?;
        Ok(Suspended {
            offset: part.offset,
            algorithm: part.hasher.algorithm(),
            hash_state: part.hasher.save(),
            first_part: self.first_part,
            parts: self.staged.parts.clone(),
            tail: self.staged.tail.clone(),
        })
    }

    async fn digest(&mut self, algorithm: Algorithm) -> Result<Digest> {
        let part = self.writer.written().await?;
        if part.hasher.algorithm() == algorithm {
            return Ok(part.hasher.digest());
        }
        self.seal().await?;
        let key = self.sealed.clone().unwrap_or_default();
        let mut frames = self.objects.read(&key, 0..self.offset()).await?;
        let mut hasher = Hasher::new(algorithm);
        while let Some(frame) = frames
            .try_next()
            .await
            .map_err(|error| tail_error(&key, error))?
        {
            hasher = blocking(move || {
                hasher.update(&frame);
                hasher
            })
            .await;
        }
        Ok(hasher.digest())
    }

    async fn seal(&mut self) -> Result<()> {
        if self.sealed.is_some() {
            return Ok(());
        }
        let tail = self.staged.tail.clone();
        let key = if self.next_part > 0 {
            self.load_tail().await?;
            if self.gathered > 0 {
                self.send_part().await?;
            }
            self.land(0).await?;
            self.complete().await?;
            self.staged.key.clone()
        } else if let Some(tail) = tail.clone().filter(|_| self.tail_is_remote) {
            tail
        } else {
            let key = self.staged.key.clone();
            self.put_gathered(&key).await?;
            key
        };
        self.obsolete.extend(tail.filter(|tail| *tail != key));
        self.sealed = Some(key);
        Ok(())
    }

    async fn publish(&mut self, _: &Digest) -> Result<String> {
        self.seal().await?;
        Ok(self.sealed.clone().unwrap_or_default())
    }

    async fn keep(&mut self) {
        self.first_part = self.staged.parts.len();
        for key in std::mem::take(&mut self.obsolete) {
            if let Err(error) = self.objects.remove(&key).await {
                let error = cause(&error);
                tracing::warn!(error, key, "an object that nothing needs stays");
            }
        }
        // A blob that became one object after all leaves its multi-part upload unused.
        let unused = self.staged.multipart.as_ref();
        if let Some(multipart) = unused.filter(|_| self.sealed.is_some() && self.next_part == 0) {
            let path = self.objects.path(&self.staged.key);
            let aborted = self
                .objects
                .connection
                .multipart
                .abort_multipart(&path, multipart);
            let aborted = aborted.await.map_err(remote("give a multi-part upload up"));
            if let Err(error) = unless_absent(aborted) {
                tracing::warn!(error = cause(&error), "a multi-part upload stays");
            }
        }
    }

    async fn discard(&mut self) -> Result<()> {
        self.settle().await;
        self.objects.discard(&self.staged).await
    }

    async fn abandon(&mut self) {
        self.settle().await;
        self.writer.stop().await;
    }
}
