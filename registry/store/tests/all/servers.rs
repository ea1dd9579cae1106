//! Several servers on one PostgreSQL: what one acknowledged, all of them tell, and what one
//! holds, no other touches.

use std::time::Instant;

use registry_pack::{Algorithm, Digest};
use registry_store::{IndexEntry, MissingPolicy, PackRecord, Store, StoreError};

use crate::history::{Operation, check};
use crate::support::{Case, Postgres, manifest, name, push, read};

async fn three_servers() -> (Case<Postgres>, [Store; 3]) {
    let case = Case::<Postgres>::new().await;
    let servers = [
        case.store.clone(),
        case.another().await,
        case.another().await,
    ];
    (case, servers)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writes_and_reads_of_one_tag_are_linearizable() {
    let (case, servers) = three_servers().await;
    let layer = case.push("a", b"layer").await;
    let first = manifest("0", &[&layer], &["latest"]);
    let start = Instant::now();
    servers[0]
        .put_manifest(&name("a"), &first)
        .await
        .expect("stored");
    let mut history = vec![Operation {
        value: 0,
        is_write: true,
        start,
        end: Instant::now(),
    }];
    let mut clients = Vec::new();
    for (number, server) in servers.iter().enumerate() {
        for half in 0..2 {
            let (server, layer) = (server.clone(), layer.clone());
            let base = (number as u64 * 2 + half + 1) * 1000;
            clients.push(tokio::spawn(async move {
                let mut seen = Vec::new();
                for round in 0..40 {
                    let write = manifest(&(base + round).to_string(), &[&layer], &["latest"]);
                    let start = Instant::now();
                    server
                        .put_manifest(&name("a"), &write)
                        .await
                        .expect("stored");
                    let end = Instant::now();
                    seen.push(Operation {
                        value: base + round,
                        is_write: true,
                        start,
                        end,
                    });
                    for _ in 0..3 {
                        seen.push(read_tag(&server).await);
                    }
                }
                seen
            }));
        }
    }
    for client in clients {
        history.extend(client.await.expect("a client"));
    }
    assert_eq!(check(&history), Ok(()));
}

async fn read_tag(server: &Store) -> Operation {
    let tag = "latest".parse().expect("a tag");
    let start = Instant::now();
    let manifest = server
        .manifest_by_tag(&name("a"), &tag)
        .await
        .expect("a manifest");
    let text = String::from_utf8_lossy(&manifest.bytes).into_owned();
    Operation {
        value: text.parse().expect("a number"),
        is_write: false,
        start,
        end: Instant::now(),
    }
}

/// zot's pull request 4337: two servers on one store erased each other's tags.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn servers_that_tag_at_once_do_not_erase_each_others_tags() {
    const TAGS: usize = 50;
    let (case, servers) = three_servers().await;
    let layer = case.push("a", b"layer").await;
    let mut clients = Vec::new();
    for (number, server) in servers.iter().cloned().enumerate() {
        let layer = layer.clone();
        clients.push(tokio::spawn(async move {
            for round in 0..TAGS {
                let tag = format!("s{number}-{round}");
                let new = manifest(&tag, &[&layer], &[&tag]);
                server.put_manifest(&name("a"), &new).await.expect("stored");
            }
        }));
    }
    for client in clients {
        client.await.expect("a client");
    }
    for server in &servers {
        let tags = server.tags(&name("a"), "", 1000).await.expect("tags");
        assert_eq!(tags.len(), TAGS * servers.len());
    }
}

#[tokio::test]
async fn what_one_server_deletes_no_other_shows() {
    let (case, [first, second, _]) = three_servers().await;
    let repository = name("a");
    let layer = case.push("a", b"layer").await;
    let new = manifest("m", &[&layer], &["v1"]);
    let tag = "v1".parse().expect("a tag");
    for _ in 0..3 {
        case.push("a", b"layer").await;
        first.put_manifest(&repository, &new).await.expect("stored");
        for server in [&first, &second] {
            let by_tag = server.manifest_by_tag(&repository, &tag).await;
            assert_eq!(by_tag.expect("the manifest").bytes, new.bytes);
            let by_digest = server.manifest_by_digest(&repository, &new.digest).await;
            assert_eq!(by_digest.expect("the manifest").bytes, new.bytes);
            read(server, "a", &layer.digest).await.expect("the blob");
        }
        second
            .delete_manifest(&repository, &new.digest)
            .await
            .expect("deleted");
        second
            .delete_blob(&repository, &layer.digest)
            .await
            .expect("deleted");
        assert!(first.manifest_by_tag(&repository, &tag).await.is_err());
        let by_digest = first.manifest_by_digest(&repository, &new.digest).await;
        assert!(by_digest.is_err());
        assert!(first.blob(&repository, &layer.digest).await.is_err());
    }
}

