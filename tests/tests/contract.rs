//! The running service keeps to its own description: schemathesis asks it thousands of questions.

use std::process::Command;

use anyhow::{Result, ensure};
use e2e::cache;
use e2e::server::Server;
use serde_json::Value;

/// For each operation and way of making up requests.
const EXAMPLES: &str = "25";

#[test]
fn both_services_are_described_in_one_document() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(&folder.path().join("data"), &[])?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let url = format!("{}/api/openapi.json", server.url);
    let document: Value = runtime.block_on(async { reqwest::get(&url).await?.json().await })?;
    for path in [
        "/api/v1/packs",
        "/api/v1/images",
        "/api/v1/builds/{id}/events",
    ] {
        ensure!(
            document["paths"].get(path).is_some(),
            "{path} is not described"
        );
    }
    // Every body that is taken shows what one looks like.
    let schemas = &document["components"]["schemas"];
    for body in ["EnsureImage", "RevokeImage", "CollectImages", "HoldFor"] {
        ensure!(
            schemas[body].get("example").is_some(),
            "{body} has no example"
        );
    }
    Ok(())
}

#[test]
fn the_service_answers_as_its_description_says() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(&folder.path().join("data"), &[])?;
    let ran = Command::new(cache::test_program("schemathesis")?)
        .arg("run")
        .arg(format!("{}/api/openapi.json", server.url))
        .args(["--checks", "all", "--max-examples", EXAMPLES, "--no-color"])
        .args(["--generation-deterministic", "--request-timeout", "30"])
        // That a profile is not there is an answer, and no fault of who asked: 422.
        .args(["--exclude-checks", "positive_data_acceptance"])
        // A live stream has no end, and accepting it is not an error.
        .args(["--header", "Accept: application/json"])
        .current_dir(folder.path())
        .output()?;
    let said = String::from_utf8_lossy(&ran.stdout);
    ensure!(
        ran.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    Ok(())
}
