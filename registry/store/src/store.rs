//! The store as a whole: opened on a folder, shared by all requests.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use registry_pack::RepositoryName;

use crate::bodies::Bodies;
use crate::cache::Cache;
use crate::content::{self, Content, StorageConfig};
use crate::error::Result;
use crate::manifests::MissingPolicy;
use crate::metadata::{Database, Metadata};

/// How the store is set up. `new` gives the defaults.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// The folder of `registry.db`; of `blobs/` and `uploads/`, unless they are in an object store.
    pub data_dir: PathBuf,
    /// Where the bytes of blobs lie. Default: in the folder.
    pub storage: StorageConfig,
    /// What keeps the metadata. Default: SQLite in the folder.
    pub database: Database,
    /// The largest blob. Default: 1 TiB, more than any disk image in use.
    pub max_blob_bytes: u64,
    /// Open uploads per repository. Default: 1000.
    pub max_uploads: u64,
    /// How long a pushed blob waits for its manifest. Default: one day.
    pub lease: Duration,
    /// How long the blobs of a deleted manifest stay for those who just found them there.
    /// Default: one hour.
    pub deleted_grace: Duration,
    /// After how long an upload that nobody touches is given up. Default: one day.
    pub upload_lifetime: Duration,
    /// Bytes of manifests kept in memory. Default: 16 MiB.
    pub cache_bytes: u64,
    /// What happens to a manifest that names content which is not there. Default: refused.
    pub missing: MissingPolicy,
    /// Whether published versions in pack repositories are immutable, unless the
    /// repository says otherwise. Default: true.
    pub immutable_packs: bool,
}

impl StoreConfig {
    /// The defaults, on this folder.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            data_dir: data_dir.into(),
            storage: StorageConfig::Folder,
            database: Database::default(),
            max_blob_bytes: 1 << 40,
            max_uploads: 1000,
            lease: DAY,
            deleted_grace: Duration::from_secs(60 * 60),
            upload_lifetime: DAY,
            cache_bytes: 16 << 20,
            missing: MissingPolicy::Refuse,
            immutable_packs: true,
        }
    }
}

/// Blobs and metadata of one registry. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: StoreConfig,
    pub(crate) content: Arc<dyn Content>,
    pub(crate) metadata: Metadata,
    /// What was read lately, when no other server writes to the database.
    pub(crate) cache: Cache,
    /// Bytes of manifests, when others do.
    pub(crate) bodies: Bodies,
    /// Uploads that a request works on at this moment.
    pub(crate) busy: Mutex<HashSet<String>>,
}

impl Store {
    /// Opens the folder, creating what is missing and bringing the schema up to date.
    ///
    /// The caller holds the [`crate::DataLock`] of the data folder around it.
    pub async fn open(config: StoreConfig) -> Result<Self> {
        let content = content::open(&config.storage, &config.data_dir).await?;
        let metadata = Metadata::open(&config.database, &config.data_dir).await?;
        let cache = Cache::new(config.cache_bytes, !metadata.is_shared());
        let bodies = Bodies::new(config.cache_bytes);
        let busy = Mutex::default();
        Ok(Self {
            inner: Arc::new(Inner {
                config,
                content,
                metadata,
                cache,
                bodies,
                busy,
            }),
        })
    }

    /// Ends all connections to the database. Calls after it fail.
    pub async fn close(&self) {
        self.inner.metadata.close().await;
    }

    /// Whether the store can answer.
    pub async fn ready(&self) -> Result<()> {
        self.inner.metadata.ping().await
    }

    /// A page of repositories with content, in lexical order, after `last`.
    pub async fn repositories(&self, last: &str, limit: u32) -> Result<Vec<String>> {
        self.inner.metadata.repositories(last, limit).await
    }

    /// Says whether a repository's tags may move once pushed; `None` goes by the configuration.
    pub async fn set_immutable_tags(
        &self,
        repository: &RepositoryName,
        immutable: Option<bool>,
    ) -> Result<()> {
        self.inner
            .metadata
            .set_immutable_tags(repository, immutable)
            .await
    }
}
