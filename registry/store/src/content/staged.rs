//! Writing a file on the way in: large blocks, hashed and written beside the async threads.
//!
//! While one block is hashed and written, the next is gathered from the
//! network; no thread waits for a slow client. What has to be durable in the end goes to the disk
//! while the rest still comes.

use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use registry_pack::{Algorithm, Digest};
use tokio::task::{JoinError, JoinHandle};

use super::{Hasher, Held};
use crate::crash;
use crate::error::{Result, StoreError};

/// Large enough that a block's cost is the hash and the copy, not the hand-over.
const BLOCK_BYTES: usize = 512 * 1024;
/// After how much the disk is given what came until then: it works while the rest still comes.
/// docs/benchmarks.md has what that gave.
const SYNC_BYTES: u64 = 32 * 1024 * 1024;
/// A client that sends single bytes must not make us keep a list of them.
const BLOCK_FRAMES: usize = 256;

/// A file that is being written and what is known of it.
pub(crate) struct Part {
    pub(crate) file: Arc<File>,
    pub(crate) path: PathBuf,
    pub(crate) hasher: Hasher,
    pub(crate) offset: u64,
    /// Goes with the last one who writes, be it a block that nobody waits for any more.
    pub(crate) held: Held,
}

enum Job {
    Idle(Box<Part>),
    Running(JoinHandle<(Box<Part>, io::Result<()>)>),
    /// An earlier write failed; the part went with it.
    Failed,
}

/// Takes the body's frames as they come.
pub(crate) struct StagedWriter {
    job: Job,
    frames: Vec<Bytes>,
    frame_bytes: usize,
    accepted: u64,
    path: PathBuf,
    early: Option<EarlySync>,
}

/// Makes durable what came, before anybody asks for it.
#[derive(Default)]
struct EarlySync {
    /// How much was there when the last one began.
    begun: u64,
    running: Option<JoinHandle<io::Result<()>>>,
}

impl StagedWriter {
    pub(crate) fn new(part: Part) -> Self {
        Self {
            accepted: part.offset,
            path: part.path.clone(),
            job: Job::Idle(Box::new(part)),
            frames: Vec::new(),
            frame_bytes: 0,
            early: None,
        }
    }

    /// For what has to be durable in the end: the disk gets it while it comes.
    pub(crate) fn sync_early(mut self) -> Self {
        self.early = Some(EarlySync {
            begun: self.accepted,
            running: None,
        });
        self
    }

    /// Where the next byte goes: everything taken so far, written or not.
    pub(crate) fn offset(&self) -> u64 {
        self.accepted
    }

    /// Takes a frame; waits only while a whole block is still being written.
    pub(crate) async fn write(&mut self, frame: Bytes) -> Result<()> {
        if frame.is_empty() {
            return Ok(());
        }
        self.accepted += frame.len() as u64;
        self.frame_bytes += frame.len();
        self.frames.push(frame);
        if self.frame_bytes >= BLOCK_BYTES || self.frames.len() >= BLOCK_FRAMES {
            self.start_block().await?;
        }
        Ok(())
    }

    /// Waits until all is written and makes it durable.
    pub(crate) async fn sync(&mut self) -> Result<()> {
        self.start_block().await?;
        self.end_early_sync().await?;
        let synced = self.beside(|part| part.file.sync_data()).await?;
        crash::point();
        synced.map_err(|error| StoreError::io("sync", &self.path, error))
    }

    /// The digest of all that was written, in the algorithm asked for.
    ///
    /// The running hash answers at once; the other algorithm costs one read.
    pub(crate) async fn digest(&mut self, algorithm: Algorithm) -> Result<Digest> {
        let part = self.written().await?;
        if part.hasher.algorithm() == algorithm {
            return Ok(part.hasher.digest());
        }
        let digest = self
            .beside(move |part| read_digest(part, algorithm))
            .await?;
        digest.map_err(|error| StoreError::io("read", &self.path, error))
    }

    /// Hashes with another algorithm from here on; only while nothing was written.
    pub(crate) fn use_algorithm(&mut self, algorithm: Algorithm) {
        if self.accepted == 0
            && let Job::Idle(part) = &mut self.job
        {
            part.hasher = Hasher::new(algorithm);
        }
    }

    /// The part, once all that was taken is written.
    pub(crate) async fn written(&mut self) -> Result<&mut Part> {
        self.start_block().await?;
        let part = self.take_part().await?;
        self.job = Job::Idle(part);
        match &mut self.job {
            Job::Idle(part) => Ok(part),
            Job::Running(_) | Job::Failed => Err(failed(&self.path)),
        }
    }

