//! A registry on an object store: pulls by redirect, and what clients hear when the store is gone.

use std::time::Duration;

use registry_server::RegistryConfig;
use registry_store::{ObjectStoreConfig, Secret, StorageConfig};
use reqwest::header::{LOCATION, RANGE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, StatusCode};
use tests_objects::ObjectServer;

use crate::support::{Registry, header, refused};

fn on(server: &ObjectServer) -> impl FnOnce(&mut RegistryConfig) {
    let place = server.place("registry");
    let mut objects = ObjectStoreConfig::new(place.url);
    objects.endpoint = Some(place.endpoint);
    objects.region = Some(place.region.to_owned());
    objects.access_key = Some(place.access_key.to_owned());
    objects.secret = Some(Secret::new(place.secret));
    objects.timeout = Duration::from_secs(2);
    objects.patience = Duration::from_secs(1);
    |config| {
        config.storage = StorageConfig::Objects(objects);
        config.redirect = true;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_is_sent_to_the_store_itself() {
    let server = ObjectServer::s3();
    let registry = Registry::start_with(on(&server)).await;
    let content = vec![7; 100_000];
    let digest = registry.push_blob("a/b", &content).await;
    let path = format!("/v2/a/b/blobs/{digest}");
    let client = Client::builder()
        .redirect(Policy::none())
        .build()
        .expect("a client");
    let answer = client
        .get(format!("http://{}{path}", registry.address))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);
    let location = header(answer.headers(), LOCATION.as_str());
    assert!(location.starts_with(&format!("http://{}/", server.address)));
    assert_eq!(
        header(answer.headers(), "docker-content-digest"),
        digest.as_str()
    );
    // Nothing else is needed to read there, and ranges hold.
    let part = client
        .get(&location)
        .header(RANGE, "bytes=5-9")
        .send()
        .await;
    let part = part.expect("an answer");
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.bytes().await.expect("bytes"), content[5..10]);
    let wrong = location.replace("X-Amz-Signature=", "X-Amz-Signature=0");
    let answer = client.get(wrong).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    // Clients that follow see no difference, and HEAD needs no store.
    let whole = registry.get(&path).await.bytes().await.expect("bytes");
    assert!(whole == content);
    let head = registry.head(&path).await;
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(header(head.headers(), "content-length"), "100000");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_gone_is_told_as_503() {
    let server = ObjectServer::s3();
    let registry = Registry::start_with(|config| {
        on(&server)(config);
        config.redirect = false;
    })
    .await;
    let digest = registry.push_blob("a", b"content").await;
    let path = format!("/v2/a/blobs/{digest}");
    assert_eq!(
        registry.get(&path).await.text().await.expect("bytes"),
        "content"
    );
    let location = registry.begin("a").await;
    drop(server);
    let answer = registry.get(&path).await;
    assert!(answer.headers().contains_key(RETRY_AFTER));
    let text = refused(answer, 503, "TOOMANYREQUESTS").await;
    assert!(!text.contains("127.0.0.1"), "{text}");
    let answer = registry
        .request(Method::PUT, &format!("{location}?digest={digest}"))
        .body("content")
        .send()
        .await
        .expect("an answer");
    refused(answer, 503, "TOOMANYREQUESTS").await;
    // The session is still there for when the store is back.
    let answer = registry.get(&location).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
}
