//! oras: packs in the form of its 1.0 and of its newest, attached artifacts, whole graphs.

use anyhow::{Result, ensure};
use e2e::server::Server;
use e2e::tools;
use serde_json::Value;

use super::{archive, reference, same_file, server_with_a_pack};

#[test]
fn oras_pulls_what_packyard_pushed() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let (server, archive) = server_with_a_pack(temp.path())?;
    let pulled = temp.path().join("oras");
    tools::run(
        tools::client("oras")
            .args(["pull", "--plain-http", "--output"])
            .arg(&pulled)
            .arg(reference(&server)),
    )?;
    same_file(&archive, &pulled.join("byo-1.0.0.tar.gz"))
}

#[test]
fn a_pack_pushed_by_oras_is_opened_and_listed() -> Result<()> {
    for form in ["v1.0", "v1.1"] {
        let temp = tempfile::tempdir()?;
        let server = Server::start(&temp.path().join("data"), &[])?;
        archive(temp.path())?;
        let mut push = tools::client("oras");
        push.current_dir(temp.path())
            .args(["push", "--plain-http", "--image-spec", form])
            .arg(reference(&server))
            .arg("byo-1.0.0.tar.gz:application/vnd.oci.image.layer.v1.tar");
        tools::run(&mut push)?;

        let packs = server.json(&["pack", "ls"])?;
        let pack = &packs["packs"][0];
        ensure!(
            pack["name"] == "byo" && pack["layer"] == "os",
            "{form}: {packs}"
        );
        ensure!(
            pack["annotations"]["skipK8sInstall"] == "true",
            "{form}: {packs}"
        );
        ensure!(
            pack["displayName"].is_string() && pack["cloudTypes"].is_array(),
            "{form}: {packs}"
        );
    }
    Ok(())
}

#[test]
fn what_oras_attaches_is_discovered_and_copied_with_its_subject() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let (server, _) = server_with_a_pack(temp.path())?;
    std::fs::write(temp.path().join("report.txt"), "no findings")?;
    let mut attach = tools::client("oras");
    attach
        .current_dir(temp.path())
        .args([
            "attach",
            "--plain-http",
            "--artifact-type",
            "application/vnd.example.report",
        ])
        .arg(reference(&server))
        .arg("report.txt:text/plain");
    tools::run(&mut attach)?;
    let copy = format!("{}/copies/byo:1.0.0", server.host());
    let mut copied = tools::client("oras");
    copied
        .args([
            "copy",
            "--recursive",
            "--from-plain-http",
            "--to-plain-http",
        ])
        .args([&reference(&server), &copy]);
    tools::run(&mut copied)?;
    for target in [reference(&server), copy] {
        let mut discover = tools::client("oras");
        discover
            .args(["discover", "--plain-http", "--format", "json"])
            .arg(&target);
        let found: Value = serde_json::from_str(&tools::run(&mut discover)?.stdout)?;
        let referrers = found["referrers"]
            .as_array()
            .or(found["manifests"].as_array());
        let kinds: Vec<_> = referrers
            .into_iter()
            .flatten()
            .map(|one| &one["artifactType"])
            .collect();
        ensure!(
            kinds == ["application/vnd.example.report"],
            "{target}: {found}"
        );
    }
    Ok(())
}
