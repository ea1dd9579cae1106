//! Checking stored bytes: real damage is found, told, kept from readers, and cured by a push.

use std::path::PathBuf;
use std::time::Duration;

use registry_pack::Digest;
use registry_store::{Blob, Damage, Fault, Hit, Pace, StorageConfig, StoreError};

use tests_objects::ObjectServer;

use super::Case;
use crate::support::{config_of, manifest, name, noise};

/// The file of a blob in a folder.
fn path(case: &Case, blob: &Blob) -> PathBuf {
    let hex = blob.digest.hex();
    let relative = format!("blobs/sha256/{}/{hex}", &hex[..2]);
    case.config.data_dir.join(relative)
}

async fn check(case: &Case) -> Vec<Damage> {
    let mut progress = case.store.begin_check().await.expect("a check");
    let mut pace = Pace::new(None);
    let mut found = Vec::new();
    while !progress.finished {
        let some = case.store.check_some(&mut progress, &mut pace).await;
        found.extend(some.expect("checked"));
    }
    found
}

#[tokio::test]
async fn every_kind_of_damage_is_found_named_and_kept_from_readers() {
    let case = Case::new().await;
    let mut blobs = Vec::new();
    for (number, repository) in ["a", "b", "a", "a"].into_iter().enumerate() {
        blobs.push(case.push(repository, &noise(100_000, number as u64)).await);
    }
    let (a, b) = (name("a"), name("b"));
    case.store
        .mount(&b, &a, &blobs[0].digest)
        .await
        .expect("mounted");
    let pushed = manifest("one", &[&blobs[0]], &["v1", "v2"]);
    case.store.put_manifest(&a, &pushed).await.expect("stored");
    let mut bytes = std::fs::read(path(&case, &blobs[0])).expect("bytes");
    bytes[50_000] ^= 1;
    std::fs::write(path(&case, &blobs[0]), &bytes).expect("changed");
    std::fs::remove_file(path(&case, &blobs[1])).expect("removed");
    std::fs::write(path(&case, &blobs[2]), &bytes[..10]).expect("truncated");

    let found = check(&case).await;
    let faults: Vec<_> = found
        .iter()
        .map(|it| (it.digest.clone(), it.fault))
        .collect();
    assert_eq!(
        faults,
        [
            (blobs[0].digest.clone(), Some(Fault::Changed)),
            (blobs[1].digest.clone(), Some(Fault::Missing)),
            (blobs[2].digest.clone(), Some(Fault::Truncated)),
        ]
    );
    let hit = |repository: &str, manifests: &[&Digest], tags: &[&str]| Hit {
        repository: repository.to_owned(),
        manifests: manifests.iter().map(ToString::to_string).collect(),
        tags: tags.iter().map(ToString::to_string).collect(),
    };
    assert_eq!(
        found[0].hit,
        [
            hit("a", &[&pushed.digest], &["v1", "v2"]),
            hit("b", &[], &[])
        ]
    );
    let aside = case
        .config
        .data_dir
        .join(found[0].quarantined.clone().expect("a place"));
    assert!(std::fs::read(aside).expect("bytes") == bytes);
    assert_eq!(found[1].quarantined, None);
    for (repository, blob) in [
        (&a, &blobs[0]),
        (&b, &blobs[0]),
        (&b, &blobs[1]),
        (&a, &blobs[2]),
    ] {
        let error = case.store.blob(repository, &blob.digest).await;
        assert!(
            matches!(error, Err(StoreError::BlobUnknown { .. })),
            "{error:?}"
        );
    }
    case.read("a", &blobs[3].digest)
        .await
        .expect("the sound one");
    assert!(check(&case).await.is_empty(), "told once");
    assert_eq!(case.store.damage(9).await.expect("a list").len(), 3);
}

