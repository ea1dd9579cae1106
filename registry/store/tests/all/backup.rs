//! Backups: consistent while pushes go on, brought back whole, and honest about damage.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use registry_store::backup::{Backup, Source, backup, restore};
use registry_store::{StorageConfig, Store, StoreConfig, StoreError};

use tests_objects::ObjectServer;

use crate::support::{Sqlite, config_of, manifest, name, noise};

type Case = crate::support::Case<Sqlite>;

async fn save(case: &Case, target: &Path, copy: bool) -> Result<Backup, StoreError> {
    let source = Source {
        folder: &case.config.data_dir,
        storage: &case.config.storage,
        copy,
    };
    backup(&source, target).await
}

async fn open(folder: &Path, storage: StorageConfig) -> Store {
    let mut config = StoreConfig::new(folder);
    config.storage = storage;
    Store::open(config).await.expect("an open store")
}

async fn content(store: &Store, repository: &str, digest: &registry_pack::Digest) -> Vec<u8> {
    let blob = store.blob(&name(repository), digest).await.expect("a blob");
    let bytes = store.read_small(&blob, 1 << 30).await;
    bytes.expect("content").to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_backup_knows_it_has_while_pushes_and_deletions_go_on() {
    let case = Arc::new(Case::new().await);
    let stop = Arc::new(AtomicBool::new(false));
    let pushing = tokio::spawn({
        let (case, stop) = (Arc::clone(&case), Arc::clone(&stop));
        async move {
            let mut number = 0_u64;
            while !stop.load(Ordering::SeqCst) {
                number += 1;
                let blob = case.push("live", &noise(20_000, number)).await;
                let tag = format!("v{number}");
                let new = manifest(&format!("manifest {number}"), &[&blob], &[&tag]);
                case.store
                    .put_manifest(&name("live"), &new)
                    .await
                    .expect("stored");
                let gone = case.push("gone", &noise(500, number + 1_000_000)).await;
                case.store
                    .delete_blob(&name("gone"), &gone.digest)
                    .await
                    .expect("deleted");
            }
            number
        }
    });
    let target = tempfile::tempdir().expect("a folder");
    let mut seen = Vec::new();
    for round in 0..5 {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let made = save(&case, target.path(), round % 2 == 1)
            .await
            .expect("a backup");
        assert!(made.missing.is_empty(), "{made:?}");
        seen.push(made.blobs);
    }
    stop.store(true, Ordering::SeqCst);
    let pushed = pushing.await.expect("an end");
    assert!(
        seen.is_sorted() && seen[0] > 0 && pushed > 5,
        "{seen:?} of {pushed}"
    );

    let new = tempfile::tempdir().expect("a folder");
    let folder = new.path().join("registry");
    let restored = restore(target.path(), &folder).await.expect("restored");
    assert!(restored.damaged.is_empty());
    let store = open(&folder, StorageConfig::Folder).await;
    let tags = store
        .tags(&name("live"), "", 1_000_000)
        .await
        .expect("tags");
    assert!(!tags.is_empty());
    for tag in tags {
        let number: u64 = tag[1..].parse().expect("a number");
        let expected = noise(20_000, number);
        let digest = registry_pack::Digest::sha256(&expected);
        assert!(content(&store, "live", &digest).await == expected, "{tag}");
        let found = store
            .manifest_by_tag(&name("live"), &tag.parse().expect("a tag"))
            .await;
        assert_eq!(
            found.expect("a manifest").bytes,
            format!("manifest {number}")
        );
    }
}

#[tokio::test]
async fn damage_in_a_backup_is_told_and_marked() {
    let case = Case::new().await;
    let sound = case.push("a", b"sound").await;
    let damaged = case.push("a", b"damaged").await;
    let target = tempfile::tempdir().expect("a folder");
    // Linked bytes are the same bytes: damage the copy only.
    let made = save(&case, target.path(), true).await.expect("a backup");
    assert_eq!((made.blobs, made.bytes, made.added), (2, 12, 2));
    let hex = damaged.digest.hex();
    let path = target
        .path()
        .join(format!("blobs/sha256/{}/{hex}", &hex[..2]));
    std::fs::write(path, b"changed").expect("changed");
    let new = tempfile::tempdir().expect("a folder");
    let folder = new.path().join("registry");
    let restored = restore(target.path(), &folder).await.expect("restored");
    assert_eq!(restored.damaged, std::slice::from_ref(&damaged.digest));
    let store = open(&folder, StorageConfig::Folder).await;
    assert_eq!(content(&store, "a", &sound.digest).await, b"sound");
    let gone = store.blob(&name("a"), &damaged.digest).await;
    assert!(matches!(gone, Err(StoreError::BlobUnknown { .. })));
    assert_eq!(store.damage(9).await.expect("a list").len(), 1);
}

#[tokio::test]
async fn folders_that_are_something_else_are_left_alone() {
    let case = Case::new().await;
    case.push("a", b"content").await;
    let other = tempfile::tempdir().expect("a folder");
    std::fs::write(other.path().join("letter.txt"), b"dear").expect("written");
    let error = save(&case, other.path(), false).await.expect_err("refused");
    assert!(error.to_string().contains("letter.txt"), "{error}");
    let error = restore(other.path(), &other.path().join("new"))
        .await
        .expect_err("refused");
    assert!(matches!(error, StoreError::Backup { .. }), "{error}");
    let target = tempfile::tempdir().expect("a folder");
    save(&case, target.path(), false).await.expect("a backup");
    let error = restore(target.path(), &case.config.data_dir)
        .await
        .expect_err("refused");
    assert!(error.to_string().contains("move it away"), "{error}");
    // One that was cut off says so.
    std::fs::remove_file(target.path().join("backup.json")).expect("removed");
    let error = restore(target.path(), &other.path().join("new"))
        .await
        .expect_err("refused");
    assert!(error.to_string().contains("cut off"), "{error}");
    save(&case, target.path(), false).await.expect("completed");
}

#[tokio::test]
async fn a_registry_in_a_bucket_saves_its_database() {
    let server = ObjectServer::s3();
    let storage = StorageConfig::Objects(config_of(&server, "backup"));
    let case = Case::elsewhere(storage.clone()).await;
    let blob = case.push("a", b"in the bucket").await;
    let target = tempfile::tempdir().expect("a folder");
    let made = save(&case, target.path(), false).await.expect("a backup");
    assert!(!made.with_blobs);
    let new = tempfile::tempdir().expect("a folder");
    let folder = new.path().join("registry");
    restore(target.path(), &folder).await.expect("restored");
    let store = open(&folder, storage).await;
    assert_eq!(content(&store, "a", &blob.digest).await, b"in the bucket");
}
