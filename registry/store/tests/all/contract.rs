//! What every store has to do, whatever keeps the bytes and the rows.

use bytes::Bytes;
use futures::TryStreamExt as _;
use registry_pack::{Algorithm, Digest};
use registry_store::{DataLock, StoreError};

use super::Case;
use crate::support::{manifest, name};

#[tokio::test]
async fn a_blob_lies_under_its_digest_and_nothing_else_is_left() {
    let case = Case::new().await;
    let blob = case.push("a/b", b"content").await;
    let hex = blob.digest.hex();
    assert_eq!(
        case.files("blobs"),
        [format!("blobs/sha256/{}/{hex}", &hex[..2])]
    );
    assert!(case.files("uploads").is_empty());
    assert_eq!(
        case.read("a/b", &blob.digest).await.expect("content"),
        b"content"
    );
    let case = case.reopen().await;
    assert_eq!(
        case.read("a/b", &blob.digest).await.expect("content"),
        b"content"
    );
}

#[tokio::test]
async fn any_way_to_cut_an_upload_gives_the_same_blob() {
    let case = Case::new().await;
    let content: Vec<u8> = (0..1_300_000_u32)
        .map(|number| (number * 7 % 256) as u8)
        .collect();
    let digest = Digest::sha256(&content);
    for (number, chunk) in [1_300_000, 700_000, 524_288, 65_536, 4_099]
        .into_iter()
        .enumerate()
    {
        let repository = name(&format!("cut/{number}"));
        let state = case
            .store
            .start_upload(&repository, Algorithm::Sha256)
            .await
            .expect("an upload");
        for part in content.chunks(chunk * 3) {
            let mut upload = case
                .store
                .continue_upload(&repository, &state.id)
                .await
                .expect("an upload");
            for frame in part.chunks(chunk) {
                upload
                    .write(Bytes::copy_from_slice(frame))
                    .await
                    .expect("written");
            }
            upload.suspend().await.expect("kept");
        }
        let upload = case
            .store
            .continue_upload(&repository, &state.id)
            .await
            .expect("an upload");
        assert_eq!(upload.offset(), content.len() as u64);
        upload.finish(&digest).await.expect("a blob");
        let read = case
            .read(repository.as_str(), &digest)
            .await
            .expect("content");
        assert!(read == content, "in chunks of {chunk}");
    }
}

#[tokio::test]
async fn bytes_that_were_never_acknowledged_are_cut_off() {
    let case = Case::new().await;
    let repository = name("a");
    let state = case
        .store
        .start_upload(&repository, Algorithm::Sha256)
        .await
        .expect("an upload");
    let mut upload = case
        .store
        .continue_upload(&repository, &state.id)
        .await
        .expect("an upload");
    upload
        .write(Bytes::from_static(b"kept"))
        .await
        .expect("written");
    upload.suspend().await.expect("kept");
    let mut upload = case
        .store
        .continue_upload(&repository, &state.id)
        .await
        .expect("an upload");
    upload
        .write(Bytes::from(vec![b'x'; 1 << 20]))
        .await
        .expect("written");
    drop(upload);
    let case = case.reopen().await;
    assert_eq!(
        case.store
            .upload(&repository, &state.id)
            .await
            .expect("an upload")
            .offset,
        4
    );
    let mut upload = case
        .store
        .continue_upload(&repository, &state.id)
        .await
        .expect("an upload");
    upload
        .write(Bytes::from_static(b" and more"))
        .await
        .expect("written");
    let digest = Digest::sha256(b"kept and more");
    upload.finish(&digest).await.expect("a blob");
    assert_eq!(
        case.read("a", &digest).await.expect("content"),
        b"kept and more"
    );
}

#[tokio::test]
async fn an_upload_whose_bytes_are_lost_starts_anew() {
    let case = Case::new().await;
    let repository = name("a");
    let state = case
        .store
        .start_upload(&repository, Algorithm::Sha256)
        .await
        .expect("an upload");
    let mut upload = case
        .store
        .continue_upload(&repository, &state.id)
        .await
        .expect("an upload");
    upload
        .write(Bytes::from_static(b"lost"))
        .await
        .expect("written");
    upload.suspend().await.expect("kept");
    let staged = case.config.data_dir.join("uploads").join(&state.id);
    std::fs::write(&staged, b"lo").expect("shortened");
    for _ in 0..2 {
        let error = case
            .store
            .continue_upload(&repository, &state.id)
            .await
            .err()
            .expect("refused");
        assert!(matches!(error, StoreError::UploadUnknown { .. }), "{error}");
    }
    assert!(!staged.exists());
}

