//! The builder keeps to its description, asked about builds and images that exist.
//!
//! The end-to-end tests ask the whole program the same, which has none.

use std::path::PathBuf;
use std::process::Stdio;

use axum::routing::get;
use axum::{Json, Router};
use imagebuilder_engine::Rehearsal;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::router::router;

/// For each operation and way of making up requests.
const EXAMPLES: &str = "10";

/// Where `make setup` puts it.
fn schemathesis() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache");
    let program = cache
        .unwrap_or_else(home)
        .join("packyard/venv-tests/bin/schemathesis");
    assert!(
        program.exists(),
        "{} is missing: run `make setup`",
        program.display()
    );
    program
}

#[tokio::test]
async fn builds_and_images_are_as_their_description_says() {
    let mut rehearsal = Rehearsal::new().await;
    let build = rehearsal.ask().await;
    rehearsal.start();
    let view = rehearsal.ended(&build).await;
    let document = serde_json::to_value(crate::openapi()).unwrap();
    let document = Json(service::openapi::as_sent(document));
    let described = move || async move { document };
    let routes: Router = router(rehearsal.engine(), CancellationToken::new())
        .route("/api/openapi.json", get(described));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let folder = tempfile::tempdir().unwrap();
    let known = format!(
        "[parameters]\nid = \"{build}\"\nsignature = \"{0}\"\nother = \"{0}\"\nholder = \"cluster-1\"\n",
        view.signature
    );
    std::fs::write(folder.path().join("schemathesis.toml"), known).unwrap();
    let ran = Command::new(schemathesis())
        .args(["run", &format!("{url}/api/openapi.json"), "--url", &url])
        .args(["--checks", "all", "--max-examples", EXAMPLES, "--no-color"])
        // A refusal by a rule is an answer.
        .args(["--exclude-checks", "positive_data_acceptance"])
        .args(["--generation-deterministic", "--request-timeout", "30"])
        .args(["--header", "Accept: application/json"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}");
    rehearsal.stop().await;
}
