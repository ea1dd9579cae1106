//! Garbage collection: what nobody needs goes, what anybody needs stays.

use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt as _;
use registry_pack::{Algorithm, Digest};
use registry_store::{Collected, Collection};

use super::Case;
use crate::child;
use crate::support::{at_once, collect, index, manifest, name, referrer};

const HOUR: Duration = Duration::from_secs(3600);

/// The same, with untagged manifests.
fn untagged() -> Collection {
    Collection {
        untagged_age: Some(Duration::ZERO),
        ..at_once()
    }
}

#[tokio::test]
async fn a_blob_that_no_manifest_names_goes_once_its_lease_ended() {
    let case = Case::new().await;
    let waiting = case.push("a", b"waiting").await;
    assert_eq!(collect(&case.store, &at_once()).await, Collected::default());
    case.read("a", &waiting.digest).await.expect("content");

    let case = Case::with(|config| config.lease = Duration::ZERO).await;
    let named = case.push("a", b"named").await;
    let new = manifest("m", &[&named], &["v1"]);
    case.store
        .put_manifest(&name("a"), &new)
        .await
        .expect("stored");
    let unused = case.push("a", b"unused").await;
    let done = collect(&case.store, &at_once()).await;
    let expected = Collected {
        rights: 1,
        blobs: 1,
        freed_bytes: 6,
        ..Collected::default()
    };
    assert_eq!(done, expected);
    assert!(case.store.blob(&name("a"), &unused.digest).await.is_err());
    case.read("a", &named.digest).await.expect("content");
    assert_eq!(case.files("blobs").len(), 1);
    assert_eq!(case.rows().await.count("leases").await, 0);
    assert_eq!(case.rows().await.count("doomed_objects").await, 0);
}

#[tokio::test]
async fn bytes_stay_for_the_grace_period() {
    let case = Case::with(|config| config.lease = Duration::ZERO).await;
    let unused = case.push("a", b"unused").await;
    let what = Collection {
        grace: HOUR,
        ..at_once()
    };
    let done = collect(&case.store, &what).await;
    assert_eq!((done.rights, done.blobs), (1, 0));
    assert_eq!(case.files("blobs").len(), 1);
    // Whoever pushes it meanwhile takes it back into use.
    case.push("b", b"unused").await;
    let new = manifest("m", &[&unused], &["v1"]);
    case.store
        .put_manifest(&name("b"), &new)
        .await
        .expect("stored");
    assert_eq!(collect(&case.store, &at_once()).await.blobs, 0);
    case.read("b", &unused.digest).await.expect("content");
}

#[tokio::test]
async fn released_bytes_go_and_shared_ones_stay() {
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
    let what = Collection {
        grace: HOUR,
        ..at_once()
    };
    assert_eq!(collect(&case.store, &what).await, Collected::default());
    let done = collect(&case.store, &at_once()).await;
    assert_eq!((done.blobs, done.freed_bytes), (1, 4));
    assert_eq!(case.files("blobs").len(), 1);
    assert_eq!(
        case.read("b", &shared.digest).await.expect("content"),
        b"shared"
    );
    assert_eq!(case.push("a", b"gone").await.size_bytes, 4);
}

#[tokio::test]
async fn the_blobs_of_a_deleted_manifest_stay_for_who_just_found_them() {
    let case = Case::with(|config| config.lease = Duration::ZERO).await;
    let layer = case.push("a", b"layer").await;
    let new = manifest("m", &[&layer], &["v1"]);
    case.store
        .put_manifest(&name("a"), &new)
        .await
        .expect("stored");
    collect(&case.store, &at_once()).await;
    case.store
        .delete_manifest(&name("a"), &new.digest)
        .await
        .expect("deleted");
    assert_eq!(collect(&case.store, &at_once()).await, Collected::default());
    case.store
        .put_manifest(&name("a"), &new)
        .await
        .expect("stored again, without a push of its layer");
}

