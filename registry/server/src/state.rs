//! The registry's configuration, and what all requests share.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use registry_pack::Limits;
use registry_store::{
    Collection, Database, MissingPolicy, StorageConfig, Store, StoreConfig, StoreError,
};
use tokio::sync::Semaphore;

use crate::access::{Access, AllowAll};
use crate::collection::{self, Collector};
use crate::fsck::Fsck;
use crate::metrics::CollectionMetrics;
use crate::v2::OciError;

/// What happens to a pack that lint complains about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Admission {
    /// It is indexed, and nobody is told.
    Off,
    /// It is indexed, and whoever pushes it is warned.
    #[default]
    Warn,
    /// A pack with errors is refused.
    Enforce,
}

impl FromStr for Admission {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "warn" => Ok(Self::Warn),
            "enforce" => Ok(Self::Enforce),
            _ => Err(format!("admission is off, warn or enforce, not {text:?}")),
        }
    }
}

/// How the registry is set up. `new` gives the defaults.
#[derive(Clone)]
pub struct RegistryConfig {
    /// The registry's own folder.
    pub data_dir: PathBuf,
    /// What keeps the metadata. Default: SQLite in the folder.
    pub database: Database,
    /// Where the bytes of blobs lie. Default: in that folder.
    pub storage: StorageConfig,
    /// Whether pulls are sent to the object store itself, where there is one. Default: false.
    pub redirect: bool,
    /// What happens to packs with complaints. Default: `warn`.
    pub admission: Admission,
    /// Whether published versions of packs are immutable. Default: true.
    pub immutable_packs: bool,
    /// Whether anything can be deleted. Default: true.
    pub allow_delete: bool,
    /// Whether a manifest may name content that is not there. Default: false.
    pub allow_missing_references: bool,
    /// The largest blob. Default: 1 TiB.
    pub max_blob_bytes: u64,
    /// How long a pushed blob waits for its manifest. Default: one day.
    pub blob_lease: Duration,
    /// After how long an upload that nobody touches is given up. Default: one day.
    pub upload_lifetime: Duration,
    /// What a garbage collection removes. Its grace period also holds for the blobs of deleted
    /// manifests.
    pub collection: Collection,
    /// How often to collect; `None` leaves it to whoever asks. Default: every hour.
    pub collection_interval: Option<Duration>,
    /// How long a body may give nothing before its request ends. Default: one minute.
    pub body_idle: Duration,
    /// Bounds for archives that the server opens.
    pub archive_limits: Limits,
    /// Who may do what. Default: everybody everything.
    pub access: Arc<dyn Access>,
}

impl RegistryConfig {
    /// The defaults, on this folder.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        let store = StoreConfig::new(data_dir);
        Self {
            data_dir: store.data_dir,
            database: store.database,
            storage: store.storage,
            redirect: false,
            admission: Admission::default(),
            immutable_packs: store.immutable_packs,
            allow_delete: true,
            allow_missing_references: false,
            max_blob_bytes: store.max_blob_bytes,
            blob_lease: store.lease,
            upload_lifetime: store.upload_lifetime,
            collection: Collection::default(),
            collection_interval: Some(Duration::from_secs(60 * 60)),
            body_idle: Duration::from_secs(60),
            archive_limits: Limits::default(),
            access: Arc::new(AllowAll),
        }
    }

    /// What of it the store needs to know.
    pub(crate) fn store(&self) -> StoreConfig {
        let mut store = StoreConfig::new(&self.data_dir);
        store.database = self.database.clone();
        store.storage = self.storage.clone();
        store.immutable_packs = self.immutable_packs;
        store.max_blob_bytes = self.max_blob_bytes;
        store.lease = self.blob_lease;
        store.upload_lifetime = self.upload_lifetime;
        store.deleted_grace = self.collection.grace;
        if self.allow_missing_references {
            store.missing = MissingPolicy::Allow;
        }
        store
    }
}

impl fmt::Debug for RegistryConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryConfig")
            .field("data_dir", &self.data_dir)
            .field("database", &self.database)
            .field("storage", &self.storage)
            .field("admission", &self.admission)
            .field("immutable_packs", &self.immutable_packs)
            .finish_non_exhaustive()
    }
}

/// An open registry. Cheap to clone.
#[derive(Clone)]
pub struct RegistryState {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    config: RegistryConfig,
    inspections: Semaphore,
    collector: Collector,
    fsck: Fsck,
}

/// After a collection that another server is at, or that failed, the next is tried this soon.
const AGAIN: Duration = Duration::from_secs(60);

impl RegistryState {
    /// Opens the registry on its folder, creating what is missing.
    ///
    /// The caller holds the lock of the data folder around it.
    pub async fn open(config: RegistryConfig) -> Result<Self, StoreError> {
        /// Archives opened at the same time; each needs a thread and some megabytes.
        const INSPECTIONS: usize = 4;
        let store = Store::open(config.store()).await?;
        let inspections = Semaphore::new(INSPECTIONS);
        let collector = Collector::new(CollectionMetrics::new());
        Ok(Self {
            inner: Arc::new(Inner {
                store,
                config,
                inspections,
                collector,
                fsck: Fsck::default(),
            }),
        })
    }

    /// The store below.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Collects what nobody needs, on its schedule, until it is dropped. Servers that share a
    /// database share the schedule.
    pub async fn maintain(&self) {
        let Some(interval) = self.inner.config.collection_interval else {
            return std::future::pending().await;
        };
        loop {
            // A database that does not answer is asked again when the next run is due.
            let ago = self.inner.store.last_collection().await.unwrap_or(None);
            let wait = collection::due_in(interval, ago);
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
                continue;
            }
            let collector = &self.inner.collector;
            if collector.begin(false) {
                let what = &self.inner.config.collection;
                collector.run(&self.inner.store, what).await;
            }
            tokio::time::sleep(interval.min(AGAIN)).await;
        }
    }

    /// Begins a collection that goes on by itself; false when one is running.
    pub(crate) fn begin_collection(&self, dry_run: bool) -> bool {
        let collector = &self.inner.collector;
        if !collector.begin(dry_run) {
            return false;
        }
        let state = self.clone();
        collector.keep(tokio::spawn(async move {
            let what = Collection {
                dry_run,
                ..state.inner.config.collection.clone()
            };
            state.inner.collector.run(&state.inner.store, &what).await;
        }));
        true
    }

    pub(crate) fn collection(&self) -> &Collector {
        &self.inner.collector
    }

    /// Adds what the registry counts to what the process shows.
    ///
    /// # Errors
    /// When they are there already.
    pub fn register(&self, registry: &prometheus::Registry) -> Result<(), prometheus::Error> {
        self.inner.collector.metrics.register(registry)
    }

    /// Ends the connections to the database, once no request is in flight.
    pub async fn close(&self) {
        self.inner.collector.stop().await;
        self.inner.fsck.stop();
        self.inner.store.close().await;
    }

    pub(crate) fn config(&self) -> &RegistryConfig {
        &self.inner.config
    }

    pub(crate) fn access(&self) -> &dyn Access {
        &*self.inner.config.access
    }

    pub(crate) fn inspections(&self) -> &Semaphore {
        &self.inner.inspections
    }

    pub(crate) fn fsck(&self) -> &Fsck {
        &self.inner.fsck
    }

    pub(crate) fn require_delete(&self) -> Result<(), OciError> {
        if self.inner.config.allow_delete {
            return Ok(());
        }
        Err(OciError::unsupported(
            "deleting is turned off on this registry",
        ))
    }
}
