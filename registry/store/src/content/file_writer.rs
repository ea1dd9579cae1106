//! An upload into a staged file beside the blobs: synced, renamed to its key, the folder synced.

use std::fs::File;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use registry_pack::{Algorithm, Digest};

use super::held::Keep;
use super::staged::{Part, StagedWriter};
use super::{ContentWriter, Filesystem, Resume, Suspended, blocking};
use crate::error::Result;

pub(crate) struct FileWriter {
    files: Filesystem,
    staged_key: String,
    writer: StagedWriter,
}

impl FileWriter {
    /// Goes on in a file that has as many bytes as the upload.
    pub(crate) fn new(files: Filesystem, upload: Resume, file: File) -> Self {
        let staged_key = upload.staged.key;
        let mut held = upload.held;
        let keep = upload.offset.map_or(Keep::Nothing, Keep::UpTo);
        held.writes(&files, &staged_key, keep);
        let writer = StagedWriter::new(Part {
            file: Arc::new(file),
            path: files.path(&staged_key),
            hasher: upload.hasher,
            offset: upload.offset.unwrap_or(0),
            held,
        })
        .sync_early();
        Self {
            files,
            staged_key,
            writer,
        }
    }
}

#[async_trait]
impl ContentWriter for FileWriter {
    fn offset(&self) -> u64 {
        self.writer.offset()
    }

    fn use_algorithm(&mut self, algorithm: Algorithm) {
        self.writer.use_algorithm(algorithm);
    }

    async fn write(&mut self, frame: Bytes) -> Result<()> {
        self.writer.write(frame).await
    }

    async fn suspend(&mut self) -> Result<Suspended> {
        self.writer.sync().await?;
        let part = self.writer.written().await?;
        Ok(Suspended {
            offset: part.offset,
            algorithm: part.hasher.algorithm(),
            hash_state: part.hasher.save(),
            first_part: 0,
            parts: Vec::new(),
            tail: None,
        })
    }

    async fn digest(&mut self, algorithm: Algorithm) -> Result<Digest> {
        self.writer.digest(algorithm).await
    }

    async fn seal(&mut self) -> Result<()> {
        self.writer.sync().await
    }

    async fn publish(&mut self, digest: &Digest) -> Result<String> {
        let (files, staged_key, digest) =
            (self.files.clone(), self.staged_key.clone(), digest.clone());
        blocking(move || files.publish(&staged_key, &digest)).await
    }

    async fn keep(&mut self) {
        if let Ok(part) = self.writer.written().await {
            part.held.keep(Keep::Everything);
        }
    }

    async fn discard(&mut self) -> Result<()> {
        if let Ok(part) = self.writer.written().await {
            part.held.keep(Keep::Nothing);
        }
        Ok(())
    }

    async fn abandon(&mut self) {
        self.writer.stop().await;
    }
}