#[tokio::test]
async fn asking_for_a_blob_keeps_it_for_another_while() {
    let case = Case::new().await;
    let layer = case.push("a", b"layer").await;
    let mut rows = case.rows().await;
    let soon = "UPDATE leases SET expires_at = expires_at - 86000000";
    rows.execute(soon).await.expect("changed");
    let before = rows.number("SELECT expires_at FROM leases").await;
    case.store
        .keep_blob(&name("a"), &layer.digest)
        .await
        .expect("there");
    let after = rows.number("SELECT expires_at FROM leases").await;
    assert!(after > before + 80_000_000, "{before} {after}");
    // Asked again at once, it is left as it is.
    case.store
        .keep_blob(&name("a"), &layer.digest)
        .await
        .expect("there");
    assert_eq!(rows.number("SELECT expires_at FROM leases").await, after);
    assert!(
        case.store
            .keep_blob(&name("b"), &layer.digest)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn untagged_manifests_go_only_when_nothing_reaches_them() {
    let case = Case::new().await;
    let store = &case.store;
    let a = name("a");
    let layer = case.push("a", b"layer").await;
    let put = async |new: &registry_store::NewManifest| {
        store.put_manifest(&a, new).await.expect("stored");
    };
    let plain = |text: &str, tags: &[&str]| manifest(text, &[&layer], tags);
    // Kept: what a tag reaches.
    let kept_child = plain("kept child", &[]);
    let kept_index = index("kept index", &[&kept_child], &["v1"]);
    let kept_signature = referrer("kept signature", &kept_child.digest, &[]);
    let signature_of_signature = referrer("of it", &kept_signature.digest, &[]);
    let old = plain("old, but signed under a tag", &[]);
    let tagged_signature = referrer("tagged signature", &old.digest, &["sha256-x.sig"]);
    // Gone: what no tag reaches.
    let lone = plain("lone", &[]);
    let lone_signature = referrer("its signature", &lone.digest, &[]);
    let lost_child = plain("lost child", &[]);
    let lost_index = index("lost index", &[&lost_child], &[]);
    let lost_outer = index("lost outer", &[&lost_index], &[]);
    let dangling = referrer("of nothing", &Digest::sha256(b"nothing"), &[]);
    let kept = [
        &kept_child,
        &kept_index,
        &kept_signature,
        &signature_of_signature,
        &old,
        &tagged_signature,
    ];
    let gone = [
        &lone,
        &lone_signature,
        &lost_child,
        &lost_index,
        &lost_outer,
        &dangling,
    ];
    for new in kept.iter().chain(&gone) {
        put(new).await;
    }
    assert_eq!(collect(store, &at_once()).await.manifests, 0);
    let young = Collection {
        untagged_age: Some(HOUR),
        ..at_once()
    };
    assert_eq!(collect(store, &young).await.manifests, 0);
    let dry = Collection {
        dry_run: true,
        ..untagged()
    };
    assert_eq!(collect(store, &dry).await.manifests, gone.len() as u64);
    assert_eq!(
        collect(store, &untagged()).await.manifests,
        gone.len() as u64
    );
    for new in kept {
        let found = store.manifest_by_digest(&a, &new.digest).await;
        assert!(found.is_ok(), "{:?}", new.bytes);
    }
    for new in gone {
        let found = store.manifest_by_digest(&a, &new.digest).await;
        assert!(found.is_err(), "{:?}", new.bytes);
    }
    // A tag that moves away leaves a manifest behind, and it goes with its signature.
    put(&plain("newer", &["v1"])).await;
    assert_eq!(collect(store, &untagged()).await.manifests, 4);
}

#[tokio::test]
async fn a_young_referrer_keeps_its_old_subject() {
    let case = Case::new().await;
    let layer = case.push("a", b"layer").await;
    let old = manifest("old", &[&layer], &[]);
    let a = name("a");
    case.store.put_manifest(&a, &old).await.expect("stored");
    let mut rows = case.rows().await;
    rows.execute("UPDATE manifests SET pushed_at = 0")
        .await
        .expect("aged");
    let signature = referrer("signature", &old.digest, &[]);
    case.store
        .put_manifest(&a, &signature)
        .await
        .expect("stored");
    let what = Collection {
        untagged_age: Some(HOUR),
        ..at_once()
    };
    assert_eq!(collect(&case.store, &what).await.manifests, 0);
    // Pushed once more, an old manifest is young again.
    rows.execute("UPDATE manifests SET pushed_at = 0")
        .await
        .expect("aged");
    case.store.put_manifest(&a, &old).await.expect("stored");
    assert_eq!(collect(&case.store, &what).await.manifests, 0);
    rows.execute("UPDATE manifests SET pushed_at = 0")
        .await
        .expect("aged");
    assert_eq!(collect(&case.store, &what).await.manifests, 2);
}

#[tokio::test]
async fn a_dry_run_tells_and_changes_nothing() {
    let case = Case::with(|config| {
        config.lease = Duration::ZERO;
        config.upload_lifetime = Duration::ZERO;
    })
    .await;
    case.push("a", b"unused").await;
    let released = case.push("a", b"released").await;
    case.store
        .delete_blob(&name("a"), &released.digest)
        .await
        .expect("deleted");
    case.store
        .start_upload(&name("a"), Algorithm::Sha256)
        .await
        .expect("an upload");
    let orphan = orphan(&case);
    tokio::time::sleep(Duration::from_millis(5)).await;
    let before = (case.files("blobs"), case.files("uploads"));
    let dry = Collection {
        dry_run: true,
        ..at_once()
    };
    let told = collect(&case.store, &dry).await;
    let expected = Collected {
        uploads: 1,
        manifests: 0,
        rights: 1,
        blobs: 1,
        orphans: 1,
        freed_bytes: 8 + 6,
    };
    assert_eq!(told, expected);
    assert_eq!((case.files("blobs"), case.files("uploads")), before);
    let done = collect(&case.store, &at_once()).await;
    assert_eq!((done.uploads, done.rights, done.orphans), (1, 1, 1));
    assert!(!orphan.exists());
}

#[tokio::test]
async fn objects_that_no_row_speaks_of_go_after_the_grace_period() {
    let case = Case::new().await;
    let kept = case.push("a", b"kept").await;
    let orphan = orphan(&case);
    let what = Collection {
        grace: HOUR,
        ..at_once()
    };
    assert_eq!(collect(&case.store, &what).await.orphans, 0);
    assert!(orphan.exists());
    tokio::time::sleep(Duration::from_millis(5)).await;
    let done = collect(&case.store, &at_once()).await;
    assert_eq!((done.orphans, done.freed_bytes), (1, 6));
    assert!(!orphan.exists());
    case.read("a", &kept.digest).await.expect("content");
}

/// Bytes whose row a crash kept from coming.
fn orphan(case: &Case) -> std::path::PathBuf {
    let digest = Digest::sha256(b"orphan");
    let folder = case
        .config
        .data_dir
        .join("blobs/sha256")
        .join(&digest.hex()[..2]);
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join(digest.hex());
    std::fs::write(&path, b"orphan").expect("written");
    path
}

#[tokio::test]
async fn a_pull_that_began_ends_well_although_its_blob_goes() {
    let case = Case::with(|config| config.lease = Duration::ZERO).await;
    let content = vec![7; 3 << 20];
    let blob = case.push("a", &content).await;
    let mut reader = case
        .store
        .read(&blob, 0..blob.size_bytes)
        .await
        .expect("open");
    let first = reader.try_next().await.expect("bytes").expect("a block");
    assert_eq!(collect(&case.store, &at_once()).await.blobs, 1);
    let rest: Vec<Bytes> = reader.try_collect().await.expect("bytes");
    assert_eq!([vec![first], rest].concat().concat(), content);
}

#[tokio::test]
async fn forgotten_uploads_go_and_busy_ones_stay() {
    let case = Case::with(|config| config.upload_lifetime = Duration::ZERO).await;
    let repository = name("a");
    let start = async || {
        case.store
            .start_upload(&repository, Algorithm::Sha256)
            .await
            .expect("an upload")
    };
    let (forgotten, open) = (start().await, start().await);
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
    assert_eq!(collect(&case.store, &at_once()).await.uploads, 1);
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
        .finish(&Digest::sha256(b"content"))
        .await
        .expect("a blob");
}

/// The other half of [`a_killed_collection_goes_on_where_it_was`]: collects until it is killed.
#[tokio::test]
#[ignore = "run by another test, in a process of its own"]
async fn killed_child() {
    let Some(config) = child::config() else {
        return;
    };
    let store = registry_store::Store::open(config)
        .await
        .expect("an open store");
    let what = Collection {
        per_second: 400,
        ..at_once()
    };
    collect(&store, &what).await;
}

#[tokio::test]
async fn a_killed_collection_goes_on_where_it_was() {
    const BLOBS: usize = 1000;
    let case = Case::with(|config| config.lease = Duration::ZERO).await;
    let layer = case.push("kept", b"layer").await;
    let new = manifest("m", &[&layer], &["v1"]);
    case.store
        .put_manifest(&name("kept"), &new)
        .await
        .expect("stored");
    for number in 0..BLOBS {
        case.push("a", format!("unused {number}").as_bytes()).await;
    }
    case.store.close().await;
    let mut rows = case.rows().await;
    let mut kills = 0;
    while kills < 3 || case.files("blobs").len() > BLOBS {
        // Longer each time: a busy machine starts a child slowly.
        let life = Duration::from_millis(600 + 100 * kills);
        child::kill_after(module_path!(), &case.config, life);
        // A killed server's turn runs out by itself; that is not waited for here.
        let run_out = "UPDATE collector SET held_until = 0";
        rows.execute(run_out).await.expect("run out");
        kills += 1;
        assert!(kills < 50, "no child got as far as the bytes");
    }
    let case = case.reopen().await;
    let left = case.files("blobs").len();
    assert!(left > 1, "the children were too fast: {left} objects left");
    collect(&case.store, &at_once()).await;
    assert_eq!(case.files("blobs").len(), 1);
    for table in ["blobs", "repository_blobs"] {
        assert_eq!(rows.count(table).await, 1, "{table}");
    }
    assert_eq!(rows.count("doomed_objects").await, 0);
    assert_eq!(
        case.read("kept", &layer.digest).await.expect("content"),
        b"layer"
    );
}
