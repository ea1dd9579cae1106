//! A store in a folder that goes away, on either database, and short words for its verbs.

use std::marker::PhantomData;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt as _;
use registry_pack::{Algorithm, Digest, RepositoryName};
use registry_store::{
    Blob, Collected, Collection, Database, NewManifest, ObjectStoreConfig, PostgresConfig, Secret,
    StorageConfig, Store, StoreConfig, StoreError,
};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, SqliteConnection};
use tempfile::TempDir;
use tests_objects::ObjectServer;

/// What keeps the rows of a case.
pub(crate) trait Backend {
    /// How many servers may share it.
    const SERVERS: usize;

    /// A database of its own.
    fn database() -> Database;
}

pub(crate) struct Sqlite;

impl Backend for Sqlite {
    const SERVERS: usize = 1;

    fn database() -> Database {
        Database::Sqlite
    }
}

pub(crate) struct Postgres;

impl Backend for Postgres {
    const SERVERS: usize = 3;

    fn database() -> Database {
        let url = tests_postgres::Postgres::shared().database();
        Database::Postgres(PostgresConfig::new(url.parse().expect("an address")))
    }
}

pub(crate) struct Case<B> {
    pub(crate) store: Store,
    pub(crate) config: StoreConfig,
    folder: TempDir,
    backend: PhantomData<B>,
}

impl<B: Backend> Case<B> {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut StoreConfig)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = StoreConfig::new(folder.path());
        config.database = B::database();
        change(&mut config);
        let store = Store::open(config.clone()).await.expect("an open store");
        Self {
            store,
            config,
            folder,
            backend: PhantomData,
        }
    }

    /// A store of its own whose bytes are elsewhere.
    pub(crate) async fn elsewhere(storage: StorageConfig) -> Self {
        Self::with(|config| config.storage = storage).await
    }

    /// The same folder in a new store.
    pub(crate) async fn reopen(self) -> Self {
        self.store.close().await;
        let store = self.another().await;
        Self { store, ..self }
    }

    /// Another server on the same folder and database.
    pub(crate) async fn another(&self) -> Store {
        Store::open(self.config.clone())
            .await
            .expect("an open store")
    }

    /// All servers that may share the database.
    pub(crate) async fn servers(&self) -> Vec<Store> {
        let mut servers = vec![self.store.clone()];
        while servers.len() < B::SERVERS {
            servers.push(self.another().await);
        }
        servers
    }

    /// A connection to the rows themselves, beside the store.
    pub(crate) async fn rows(&self) -> Rows {
        Rows::connect(&self.config).await
    }

    pub(crate) async fn push(&self, repository: &str, content: &[u8]) -> Blob {
        push(&self.store, repository, content)
            .await
            .expect("a blob")
    }

    pub(crate) async fn read(
        &self,
        repository: &str,
        digest: &Digest,
    ) -> Result<Vec<u8>, StoreError> {
        read(&self.store, repository, digest).await
    }

    /// The paths of all files below a folder of the store.
    pub(crate) fn files(&self, folder: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![self.folder.path().join(folder)];
        while let Some(path) = open.pop() {
            for entry in std::fs::read_dir(&path).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    let relative = path.strip_prefix(&self.config.data_dir).expect("below");
                    found.push(relative.to_string_lossy().into_owned());
                }
            }
        }
        found.sort();
        found
    }
}

/// A connection of the test's own to either database.
pub(crate) enum Rows {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Rows {
    pub(crate) async fn connect(config: &StoreConfig) -> Self {
        match &config.database {
            Database::Sqlite => {
                let options = SqliteConnectOptions::new()
                    .filename(config.data_dir.join("registry.db"))
                    .create_if_missing(true)
                    .foreign_keys(true);
                Self::Sqlite(options.connect().await.expect("a connection"))
            }
            Database::Postgres(postgres) => {
                let connected = PgConnection::connect(&postgres.url.to_string()).await;
                Self::Postgres(connected.expect("a connection"))
            }
        }
    }

