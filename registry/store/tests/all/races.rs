//! Collections beside everything else that changes rows: nothing acknowledged is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use registry_store::{Collection, NewManifest, Store, StoreError};
use tokio::task::JoinHandle;

use super::Case;
use crate::support::{collect, manifest, name, push, read};

const CLIENTS: u32 = 4;
const ROUNDS: u32 = 30;

/// Collects again and again until it is told to stop.
fn collecting(store: Store, stop: Arc<AtomicBool>) -> JoinHandle<()> {
    let what = Collection {
        grace: Duration::ZERO,
        untagged_age: Some(Duration::from_secs(3600)),
        per_second: 1_000_000,
        dry_run: false,
    };
    tokio::spawn(async move {
        while !stop.load(Ordering::Relaxed) {
            collect(&store, &what).await;
        }
    })
}

/// What a client was told: a manifest, where it is, and the content of its layers.
struct Acknowledged {
    repository: String,
    manifest: NewManifest,
    layers: Vec<Vec<u8>>,
}

async fn verify(store: &Store, all: &[Acknowledged]) {
    for told in all {
        let repository = name(&told.repository);
        let tag = &told.manifest.tags[0];
        let found = store.manifest_by_tag(&repository, tag).await;
        assert_eq!(
            found.expect("the manifest").digest,
            told.manifest.digest,
            "{repository}:{tag}"
        );
        for layer in &told.layers {
            let digest = registry_pack::Digest::sha256(layer);
            let content = read(store, &told.repository, &digest).await;
            assert_eq!(&content.expect("a layer"), layer, "{repository}:{tag}");
        }
    }
}

/// One client: pushes layers that others push too, mounts one from another repository, tags a
/// manifest over them, and deletes what it tagged the round before last.
async fn client(
    store: Store,
    number: u32,
    refused: Arc<AtomicU32>,
) -> Result<Vec<Acknowledged>, StoreError> {
    let own = format!("r{number}");
    let mut told: Vec<Acknowledged> = Vec::new();
    for round in 0..ROUNDS {
        let shared = format!("shared {}", round % 5).into_bytes();
        let mounted = format!("mounted {}", round % 3).into_bytes();
        let unique = format!("unique {number} {round}").into_bytes();
        let tag = format!("t{round}");
        let mut attempts = 0;
        loop {
            let a = push(&store, &own, &shared).await?;
            let b = push(&store, &own, &unique).await?;
            let c = push(&store, "library", &mounted).await?;
            if !store
                .mount(&name(&own), &name("library"), &c.digest)
                .await?
            {
                // Collected in between: a mount that cannot be is an upload.
                push(&store, &own, &mounted).await?;
            }
            let text = format!("{number} {round}");
            let new = manifest(&text, &[&a, &b, &c], &[&tag]);
            match store.put_manifest(&name(&own), &new).await {
                Ok(()) => {
                    told.push(Acknowledged {
                        repository: own.clone(),
                        manifest: new,
                        layers: vec![shared, unique, mounted],
                    });
                    break;
                }
                Err(StoreError::MissingReferences { .. }) => {
                    refused.fetch_add(1, Ordering::Relaxed);
                    attempts += 1;
                    assert!(attempts < 1000, "no attempt got through");
                }
                Err(error) => return Err(error),
            }
        }
        if round % 3 == 2 {
            let oldest = told.remove(0);
            store
                .delete_manifest(&name(&own), &oldest.manifest.digest)
                .await?;
        }
    }
    Ok(told)
}

/// Runs clients beside collections; how many manifests were refused for a blob that was gone.
async fn race(case: &Case, servers: Vec<Store>) -> u32 {
    let (stop, refused) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU32::new(0)),
    );
    let collecting: Vec<_> = servers
        .iter()
        .map(|server| collecting(server.clone(), Arc::clone(&stop)))
        .collect();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let server = servers[number as usize % servers.len()].clone();
            tokio::spawn(client(server, number, Arc::clone(&refused)))
        })
        .collect();
    let mut told = Vec::new();
    for client in clients {
        told.extend(client.await.expect("a client").expect("no failure"));
    }
    stop.store(true, Ordering::Relaxed);
    for task in collecting {
        task.await.expect("the collecting task");
    }
    verify(&case.store, &told).await;
    // And what is left holds after a last collection, in a new process.
    collect(&case.store, &Collection::default()).await;
    verify(&case.another().await, &told).await;
    refused.load(Ordering::Relaxed)
}

/// Leases that end at once: a client may have to push again, and is never told a lie.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn acknowledged_manifests_never_lack_a_blob() {
    let case = Case::with(|config| {
        config.lease = Duration::ZERO;
        config.deleted_grace = Duration::ZERO;
    })
    .await;
    let refused = race(&case, case.servers().await).await;
    assert!(refused > 0, "the collections never came in between");
}

/// Quay's pull request 6318: in a soak of 104,000 operations 40 manifests were refused, because
/// their blobs were collected between upload and manifest. With a lease none is.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pushed_blob_waits_for_its_manifest() {
    let case = Case::new().await;
    let refused = race(&case, case.servers().await).await;
    assert_eq!(refused, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn bytes_and_rows_come_and_go_together() {
    let case = Case::new().await;
    let servers = case.servers().await;
    let stop = Arc::new(AtomicBool::new(false));
    let collecting = collecting(servers[0].clone(), Arc::clone(&stop));
    let mut clients = Vec::new();
    for (number, server) in servers.into_iter().enumerate() {
        clients.push(tokio::spawn(async move {
            let repository = format!("r{number}");
            for round in 0..60_u8 {
                let content = [round % 3; 10];
                let blob = push(&server, &repository, &content).await.expect("a blob");
                let kept = read(&server, &repository, &blob.digest).await;
                assert_eq!(kept.expect("content"), content);
                let deleted = server.delete_blob(&name(&repository), &blob.digest).await;
                deleted.expect("deleted");
            }
        }));
    }
    for client in clients {
        client.await.expect("a client");
    }
    stop.store(true, Ordering::Relaxed);
    collecting.await.expect("the collecting task");
    let kept = case.push("last", &[1; 10]).await;
    let content = case.read("last", &kept.digest).await;
    assert_eq!(content.expect("content"), [1; 10]);
}