#[tokio::test]
async fn an_upload_goes_on_at_another_server_and_has_one_writer() {
    let (case, [first, second, third]) = three_servers().await;
    let repository = name("a");
    let id = first
        .start_upload(&repository, Algorithm::Sha256)
        .await
        .expect("an upload")
        .id;
    let mut upload = first.continue_upload(&repository, &id).await.expect("held");
    upload.write("one".into()).await.expect("written");
    let busy = second.continue_upload(&repository, &id).await.err();
    assert!(matches!(busy, Some(StoreError::UploadBusy { .. })));
    let busy = third.cancel_upload(&repository, &id).await.err();
    assert!(matches!(busy, Some(StoreError::UploadBusy { .. })));
    upload.suspend().await.expect("kept");
    let mut upload = second
        .continue_upload(&repository, &id)
        .await
        .expect("held");
    assert_eq!(upload.offset(), 3);
    upload.write(" two".into()).await.expect("written");
    upload.suspend().await.expect("kept");
    let upload = third.continue_upload(&repository, &id).await.expect("held");
    let digest = Digest::sha256(b"one two");
    upload.finish(&digest).await.expect("a blob");
    assert_eq!(case.read("a", &digest).await.expect("content"), b"one two");
}

#[tokio::test]
async fn a_request_that_lost_its_hold_changes_nothing() {
    let (case, [first, second, _]) = three_servers().await;
    let repository = name("a");
    let id = first
        .start_upload(&repository, Algorithm::Sha256)
        .await
        .expect("an upload")
        .id;
    let mut slow = first.continue_upload(&repository, &id).await.expect("held");
    slow.write("lost".into()).await.expect("written");
    // As if the first server had stood still for longer than its hold lasts.
    let mut rows = case.rows().await;
    rows.execute("UPDATE uploads SET held_until = 0")
        .await
        .expect("expired");
    let mut upload = second
        .continue_upload(&repository, &id)
        .await
        .expect("held");
    let lost = slow.suspend().await.expect_err("fenced");
    assert!(matches!(lost, StoreError::UploadUnknown { .. }), "{lost}");
    upload.write("kept".into()).await.expect("written");
    assert_eq!(upload.suspend().await.expect("kept").offset, 4);
    // The same for a request that would finish.
    let slow = first.continue_upload(&repository, &id).await.expect("held");
    rows.execute("UPDATE uploads SET held_until = 0")
        .await
        .expect("expired");
    let _held = second
        .continue_upload(&repository, &id)
        .await
        .expect("held");
    let digest = Digest::sha256(b"kept");
    let lost = slow.finish(&digest).await.expect_err("fenced");
    assert!(matches!(lost, StoreError::UploadUnknown { .. }), "{lost}");
    assert!(first.blob(&repository, &digest).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_version_is_published_once_whoever_asks_first() {
    let (case, servers) = three_servers().await;
    let repository = name("p/spectro-packs/archive/x");
    for round in 0..10 {
        let version = format!("1.{round}.0");
        let mut clients = Vec::new();
        for (number, server) in servers.iter().enumerate() {
            let layer = push(server, repository.as_str(), b"archive")
                .await
                .expect("a blob");
            let text = format!("{version} by {number}");
            let mut new = manifest(&text, &[&layer], &[&version]);
            new.index = Some(IndexEntry::Pack(Box::new(pack(&layer.digest))));
            let (server, repository) = (server.clone(), repository.clone());
            clients.push(tokio::spawn(async move {
                server.put_manifest(&repository, &new).await
            }));
        }
        let mut published = 0;
        for client in clients {
            match client.await.expect("a client") {
                Ok(()) => published += 1,
                Err(StoreError::TagImmutable { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(published, 1, "{version}");
    }
    let tags = case.store.tags(&repository, "", 99).await.expect("tags");
    assert!(tags.contains(&"1.x".to_owned()), "{tags:?}");
}

fn pack(archive: &Digest) -> PackRecord {
    PackRecord {
        project: "p".to_owned(),
        name: "x".to_owned(),
        layer: "addon".to_owned(),
        display_name: "X".to_owned(),
        cloud_types: Vec::new(),
        annotations: Default::default(),
        archive_digest: archive.clone(),
        archive_bytes: 7,
        lint_errors: 0,
        lint_warnings: 0,
        documents: Default::default(),
    }
}

/// A manifest that waits for a blob gets it, whichever of the two comes first.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_blob_that_comes_beside_its_manifest_is_tied_to_it() {
    let case = Case::<Postgres>::with(|config| config.missing = MissingPolicy::Allow).await;
    let (first, second) = (case.store.clone(), case.another().await);
    let mut rows = case.rows().await;
    for round in 0..50 {
        let content = format!("layer {round}");
        let repository = format!("r{round}");
        let mut new = manifest(&content, &[], &["v1"]);
        new.blobs = vec![Digest::sha256(content.as_bytes())];
        let target = name(&repository);
        let (stored, pushed) = tokio::join!(
            first.put_manifest(&target, &new),
            push(&second, &repository, content.as_bytes())
        );
        stored.expect("stored");
        pushed.expect("a blob");
        assert_eq!(rows.count("manifest_missing").await, 0, "round {round}");
        assert_eq!(rows.count("manifest_blobs").await, round + 1);
    }
}
