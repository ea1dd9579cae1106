//! Clearing away: what nobody holds goes, what anybody holds or writes stays.

use std::time::Duration;

use bytes::Bytes;
use registry_pack::Algorithm;
use registry_store::Maintained;

use super::Case;
use crate::support::name;

#[tokio::test]
async fn released_bytes_go_after_the_grace_period() {
    let case = Case::new().await;
    let gone = case.push("a", b"gone").await;
    let shared = case.push("a", b"shared").await;
    case.push("b", b"shared").await;
    for blob in [&gone, &shared] {
        case.store
            .delete_blob(&name("a"), &blob.digest)
            .await
            .expect("deleted");
    }
    let idle = case
        .store
        .maintain(Duration::from_secs(3600))
        .await
        .expect("done");
    assert_eq!(idle, Maintained::default());
    assert_eq!(case.files("blobs").len(), 2);
    tokio::time::sleep(Duration::from_millis(5)).await;
    let done = case.store.maintain(Duration::ZERO).await.expect("done");
    assert_eq!(
        done,
        Maintained {
            uploads: 0,
            blobs: 1,
            freed_bytes: 4
        }
    );
    assert_eq!(case.files("blobs").len(), 1);
    assert_eq!(
        case.read("b", &shared.digest).await.expect("content"),
        b"shared"
    );
    assert_eq!(case.push("a", b"gone").await.size_bytes, 4);
}

#[tokio::test]
async fn a_blob_that_is_pushed_again_stays() {
    let case = Case::new().await;
    let blob = case.push("a", b"again").await;
    case.store
        .delete_blob(&name("a"), &blob.digest)
        .await
        .expect("deleted");
    case.push("b", b"again").await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    case.store.maintain(Duration::ZERO).await.expect("done");
    assert_eq!(
        case.read("b", &blob.digest).await.expect("content"),
        b"again"
    );
}

#[tokio::test]
async fn forgotten_uploads_go_and_busy_ones_stay() {
    let case = Case::with(|config| config.upload_lifetime = Duration::ZERO).await;
    let repository = name("a");
    let forgotten = case
        .store
        .start_upload(&repository, Algorithm::Sha256)
        .await
        .expect("an upload");
    let open = case
        .store
        .start_upload(&repository, Algorithm::Sha256)
        .await
        .expect("an upload");
    let mut busy = case
        .store
        .continue_upload(&repository, &open.id)
        .await
        .expect("an upload");
    let mut single = case
        .store
        .upload_at_once(&repository, Algorithm::Sha256)
        .await
        .expect("an upload");
    std::fs::write(case.config.data_dir.join("uploads/left-by-a-crash"), b"x").expect("written");
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(
        case.store
            .maintain(Duration::ZERO)
            .await
            .expect("done")
            .uploads,
        1
    );
    assert_eq!(case.files("uploads").len(), 2);
    assert!(case.store.upload(&repository, &forgotten.id).await.is_err());
    for upload in [&mut busy, &mut single] {
        upload
            .write(Bytes::from_static(b"content"))
            .await
            .expect("written");
    }
    busy.suspend().await.expect("kept");
    single
        .finish(&registry_pack::Digest::sha256(b"content"))
        .await
        .expect("a blob");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pushes_survive_clearing_away_beside_them() {
    let case = Case::new().await;
    let store = case.store.clone();
    let clearing = tokio::spawn(async move {
        for _ in 0..100 {
            store.maintain(Duration::ZERO).await.expect("done");
        }
    });
    for round in 0..100_u32 {
        let content = [(round % 3) as u8; 10];
        let blob = case.push("a", &content).await;
        assert_eq!(
            case.read("a", &blob.digest).await.expect("content"),
            content
        );
        case.store
            .delete_blob(&name("a"), &blob.digest)
            .await
            .expect("deleted");
    }
    clearing.await.expect("the clearing task");
}
