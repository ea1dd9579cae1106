//! A bad network between the store and S3: what passes is retried, what stays fails clean.

use std::time::Duration;

use registry_pack::{Algorithm, Digest};
use registry_store::{StorageConfig, Store, StoreConfig, StoreError};
use tempfile::TempDir;

use tests_objects::{Fault, ObjectServer, Proxy};

use crate::support::{at_once, collect, config_of, name, noise};

/// Two parts and a tail.
const LENGTH: usize = (17 << 20) + 1;

/// The requests of a push, each by method and what its target contains.
const STEPS: [(&str, &str); 4] = [
    ("POST", "uploads"),
    ("PUT", "partNumber=2"),
    ("POST", "uploadId"),
    ("PUT", "/objects/"),
];

struct Case {
    server: ObjectServer,
    proxy: Proxy,
    store: Store,
    _folder: TempDir,
}

impl Case {
    async fn new() -> Self {
        let server = ObjectServer::s3();
        let proxy = Proxy::to(&server.address).await;
        let folder = tempfile::tempdir().expect("a folder");
        let mut objects = config_of(&server, "faults");
        objects.endpoint = Some(format!("http://{}", proxy.address));
        objects.timeout = Duration::from_millis(1500);
        objects.patience = Duration::from_secs(4);
        let mut config = StoreConfig::new(folder.path());
        config.storage = StorageConfig::Objects(objects);
        config.upload_lifetime = Duration::ZERO;
        Self {
            server,
            proxy,
            store: Store::open(config).await.expect("an open store"),
            _folder: folder,
        }
    }

    async fn push(&self, content: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::sha256(content);
        let repository = name("a");
        let mut upload = self
            .store
            .upload_at_once(&repository, Algorithm::Sha256)
            .await?;
        for frame in content.chunks(1 << 20) {
            let frame = bytes::Bytes::copy_from_slice(frame);
            if let Err(error) = upload.write(frame).await {
                upload.abandon().await;
                return Err(error);
            }
        }
        upload.finish(&digest).await?;
        Ok(digest)
    }

    async fn read(&self, digest: &Digest) -> Result<Vec<u8>, String> {
        use futures::TryStreamExt as _;
        let blob = self.store.blob(&name("a"), digest).await;
        let blob = blob.map_err(|error| error.to_string())?;
        let reader = self.store.read(&blob, 0..blob.size_bytes).await;
        let reader = reader.map_err(|error| error.to_string())?;
        let frames: Result<Vec<bytes::Bytes>, _> = reader.try_collect().await;
        Ok(frames.map_err(|error| error.to_string())?.concat())
    }

    /// What is in the bucket after the clean-up.
    async fn left(&self) -> Vec<String> {
        tokio::time::sleep(Duration::from_millis(5)).await;
        collect(&self.store, &at_once()).await;
        self.server.files("faults").expect("a bucket")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_is_not_noticed() {
    let case = Case::new().await;
    let faults = [
        Fault::Status(500),
        Fault::Status(503),
        Fault::Silence,
        Fault::CutRequest,
        Fault::LoseAnswer,
        Fault::CutAnswer,
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        let content = noise(LENGTH, number as u64 + 20);
        for (method, target) in &STEPS[..3] {
            case.proxy.spoil(method, target, fault, 1);
        }
        let digest = case.push(&content).await;
        let digest = digest.unwrap_or_else(|error| panic!("{fault:?}: {error:?}"));
        assert_eq!(case.proxy.repair(), 0, "{fault:?} was not met");
        if fault != Fault::LoseAnswer {
            case.proxy.spoil("GET", "/objects/", fault, 1);
        }
        let read = case.read(&digest).await;
        let read = read.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert!(read == content, "{fault:?}");
        case.proxy.repair();
    }
    let small = noise(100, 50);
    case.proxy.spoil("PUT", "/objects/", Fault::Status(503), 2);
    let digest = case.push(&small).await.expect("a blob");
    assert!(case.read(&digest).await.expect("content") == small);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stays_fails_clean() {
    let case = Case::new().await;
    for fault in [Fault::Status(503), Fault::Silence, Fault::CutRequest] {
        for (method, target) in STEPS {
            let length = if target == "/objects/" { 100 } else { LENGTH };
            let content = noise(length, 77);
            case.proxy.spoil(method, target, fault, 1_000);
            let error = case.push(&content).await.expect_err("no blob");
            assert!(
                matches!(error, StoreError::Unavailable { .. }),
                "{fault:?} on {target}: {error:?}"
            );
            let unknown = case.store.blob(&name("a"), &Digest::sha256(&content)).await;
            assert!(matches!(unknown, Err(StoreError::BlobUnknown { .. })));
            case.proxy.repair();
            let left = case.left().await;
            assert!(left.is_empty(), "{fault:?} on {target}: {left:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_survives_a_store_that_is_down_for_a_while() {
    let case = Case::new().await;
    let (repository, content) = (name("a"), noise(LENGTH, 30));
    let id = case
        .store
        .start_upload(&repository, Algorithm::Sha256)
        .await
        .expect("an upload")
        .id;
    let write = async |range: std::ops::Range<usize>| {
        let mut upload = case.store.continue_upload(&repository, &id).await?;
        let frame = bytes::Bytes::copy_from_slice(&content[range]);
        upload.write(frame).await?;
        upload.suspend().await
    };
    write(0..9_000_000).await.expect("kept");
    case.proxy.spoil("PUT", "", Fault::Status(503), 1_000);
    case.proxy.spoil("GET", "", Fault::Status(503), 1_000);
    let error = write(9_000_000..LENGTH).await.expect_err("down");
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    case.proxy.repair();
    let state = case
        .store
        .upload(&repository, &id)
        .await
        .expect("an upload");
    assert_eq!(state.offset, 9_000_000);
    tokio::time::sleep(Duration::from_millis(200)).await;
    write(9_000_000..LENGTH).await.expect("kept");
    tokio::time::sleep(Duration::from_millis(200)).await;
    let upload = case.store.continue_upload(&repository, &id).await;
    let digest = Digest::sha256(&content);
    upload
        .expect("an upload")
        .finish(&digest)
        .await
        .expect("a blob");
    assert!(case.read(&digest).await.expect("content") == content);
}