#[tokio::test]
async fn a_push_of_the_same_content_makes_it_good_again() {
    let case = Case::new().await;
    let content = noise(100_000, 1);
    let blob = case.push("a", &content).await;
    case.push("b", &content).await;
    std::fs::write(path(&case, &blob), b"something else").expect("changed");
    assert_eq!(check(&case).await.len(), 1);
    case.push("b", &content).await;
    assert!(case.store.damage(9).await.expect("a list").is_empty());
    for repository in ["a", "b"] {
        assert!(case.read(repository, &blob.digest).await.expect("content") == content);
    }
    assert!(check(&case).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_in_a_bucket_is_marked_and_a_push_takes_another_object() {
    let server = ObjectServer::s3();
    let case = Case::elsewhere(StorageConfig::Objects(config_of(&server, "fsck"))).await;
    let contents: Vec<_> = (0..3).map(|seed| noise(9 << 20, seed)).collect();
    let mut blobs = Vec::new();
    for content in &contents {
        blobs.push(case.push("a", content).await);
    }
    let bucket = server.folder.join("blobs");
    let objects = server.files("fsck").expect("a bucket");
    let find = |content: &[u8]| {
        let found = objects.iter().map(|key| bucket.join(key));
        let mut same = found.filter(|path| std::fs::read(path).expect("bytes") == content);
        same.next().expect("its object")
    };
    let (changed, removed) = (find(&contents[0]), find(&contents[1]));
    let mut bytes = contents[0].clone();
    bytes[5] ^= 1;
    std::fs::write(&changed, bytes).expect("changed");
    std::fs::remove_file(&removed).expect("removed");
    let faults: Vec<_> = check(&case).await.iter().map(|it| it.fault).collect();
    assert_eq!(faults, [Some(Fault::Changed), Some(Fault::Missing)]);
    assert!(changed.exists(), "kept for whoever wants to look");
    for (blob, content) in blobs.iter().zip(&contents).take(2) {
        case.push("a", content).await;
        assert!(case.read("a", &blob.digest).await.expect("content") == *content);
    }
    assert!(check(&case).await.is_empty());
}

#[tokio::test]
async fn a_check_goes_on_where_it_was_cut_off() {
    let case = Case::new().await;
    for seed in 0..120 {
        case.push("a", &noise(10, seed)).await;
    }
    let mut progress = case.store.begin_check().await.expect("a check");
    let mut pace = Pace::new(None);
    case.store
        .check_some(&mut progress, &mut pace)
        .await
        .expect("checked");
    let case = case.reopen().await;
    let mut again = case
        .store
        .last_check()
        .await
        .expect("an answer")
        .expect("a check");
    assert_eq!(again, progress);
    assert!(
        again.blobs > 0 && again.blobs < 120 && !again.finished,
        "{again:?}"
    );
    while !again.finished {
        case.store
            .check_some(&mut again, &mut pace)
            .await
            .expect("checked");
    }
    assert_eq!((again.blobs, again.bytes), (120, 1200));
    let extent = case.store.extent().await.expect("an answer");
    assert_eq!((extent.blobs, extent.bytes), (120, 1200));
    assert!(
        case.store
            .last_check()
            .await
            .expect("an answer")
            .expect("a check")
            .finished
    );
}

#[tokio::test]
async fn objects_without_rows_are_counted() {
    let case = Case::with(|config| config.upload_lifetime = Duration::from_secs(60)).await;
    let blob = case.push("a", b"known").await;
    let stray = case.config.data_dir.join("blobs/sha256/00");
    std::fs::create_dir_all(&stray).expect("a folder");
    let (old, young) = (stray.join("old"), stray.join("young"));
    for path in [&old, &young] {
        std::fs::write(path, b"stray").expect("written");
    }
    let hours_ago = std::time::SystemTime::now() - Duration::from_secs(7200);
    for path in [&old, &self::path(&case, &blob)] {
        let file = std::fs::File::options()
            .write(true)
            .open(path)
            .expect("a file");
        file.set_modified(hours_ago).expect("aged");
    }
    let unknown = case.store.unknown_objects().await.expect("a count");
    assert_eq!((unknown.objects, unknown.bytes), (1, 5));
    assert_eq!(unknown.keys, ["blobs/sha256/00/old"]);
    assert_eq!(
        case.read("a", &blob.digest).await.expect("content"),
        b"known"
    );
}