    /// Waits for what is being written and lets go of everything.
    pub(crate) async fn stop(&mut self) {
        self.frames.clear();
        drop(self.take_part().await);
    }

    /// Does something that blocks with the part, once all is written.
    pub(super) async fn beside<T: Send + 'static>(
        &mut self,
        call: impl FnOnce(&mut Part) -> T + Send + 'static,
    ) -> Result<T> {
        self.start_block().await?;
        let mut part = self.take_part().await?;
        let (part, result) = blocking(move || {
            let result = call(&mut part);
            (part, result)
        })
        .await;
        self.job = Job::Idle(part);
        Ok(result)
    }

    async fn start_block(&mut self) -> Result<()> {
        if self.frames.is_empty() {
            return Ok(());
        }
        let mut part = self.take_part().await?;
        self.begin_early_sync(&part).await?;
        let frames = std::mem::take(&mut self.frames);
        self.frame_bytes = 0;
        self.job = Job::Running(tokio::task::spawn_blocking(move || {
            let written = write_block(&mut part, frames);
            (part, written)
        }));
        Ok(())
    }

    /// One at a time: a disk that is slower than the network gets more at once.
    async fn begin_early_sync(&mut self, part: &Part) -> Result<()> {
        let Some(early) = &mut self.early else {
            return Ok(());
        };
        let is_running = early
            .running
            .as_ref()
            .is_some_and(|sync| !sync.is_finished());
        if is_running || part.offset < early.begun + SYNC_BYTES {
            return Ok(());
        }
        self.end_early_sync().await?;
        let file = Arc::clone(&part.file);
        self.early = Some(EarlySync {
            begun: part.offset,
            running: Some(tokio::task::spawn_blocking(move || file.sync_data())),
        });
        Ok(())
    }

    /// What an early sync says is not said again by a later one: it counts as much.
    async fn end_early_sync(&mut self) -> Result<()> {
        let running = self.early.as_mut().and_then(|early| early.running.as_mut());
        let Some(running) = running else {
            return Ok(());
        };
        let synced = join(running).await;
        if let Some(early) = &mut self.early {
            early.running = None;
        }
        synced.map_err(|error| {
            self.job = Job::Failed;
            StoreError::io("sync", &self.path, error)
        })
    }

    /// Waits for the running block, if any. The caller puts the part back.
    async fn take_part(&mut self) -> Result<Box<Part>> {
        match std::mem::replace(&mut self.job, Job::Failed) {
            Job::Idle(part) => Ok(part),
            Job::Failed => Err(failed(&self.path)),
            Job::Running(handle) => {
                let (part, written) = join(handle).await;
                written.map_err(|error| StoreError::io("write", &self.path, error))?;
                Ok(part)
            }
        }
    }
}

fn failed(path: &std::path::Path) -> StoreError {
    StoreError::io(
        "go on writing",
        path,
        io::Error::other("an earlier write failed"),
    )
}

fn write_block(part: &mut Part, frames: Vec<Bytes>) -> io::Result<()> {
    let mut length = 0;
    for frame in &frames {
        part.hasher.update(frame);
        length += frame.len() as u64;
    }
    write_all(&part.file, frames)?;
    crash::point();
    part.offset += length;
    Ok(())
}

fn write_all(mut file: &File, mut frames: Vec<Bytes>) -> io::Result<()> {
    let mut first = 0;
    while first < frames.len() {
        let slices: Vec<IoSlice<'_>> = frames[first..]
            .iter()
            .map(|frame| IoSlice::new(frame))
            .collect();
        let mut written = match file.write_vectored(&slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        while first < frames.len() && written >= frames[first].len() {
            written -= frames[first].len();
            first += 1;
        }
        if written > 0 {
            frames[first].advance(written);
        }
    }
    Ok(())
}

fn read_digest(part: &Part, algorithm: Algorithm) -> io::Result<Digest> {
    let mut file = File::open(&part.path)?;
    let mut hasher = Hasher::new(algorithm);
    let mut buffer = vec![0; BLOCK_BYTES];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.digest()),
            Ok(length) => hasher.update(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Runs a call that blocks, and hands its panic on.
pub(crate) async fn blocking<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
    join(tokio::task::spawn_blocking(call)).await
}

/// Waits for a task, and hands its panic on.
pub(crate) async fn join<T>(handle: impl Future<Output = Result<T, JoinError>>) -> T {
    match handle.await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is going away, and this task with it.
            Err(_) => std::future::pending().await,
        },
    }
}
