//! How the bytes of an upload get into an object store: parts, the tail, and putting them together.

use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::multipart::PartId;
use object_store::{ObjectStoreExt as _, PutPayload};

use super::object_writer::ObjectWriter;
use super::objects::{PARTS, part_bytes};
use super::pool::{BLOCK_BYTES, Block};
use super::remote::{again, chain, is_absent, remote};
use super::{Content as _, SentPart};
use crate::error::{Result, StoreError};

/// Parts of one upload on their way at once; the pool bounds those of all together.
const IN_FLIGHT: usize = 4;

impl ObjectWriter {
    /// Brings what an earlier request left beside the parts into the scratch file.
    pub(super) async fn load_tail(&mut self) -> Result<()> {
        let Some(tail) = self.staged.tail.clone().filter(|_| self.tail_is_remote) else {
            return Ok(());
        };
        let mut frames = self.objects.read(&tail, 0..self.gathered).await?;
        let mut at = 0;
        while let Some(frame) = frames
            .try_next()
            .await
            .map_err(|error| tail_error(&tail, error))?
        {
            let length = frame.len() as u64;
            self.writer
                .beside(move |part| part.file.write_all_at(&frame, at))
                .await?
                .map_err(|error| self.scratch("write", error))?;
            at += length;
        }
        self.writer
            .beside(move |part| part.file.seek(SeekFrom::Start(at)))
            .await?
            .map_err(|error| self.scratch("write", error))?;
        self.tail_is_remote = false;
        Ok(())
    }

    /// Sends what has gathered as the next part.
    pub(super) async fn send_part(&mut self) -> Result<()> {
        if self.next_part >= PARTS {
            let limit_bytes = (0..PARTS).map(part_bytes).sum();
            return Err(StoreError::TooLarge { limit_bytes });
        }
        let multipart = self.multipart().await?;
        self.land(IN_FLIGHT - 1).await?;
        let payload = self.take_gathered().await?;
        let (index, size_bytes) = (self.next_part, payload.content_length() as u64);
        self.next_part += 1;
        let store = Arc::clone(&self.objects.connection.multipart);
        let path = self.objects.path(&self.staged.key);
        self.flights.spawn(async move {
            let sent = store.put_part(&path, &multipart, index, payload).await;
            let PartId { content_id } = sent.map_err(remote("send a part of an upload"))?;
            let part = SentPart {
                size_bytes,
                content_id,
            };
            Ok((index, part))
        });
        Ok(())
    }

    /// What has gathered, in memory, once there is room; the scratch file begins anew.
    pub(super) async fn take_gathered(&mut self) -> Result<PutPayload> {
        let length = usize::try_from(self.gathered).unwrap_or(usize::MAX);
        self.writer.written().await?;
        let blocks = self.objects.pool.take(length).await;
        let read = self.writer.beside(move |part| {
            let read = read_blocks(&part.file, blocks, length);
            part.file.rewind().and(read)
        });
        let payload = read.await?.map_err(|error| self.scratch("read", error))?;
        self.gathered = 0;
        Ok(payload.into_iter().collect())
    }

    /// The multi-part upload, begun on first use and written down before any part is sent.
    pub(super) async fn multipart(&mut self) -> Result<String> {
        if let Some(multipart) = &self.staged.multipart {
            return Ok(multipart.clone());
        }
        let path = self.objects.path(&self.staged.key);
        let store = &self.objects.connection.multipart;
        let multipart = again("begin a multi-part upload", || {
            store.create_multipart(&path)
        })
        .await?;
        self.journal.multipart(&multipart).await?;
        self.staged.multipart = Some(multipart.clone());
        Ok(multipart)
    }

    /// Waits until no more than so many parts are on their way.
    pub(super) async fn land(&mut self, at_most: usize) -> Result<()> {
        while self.flights.len() > at_most {
            match self.flights.join_next().await {
                Some(Ok(sent)) => self.sent.push(sent?),
                Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
                None => break,
            }
        }
        if self.flights.is_empty() {
            self.sent.sort_unstable_by_key(|(index, _)| *index);
            let sent = self.sent.drain(..).map(|(_, part)| part);
            self.staged.parts.extend(sent);
        }
        Ok(())
    }

    /// Waits for the parts on their way, whatever becomes of them: one that arrives after the
    /// upload was given up, or went on, would do harm.
    pub(super) async fn settle(&mut self) {
        while self.flights.join_next().await.is_some() {}
    }

    /// Puts what has gathered, which is all or the rest, into an object of its own.
    pub(super) async fn put_gathered(&mut self, key: &str) -> Result<()> {
        let payload = self.take_gathered().await?;
        let path = self.objects.path(key);
        let put = self.objects.connection.objects.put(&path, payload);
        put.await.map_err(remote("put an object"))?;
        Ok(())
    }

    /// Makes the parts one object.
    pub(super) async fn complete(&mut self) -> Result<()> {
        let multipart = self.multipart().await?;
        let size: u64 = self.staged.parts.iter().map(|part| part.size_bytes).sum();
        let parts = self.staged.parts.iter().map(|part| PartId {
            content_id: part.content_id.clone(),
        });
        let path = self.objects.path(&self.staged.key);
        let store = &self.objects.connection.multipart;
        let completed = store.complete_multipart(&path, &multipart, parts.collect());
        match completed
            .await
            .map_err(remote("put an upload's parts together"))
        {
            Ok(_) => Ok(()),
            // The answer to an earlier try may have been lost: then the object is there.
            Err(error) => match self.objects.size(&self.staged.key).await {
                Ok(Some(found)) if found == size => Ok(()),
                Ok(None) if is_lost(&error) => Err(damaged("multi-part upload")),
                _ => Err(error),
            },
        }
    }

    pub(super) fn scratch(&self, what: &'static str, error: std::io::Error) -> StoreError {
        StoreError::io(what, &self.objects.scratch, error)
    }
}

fn read_blocks(file: &File, blocks: Vec<Block>, length: usize) -> std::io::Result<Vec<Bytes>> {
    let mut at = 0;
    let mut read = Vec::with_capacity(blocks.len());
    for block in blocks {
        let size = (length - at).min(BLOCK_BYTES);
        read.push(block.fill(size, |bytes| file.read_exact_at(bytes, at as u64))?);
        at += size;
    }
    Ok(read)
}

/// Whether parts, or the upload itself, are no longer what they were. No retry cures that.
fn is_lost(error: &StoreError) -> bool {
    is_absent(error) || chain(error).contains("InvalidPart")
}

pub(super) fn tail_error(key: &str, error: std::io::Error) -> StoreError {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => damaged("tail"),
        _ => StoreError::Io {
            what: "read the object",
            path: key.into(),
            source: error,
        },
    }
}

pub(super) fn damaged(what: &str) -> StoreError {
    StoreError::Damaged {
        what: format!("the {what} of an upload into the object store"),
    }
}
