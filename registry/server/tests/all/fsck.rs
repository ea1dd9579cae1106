//! The check of stored bytes over the API: begun, watched, stopped, gone on with, repaired.

use std::time::Duration;

use registry_pack::Digest;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::Registry;

const PATH: &str = "/api/v1/admin/fsck";

async fn start(registry: &Registry, wish: Value) -> StatusCode {
    let answer = registry
        .request(Method::POST, PATH)
        .json(&wish)
        .send()
        .await;
    answer.expect("an answer").status()
}

async fn until(registry: &Registry, state: &str) -> Value {
    for _ in 0..500 {
        let report = registry.json(PATH).await;
        if report["state"] == state {
            return report;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the check is never {state}: {}", registry.json(PATH).await);
}

fn spoil(registry: &Registry, digest: &Digest) {
    let hex = digest.hex();
    let path = format!("blobs/sha256/{}/{hex}", &hex[..2]);
    std::fs::write(registry.config.data_dir.join(path), b"spoilt!").expect("written");
}

#[tokio::test]
async fn damage_is_told_and_repaired_from_another_registry() {
    let registry = Registry::start().await;
    let replica = Registry::start().await;
    registry.push_image("a/b", "v1", b"layer").await;
    replica.push_image("a/b", "v1", b"layer").await;
    registry.push_blob("c", b"nobody else has this").await;
    let layer = Digest::sha256(b"layer");
    let lost = Digest::sha256(b"nobody else has this");
    spoil(&registry, &layer);
    spoil(&registry, &lost);
    assert_eq!(registry.json(PATH).await["state"], "never");
    assert_eq!(start(&registry, json!({})).await, StatusCode::ACCEPTED);
    let report = until(&registry, "finished").await;
    assert_eq!(
        report["damage"].as_array().map(Vec::len),
        Some(2),
        "{report}"
    );
    assert_eq!(report["damage"][0]["repositories"][0]["repository"], "a/b");
    assert_eq!(
        report["damage"][0]["repositories"][0]["tags"],
        json!(["v1"])
    );
    assert_eq!(report["unknown"]["objects"], 0);
    let path = format!("/v2/a/b/blobs/{layer}");
    assert_eq!(registry.get(&path).await.status(), StatusCode::NOT_FOUND);

    let wish = json!({ "repairFrom": format!("http://{}", replica.address) });
    assert_eq!(start(&registry, wish).await, StatusCode::ACCEPTED);
    let report = until(&registry, "finished").await;
    assert_eq!(report["damage"][0]["repaired"], true, "{report}");
    assert_eq!(report["damage"][1]["repaired"], false, "{report}");
    let remark = report["damage"][1]["remark"].as_str().expect("a reason");
    assert!(remark.contains("404"), "{remark}");
    assert_eq!(
        registry.get(&path).await.text().await.expect("bytes"),
        "layer"
    );
    assert_eq!(
        start(&registry, json!({ "repairFrom": "file:///etc" })).await,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        start(&registry, json!({ "rat": 1 })).await,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn a_check_is_stopped_and_goes_on_after_a_restart() {
    let registry = Registry::start().await;
    for number in 0..5_u8 {
        registry.push_blob("a", &[number; 10_000]).await;
    }
    assert_eq!(
        start(&registry, json!({ "rate": 20_000 })).await,
        StatusCode::ACCEPTED
    );
    assert_eq!(start(&registry, json!({})).await, StatusCode::CONFLICT);
    // Its position is written down once a second.
    tokio::time::sleep(Duration::from_millis(1700)).await;
    let answer = registry.delete(PATH).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let report = until(&registry, "stopped").await;
    let before = report["checked"]["blobs"].as_u64().expect("a number");
    assert!((1..5).contains(&before), "{report}");
    let registry = registry.restart().await;
    assert_eq!(registry.json(PATH).await["state"], "stopped");
    assert_eq!(start(&registry, json!({})).await, StatusCode::ACCEPTED);
    let report = until(&registry, "finished").await;
    assert_eq!(report["checked"], json!({ "blobs": 5, "bytes": 50_000 }));
}
