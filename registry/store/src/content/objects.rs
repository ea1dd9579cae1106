//! The content store in an object store: Amazon S3, Google or Azure storage, or what speaks like them.
//!
//! Nothing is ever copied or renamed. Each upload has a folder of its own, under
//! a random name, and each object in it is written once:
//!
//! ```text
//! objects/7f/7f3c…/whole       the blob, once its parts are put together
//! objects/7f/7f3c…/8388608     the bytes up to this offset that make no part yet
//! ```
//!
//! Which of them is the blob of which digest, a row says. Before anything is
//! written, the upload's row is there, so that whatever a crash leaves is found.

use std::io::Read;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt as _};
use registry_pack::Digest;
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::connect::Connection;
use super::object_writer::ObjectWriter;
use super::pool::{BLOCK_BYTES, Pool};
use super::remote::{chain, is_absent, remote, unless_absent};
use super::{
    BlobReader, Content, ContentWriter, Found, ObjectStoreConfig, Resume, Staged, blocking,
};
use crate::error::{Result, StoreError, cause};

/// Memory for parts on their way. With what the connections of 100 pushes take it stays below
/// 256 MB; more parts at once do not make one server faster.
const POOL_BLOCKS: usize = 64;
/// How long a signed address holds: long enough for a client that queues its downloads.
const LINK: Duration = Duration::from_secs(20 * 60);

/// Blobs and uploads below one prefix of one bucket. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Objects {
    pub(super) connection: Connection,
    pub(super) pool: Arc<Pool>,
    /// A folder on this machine for bytes that make no part yet.
    pub(super) scratch: PathBuf,
}

impl std::fmt::Debug for Objects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Objects").field(&self.connection).finish()
    }
}

impl Objects {
    /// Connects, and asks once whether the bucket answers.
    pub(crate) async fn open(
        config: &ObjectStoreConfig,
        data_dir: &std::path::Path,
    ) -> Result<Self> {
        let scratch = data_dir.join("scratch");
        let folder = scratch.clone();
        blocking(move || {
            std::fs::create_dir_all(&folder)
                .map_err(|error| StoreError::io("create", &folder, error))
        })
        .await?;
        let objects = Self {
            connection: Connection::new(config)?,
            pool: Pool::new(POOL_BLOCKS),
            scratch,
        };
        // Nothing is there, so that the answer is short however much the bucket holds.
        let nowhere = objects.path("objects/none");
        let mut found = objects.connection.objects.list(Some(&nowhere));
        match found.try_next().await.map_err(remote("list the objects")) {
            Ok(_) => Ok(objects),
            Err(error) => Err(StoreError::Storage { why: chain(&error) }),
        }
    }

    pub(super) fn path(&self, key: &str) -> Path {
        key.split('/')
            .fold(self.connection.prefix.clone(), Path::join)
    }