    pub(crate) async fn execute(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        let query = AssertSqlSafe(sql);
        match self {
            Self::Sqlite(rows) => sqlx::raw_sql(query).execute(rows).await.map(drop),
            Self::Postgres(rows) => sqlx::raw_sql(query).execute(rows).await.map(drop),
        }
    }

    pub(crate) async fn number(&mut self, sql: &str) -> i64 {
        let query = AssertSqlSafe(sql);
        match self {
            Self::Sqlite(rows) => sqlx::query_scalar(query).fetch_one(rows).await,
            Self::Postgres(rows) => sqlx::query_scalar(query).fetch_one(rows).await,
        }
        .expect("a number")
    }

    pub(crate) async fn count(&mut self, table: &str) -> i64 {
        self.number(&format!("SELECT count(*) FROM {table}")).await
    }
}

pub(crate) async fn push(
    store: &Store,
    repository: &str,
    content: &[u8],
) -> Result<Blob, StoreError> {
    let mut upload = store
        .upload_at_once(&name(repository), Algorithm::Sha256)
        .await?;
    upload.write(Bytes::copy_from_slice(content)).await?;
    upload.finish(&Digest::sha256(content)).await
}

pub(crate) async fn read(
    store: &Store,
    repository: &str,
    digest: &Digest,
) -> Result<Vec<u8>, StoreError> {
    let blob = store.blob(&name(repository), digest).await?;
    let blocks: Vec<Bytes> = store
        .read(&blob, 0..blob.size_bytes)
        .await?
        .try_collect()
        .await
        .expect("bytes");
    Ok(blocks.concat())
}

/// Everything that may go, at once.
pub(crate) fn at_once() -> Collection {
    Collection {
        grace: Duration::ZERO,
        per_second: 1_000_000,
        ..Collection::default()
    }
}

/// A collection to its end; nothing where another server is at it.
pub(crate) async fn collect(store: &Store, what: &Collection) -> Collected {
    let done = store.collect(what, &|_| {}).await.expect("collected");
    done.unwrap_or_default()
}

/// A configuration for everything below a prefix of a server.
pub(crate) fn config_of(server: &ObjectServer, prefix: &str) -> ObjectStoreConfig {
    let place = server.place(prefix);
    let mut config = ObjectStoreConfig::new(place.url);
    config.endpoint = Some(place.endpoint);
    config.region = Some(place.region.to_owned());
    config.access_key = Some(place.access_key.to_owned());
    config.secret = Some(Secret::new(place.secret));
    config
}

/// Bytes that no two places have in common.
pub(crate) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

pub(crate) fn name(text: &str) -> RepositoryName {
    text.parse().expect("a name")
}

pub(crate) fn manifest(text: &str, blobs: &[&Blob], tags: &[&str]) -> NewManifest {
    NewManifest {
        digest: Digest::sha256(text.as_bytes()),
        media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
        artifact_type: None,
        subject: None,
        annotations: None,
        blobs: blobs.iter().map(|blob| blob.digest.clone()).collect(),
        optional_blobs: Vec::new(),
        manifests: Vec::new(),
        bytes: Bytes::copy_from_slice(text.as_bytes()),
        tags: tags.iter().map(|tag| tag.parse().expect("a tag")).collect(),
        condition: registry_store::Condition::default(),
        index: None,
    }
}

/// An index over manifests.
pub(crate) fn index(text: &str, manifests: &[&NewManifest], tags: &[&str]) -> NewManifest {
    let manifests = manifests.iter().map(|one| one.digest.clone()).collect();
    NewManifest {
        media_type: "application/vnd.oci.image.index.v1+json".to_owned(),
        manifests,
        ..manifest(text, &[], tags)
    }
}

/// A manifest about another one.
pub(crate) fn referrer(text: &str, subject: &Digest, tags: &[&str]) -> NewManifest {
    NewManifest {
        subject: Some(subject.clone()),
        ..manifest(text, &[], tags)
    }
}
