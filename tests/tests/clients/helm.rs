//! helm: charts as OCI artifacts, there and back byte for byte.

use std::path::Path;

use anyhow::{Result, ensure};
use e2e::binary::Ran;
use e2e::server::Server;
use e2e::tools;

use super::same_file;

#[test]
fn helm_pushes_and_pulls_a_chart() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let server = Server::start(&temp.path().join("data"), &[])?;
    let helm = |arguments: &[&str]| helm(temp.path(), arguments);
    helm(&["create", "demo"])?;
    helm(&["package", "demo"])?;
    let charts = format!("oci://{}/team/charts", server.host());
    helm(&["push", "demo-0.1.0.tgz", &charts, "--plain-http"])?;
    let chart = format!("{charts}/demo");
    let there = ["--version", "0.1.0", "--plain-http"];
    let shown = helm(&[&["show", "chart", &chart], &there[..]].concat())?;
    ensure!(shown.stdout.contains("name: demo"), "{shown:?}");
    std::fs::create_dir(temp.path().join("pulled"))?;
    let into = ["--destination", "pulled"];
    helm(&[&["pull", &chart], &there[..], &into[..]].concat())?;
    same_file(
        &temp.path().join("demo-0.1.0.tgz"),
        &temp.path().join("pulled/demo-0.1.0.tgz"),
    )?;
    // A range of versions is resolved by the list of tags.
    let newest = ["--version", ">=0.0.1", "--plain-http"];
    let shown = helm(&[&["show", "chart", &chart], &newest[..]].concat())?;
    ensure!(shown.stdout.contains("version: 0.1.0"), "{shown:?}");
    Ok(())
}

/// helm in a folder, with nothing from the home of whoever runs the test.
fn helm(folder: &Path, arguments: &[&str]) -> Result<Ran> {
    let mut command = tools::client("helm");
    for (variable, place) in [
        ("HELM_CACHE_HOME", "cache"),
        ("HELM_CONFIG_HOME", "config"),
        ("HELM_DATA_HOME", "helm"),
    ] {
        command.env(variable, folder.join(place));
    }
    tools::run(command.args(arguments).current_dir(folder))
}
