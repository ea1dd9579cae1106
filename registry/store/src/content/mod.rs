//! Where the bytes of blobs lie: one trait, kept by a folder or by an object store.
//!
//! It knows keys and bytes, and neither repositories nor rows: which digest a
//! key stands for, and who may read it, the metadata says. An object never
//! changes once its key is published, so that a reader needs no lock.
//!
//! Where to read on: `filesystem.rs` and `file_writer.rs` are the folder,
//! `objects.rs`, `object_writer.rs` and `object_parts.rs` the object stores; `connect.rs` is what
//! differs between Amazon, Google and Azure.

mod buffered;
mod config;
mod connect;
mod file_writer;
mod filesystem;
mod hasher;
mod held;
mod listing;
mod mapped;
mod object_parts;
mod object_writer;
mod objects;
mod pool;
mod reader;
mod remote;
mod staged;
mod windows;

use std::fmt;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use registry_pack::{Algorithm, Digest};

use crate::error::Result;

pub use config::{ObjectStoreConfig, Secret, StorageConfig};
pub(crate) use filesystem::Filesystem;
pub(crate) use hasher::Hasher;
pub(crate) use held::Held;
pub(crate) use objects::Objects;
pub use reader::BlobReader;
pub(crate) use staged::{blocking, join};

/// Keeps the bytes of blobs, and of uploads that are not finished.
#[async_trait]
pub(crate) trait Content: fmt::Debug + Send + Sync {
    /// Whether several servers may write at once. Then each upload has keys of its own that
    /// nothing else ever uses, and rows say where its bytes are before they are there.
    fn is_shared(&self) -> bool;

    /// The key of an upload's bytes while it is open.
    fn staged_key(&self, id: &str) -> String;

    /// Makes a place for a new upload; the key that its row keeps.
    async fn create(&self, id: &str) -> Result<String>;

    /// Goes on with an upload that stands as its row says. What lies beyond that is dropped.
    async fn resume(&self, upload: Resume) -> Result<Box<dyn ContentWriter>>;

    /// Removes all that an upload left, whatever became of it; what is gone already is no error.
    async fn discard(&self, staged: &Staged) -> Result<()>;

    /// The ids of uploads that left something of which no row need speak, untouched for so long.
    async fn leftovers(&self, untouched: Duration) -> Result<Vec<String>>;

    /// The digest of an object, where its key tells it.
    fn digest_of(&self, key: &str) -> Option<Digest>;

    /// The upload in whose place an object lies, where its key tells it.
    fn upload_of(&self, key: &str) -> Option<String>;

    /// A range of an object, which must lie inside of it.
    async fn read(&self, key: &str, range: Range<u64>) -> Result<BlobReader>;

    /// A whole object, for code that blocks.
    async fn read_blocking(&self, key: &str) -> Result<Box<dyn Read + Send>>;

    /// An address from which anybody can read the object for a while, where there is such a thing.
    async fn link(&self, key: &str) -> Result<Option<String>>;

    /// Removes an object; one that is gone already is no error.
    async fn remove(&self, key: &str) -> Result<()>;

    /// All objects with a key after this one, by key, with what is known without reading them.
    fn list(&self, after: &str) -> BoxStream<'static, Result<Found>>;

    /// Takes a damaged object out of use; where it is now, if it was moved.
    async fn quarantine(&self, key: &str) -> Result<Option<String>>;
}

/// One request's work on an upload. Dropped in between, it leaves what its row says.
#[async_trait]
pub(crate) trait ContentWriter: Send + Sync {
    /// Where the next byte goes: everything taken so far.
    fn offset(&self) -> u64;

    /// Hashes with another algorithm from here on; only while nothing was written.
    fn use_algorithm(&mut self, algorithm: Algorithm);

    /// Takes a frame of the body.
    async fn write(&mut self, frame: Bytes) -> Result<()>;

    /// Makes all that was taken durable; what the row has to say of it.
    async fn suspend(&mut self) -> Result<Suspended>;

    /// The digest of all that was written. The running hash answers at once, the other algorithm
    /// costs one read.
    async fn digest(&mut self, algorithm: Algorithm) -> Result<Digest>;

    /// Makes all that was taken durable for good; nothing is written after it.
    async fn seal(&mut self) -> Result<()>;

    /// Gives what was sealed its key.
    async fn publish(&mut self, digest: &Digest) -> Result<String>;

    /// The rows speak of it now: nothing of what was made durable may be taken back.
    async fn keep(&mut self);

    /// Throws the bytes away, at the latest when it is dropped; the row is still there.
    async fn discard(&mut self) -> Result<()>;

    /// Forgets what this request wrote.
    async fn abandon(&mut self);
}

/// An upload as it is taken up.
pub(crate) struct Resume {
    pub(crate) staged: Staged,
    /// How much of it is durable; nothing, when no row speaks of it.
    pub(crate) offset: Option<u64>,
    pub(crate) hasher: Hasher,
    pub(crate) held: Held,
    pub(crate) journal: Arc<dyn Journal>,
}

/// Writes down what is about to be needed for clearing up.
#[async_trait]
pub(crate) trait Journal: Send + Sync {
    /// The upload has this name in the object store.
    async fn multipart(&self, multipart: &str) -> Result<()>;
}

/// Where the bytes of an upload lie. A folder needs the key alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Staged {
    pub(crate) key: String,
    /// The name of the multi-part upload, once there is one.
    pub(crate) multipart: Option<String>,
    /// The parts that are durable, in order and without a gap.
    pub(crate) parts: Vec<SentPart>,
    /// The object with the bytes after the last part.
    pub(crate) tail: Option<String>,
}

/// A part that the object store has.
#[derive(Clone, Debug)]
pub(crate) struct SentPart {
    pub(crate) size_bytes: u64,
    /// The object store's word for its content.
    pub(crate) content_id: String,
}

/// What an upload's row says after a request.
#[derive(Clone, Debug)]
pub(crate) struct Suspended {
    pub(crate) offset: u64,
    pub(crate) algorithm: Algorithm,
    pub(crate) hash_state: Vec<u8>,
    /// The index of the first of `parts` that no row has yet.
    pub(crate) first_part: usize,
    pub(crate) parts: Vec<SentPart>,
    pub(crate) tail: Option<String>,
}

/// An object, as a listing shows it.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) key: String,
    pub(crate) size_bytes: u64,
    pub(crate) modified: SystemTime,
}

impl Found {
    /// How long ago it was written; nothing when the clock went back since.
    pub(crate) fn age(&self) -> Duration {
        SystemTime::now()
            .duration_since(self.modified)
            .unwrap_or_default()
    }
}

/// Opens what the configuration names. `scratch` is a folder for what is on its way.
pub(crate) async fn open(config: &StorageConfig, data_dir: &Path) -> Result<Arc<dyn Content>> {
    match config {
        StorageConfig::Folder => {
            let root = data_dir.to_owned();
            let files = blocking(move || Filesystem::open(&root)).await?;
            Ok(Arc::new(files))
        }
        StorageConfig::Objects(config) => {
            let objects = Objects::open(config, data_dir).await?;
            Ok(Arc::new(objects))
        }
    }
}
