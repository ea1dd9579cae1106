//! The fake keeps the contract, and fails exactly as told.

use std::time::Duration;

use imagebuilder_provider::contract::{self, Fixture};
use imagebuilder_provider::{
    DiskFormat, DiskSource, FakeProvider, Media, Method, Provider as _, ProviderError, Remedy, When,
};
use registry_pack::Digest;

fn source(folder: &std::path::Path) -> DiskSource {
    let path = folder.join("base.qcow2");
    std::fs::write(&path, b"a disk").unwrap();
    DiskSource {
        digest: Digest::sha256(b"a disk"),
        path,
        format: DiskFormat::Qcow2,
        parent: None,
    }
}

#[tokio::test]
async fn the_fake_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = Fixture {
        disk: source(folder.path()),
        disk_size_bytes: 1 << 30,
        media: Media {
            label: "PACKYARD".parse().unwrap(),
            dir: folder.path().to_owned(),
        },
    };
    let cloud = folder.path().join("cloud");
    contract::run(fixture, async || FakeProvider::open(&cloud).unwrap()).await;
}

#[tokio::test]
async fn a_call_fails_before_or_after_it_acted() {
    let folder = tempfile::tempdir().unwrap();
    let fake = FakeProvider::open(&folder.path().join("cloud")).unwrap();
    let source = source(folder.path());
    fake.failures().fail(
        Method::ImportDisk,
        When::Before,
        ProviderError::retry("no answer", "again"),
    );
    fake.failures().fail(
        Method::ImportDisk,
        When::After,
        ProviderError::wait("lost answer", "again"),
    );

    assert_eq!(
        fake.import_disk(&source).await.unwrap_err().remedy(),
        Remedy::Retry
    );
    assert!(
        fake.resources().await.unwrap().is_empty(),
        "nothing was done"
    );
    assert_eq!(
        fake.import_disk(&source).await.unwrap_err().remedy(),
        Remedy::Wait
    );
    assert_eq!(fake.resources().await.unwrap().len(), 1, "all was done");
    let id = fake.import_disk(&source).await.unwrap();
    assert!(fake.disk(&id).await.unwrap().is_some());
    assert_eq!(fake.failures().calls(Method::ImportDisk), 3);
}

#[tokio::test]
async fn a_slow_call_can_be_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let fake = FakeProvider::open(&folder.path().join("cloud")).unwrap();
    fake.failures()
        .delay(Method::Resources, When::Before, Duration::from_secs(3600));
    let slow = tokio::time::timeout(Duration::from_millis(50), fake.resources());
    assert!(slow.await.is_err());
    assert!(fake.resources().await.unwrap().is_empty());
}