    /// How large an object is, if it is there.
    pub(super) async fn size(&self, key: &str) -> Result<Option<u64>> {
        let found = self.connection.objects.head(&self.path(key)).await;
        match found.map_err(remote("look for an object")) {
            Ok(meta) => Ok(Some(meta.size)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The folder of an upload, from the key of any object in it.
    fn folder(&self, key: &str) -> Path {
        let folder = key.rsplit_once('/').map_or(key, |(folder, _)| folder);
        self.path(folder)
    }
}

#[async_trait]
impl Content for Objects {
    fn is_shared(&self) -> bool {
        true
    }

    fn staged_key(&self, id: &str) -> String {
        let first = id.get(..2).unwrap_or("00");
        format!("objects/{first}/{id}/whole")
    }

    async fn create(&self, id: &str) -> Result<String> {
        Ok(self.staged_key(id))
    }

    async fn resume(&self, upload: Resume) -> Result<Box<dyn ContentWriter>> {
        Ok(Box::new(ObjectWriter::new(self.clone(), upload).await?))
    }

    async fn discard(&self, staged: &Staged) -> Result<()> {
        let store = &self.connection;
        if let Some(multipart) = &staged.multipart {
            let aborted = store
                .multipart
                .abort_multipart(&self.path(&staged.key), multipart)
                .await;
            unless_absent(aborted.map_err(remote("give a multi-part upload up")))?;
        }
        let mut objects = store.objects.list(Some(&self.folder(&staged.key)));
        while let Some(meta) = objects
            .try_next()
            .await
            .map_err(remote("list an upload's objects"))?
        {
            let removed = store.objects.delete(&meta.location).await;
            unless_absent(removed.map_err(remote("remove an object")))?;
        }
        Ok(())
    }

    async fn leftovers(&self, _: Duration) -> Result<Vec<String>> {
        // Each upload has a row.
        Ok(Vec::new())
    }

    fn digest_of(&self, _: &str) -> Option<Digest> {
        None
    }

    fn upload_of(&self, key: &str) -> Option<String> {
        let mut parts = key.strip_prefix("objects/")?.split('/');
        let (first, id, _) = (parts.next()?, parts.next()?, parts.next()?);
        (parts.next().is_none() && id.starts_with(first)).then(|| id.to_owned())
    }

    async fn read(&self, key: &str, range: Range<u64>) -> Result<BlobReader> {
        let length = range.end - range.start;
        if length == 0 {
            return Ok(BlobReader::remote(futures::stream::empty().boxed(), 0));
        }
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            ..GetOptions::default()
        };
        let objects = &self.connection.objects;
        let got = objects.get_opts(&self.path(key), options).await;
        let got = got.map_err(remote("read an object"))?;
        Ok(BlobReader::remote(got.into_stream(), length))
    }

    async fn read_blocking(&self, key: &str) -> Result<Box<dyn Read + Send>> {
        let got = self.connection.objects.get(&self.path(key)).await;
        let got = got.map_err(remote("read an object"))?;
        let stream = got.into_stream().map_err(std::io::Error::from);
        Ok(Box::new(SyncIoBridge::new(StreamReader::new(stream))))
    }

    async fn link(&self, key: &str) -> Result<Option<String>> {
        let signer = &self.connection.signer;
        let signed = signer
            .signed_url(http::Method::GET, &self.path(key), LINK)
            .await;
        match signed.map_err(remote("sign an address")) {
            Ok(url) => Ok(Some(url.into())),
            Err(error) => {
                // With some credentials nothing can be signed; the bytes then go through this server.
                tracing::warn!(error = cause(&error), "a pull is not redirected");
                Ok(None)
            }
        }
    }

    async fn remove(&self, key: &str) -> Result<()> {
        let removed = self.connection.objects.delete(&self.path(key)).await;
        unless_absent(removed.map_err(remote("remove an object")))
    }

    fn list(&self, after: &str) -> BoxStream<'static, Result<Found>> {
        let below = self.path("objects");
        let prefix = self.connection.prefix.clone();
        let objects = &self.connection.objects;
        let found = match after {
            "" => objects.list(Some(&below)),
            _ => objects.list_with_offset(Some(&below), &self.path(after)),
        };
        found
            .map_err(|error| remote("list the objects")(error))
            .map_ok(move |meta| {
                let parts = meta.location.prefix_match(&prefix);
                let parts: Vec<_> = parts.into_iter().flatten().collect();
                let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
                Found {
                    key: parts.join("/"),
                    size_bytes: meta.size,
                    modified: meta.last_modified.into(),
                }
            })
            .boxed()
    }

    async fn quarantine(&self, _: &str) -> Result<Option<String>> {
        // Its row is marked, and its bytes stay where they are, for whoever wants to look.
        Ok(None)
    }
}

/// What a whole part of this number has: larger ones later, so that ten thousand of them hold a
/// disk image. All providers take parts of different sizes from 5 MiB on.
pub(super) fn part_bytes(index: usize) -> u64 {
    let blocks = match index {
        0..1000 => 8,
        1000..5000 => 16,
        _ => 32,
    };
    blocks * BLOCK_BYTES as u64
}

/// No provider takes more parts.
pub(super) const PARTS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_hold_the_largest_images_and_fit_the_pool() {
        let all: u64 = (0..PARTS).map(part_bytes).sum();
        assert!(all > 200 << 30, "{all}");
        assert!(part_bytes(PARTS) <= (POOL_BLOCKS * BLOCK_BYTES) as u64);
        assert!(part_bytes(0) >= 5 << 20);
    }
}