#[tokio::test]
async fn ranges_are_exact_at_block_borders() {
    let case = Case::new().await;
    let content: Vec<u8> = (0..1_500_000_u32)
        .map(|number| (number % 249) as u8)
        .collect();
    let blob = case.push("a", &content).await;
    let size = content.len() as u64;
    for range in [
        0..0,
        0..1,
        0..524_288,
        1..524_290,
        524_287..1_048_577,
        1_499_999..size,
        0..size + 9,
    ] {
        let read: Vec<Bytes> = case
            .store
            .read(&blob, range.clone())
            .await
            .expect("open")
            .try_collect()
            .await
            .expect("bytes");
        let expected = &content[range.start as usize..range.end.min(size) as usize];
        assert!(read.concat() == expected, "{range:?}");
    }
}

#[tokio::test]
async fn a_truncated_object_is_an_error_and_not_a_short_answer() {
    let case = Case::new().await;
    let blob = case.push("a", &[7; 100_000]).await;
    let hex = blob.digest.hex();
    let path = case
        .config
        .data_dir
        .join(format!("blobs/sha256/{}/{hex}", &hex[..2]));
    std::fs::write(path, [7; 50_000]).expect("shortened");
    let read: Result<Vec<Bytes>, _> = case
        .store
        .read(&blob, 0..blob.size_bytes)
        .await
        .expect("open")
        .try_collect()
        .await;
    assert_eq!(
        read.expect_err("an error").kind(),
        std::io::ErrorKind::UnexpectedEof
    );
}

#[tokio::test]
async fn deleting_takes_the_right_to_a_blob_and_leaves_that_of_others() {
    let case = Case::new().await;
    let blob = case.push("a", b"shared").await;
    let (a, b) = (name("a"), name("b"));
    assert!(
        !case
            .store
            .mount(&b, &name("c"), &blob.digest)
            .await
            .expect("an answer")
    );
    assert!(
        case.store
            .mount(&b, &a, &blob.digest)
            .await
            .expect("an answer")
    );
    assert_eq!(
        case.store.holders(&blob.digest, 9).await.expect("names"),
        ["a", "b"]
    );
    case.store
        .delete_blob(&a, &blob.digest)
        .await
        .expect("deleted");
    let error = case.store.blob(&a, &blob.digest).await.expect_err("gone");
    assert!(matches!(error, StoreError::BlobUnknown { .. }));
    assert_eq!(
        case.read("b", &blob.digest).await.expect("content"),
        b"shared"
    );
}

#[tokio::test]
async fn a_manifest_is_all_or_nothing() {
    let case = Case::new().await;
    let repository = name("a");
    let blob = case.push("elsewhere", b"layer").await;
    let error = case
        .store
        .put_manifest(&repository, &manifest("one", &[&blob], &["v1"]))
        .await;
    assert!(matches!(error, Err(StoreError::MissingReferences { .. })));
    assert!(
        case.store
            .repositories("", 9)
            .await
            .expect("names")
            .is_empty()
    );
    assert!(matches!(
        case.store.tags(&repository, "", 9).await,
        Err(StoreError::RepositoryUnknown { .. })
    ));
    case.push("a", b"layer").await;
    let new = manifest("one", &[&blob, &blob], &["v1", "v2"]);
    case.store
        .put_manifest(&repository, &new)
        .await
        .expect("stored");
    case.store
        .put_manifest(&repository, &new)
        .await
        .expect("stored again");
    assert_eq!(
        case.store.tags(&repository, "", 9).await.expect("tags"),
        ["v1", "v2"]
    );
    let error = case
        .store
        .delete_blob(&repository, &blob.digest)
        .await
        .expect_err("refused");
    assert!(matches!(error, StoreError::BlobInUse { .. }), "{error}");
}

#[tokio::test]
async fn open_uploads_are_counted() {
    let case = Case::with(|config| config.max_uploads = 2).await;
    let repository = name("a");
    let first = case
        .store
        .start_upload(&repository, Algorithm::Sha256)
        .await
        .expect("an upload");
    case.store
        .start_upload(&repository, Algorithm::Sha256)
        .await
        .expect("an upload");
    let error = case
        .store
        .start_upload(&repository, Algorithm::Sha256)
        .await
        .expect_err("refused");
    assert!(matches!(error, StoreError::TooManyUploads { limit: 2, .. }));
    case.store
        .cancel_upload(&repository, &first.id)
        .await
        .expect("cancelled");
    case.store
        .start_upload(&repository, Algorithm::Sha256)
        .await
        .expect("an upload");
    assert_eq!(case.files("uploads").len(), 2);
}

#[test]
fn a_second_server_on_the_folder_is_told_who_holds_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let lock = DataLock::acquire(folder.path()).expect("the lock");
    let error = DataLock::acquire(folder.path())
        .expect_err("refused")
        .to_string();
    assert!(error.contains(&std::process::id().to_string()), "{error}");
    drop(lock);
    DataLock::acquire(folder.path()).expect("the lock again");
}
