//! Other people's OCI clients against our registry: oras and skopeo.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use e2e::binary::{run, workspace};
use e2e::server::Server;
use e2e::tools;

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
fn skopeo_copies_what_packyard_pushed() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let (server, archive) = server_with_a_pack(temp.path())?;
    let layout = temp.path().join("layout");
    tools::run(
        tools::client("skopeo")
            .args(["--insecure-policy", "copy", "--src-tls-verify=false"])
            .arg(format!("docker://{}", reference(&server)))
            .arg(format!("oci:{}:byo", layout.display())),
    )?;
    let digest = sha256(&archive)?;
    same_file(&archive, &layout.join("blobs/sha256").join(digest))
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

fn reference(server: &Server) -> String {
    format!("{}/library/spectro-packs/archive/byo:1.0.0", server.host())
}

/// A server that holds the pack `byo`, and the archive that the pack makes.
fn server_with_a_pack(temp: &Path) -> Result<(Server, std::path::PathBuf)> {
    let server = Server::start(&temp.join("data"), &[])?;
    let pack = workspace().join("packs/os/byo");
    server
        .run(&["pack", "push", pack.to_str().context("a path in UTF-8")?])?
        .ok()?;
    Ok((server, archive(temp)?))
}

fn archive(into: &Path) -> Result<std::path::PathBuf> {
    let pack = workspace().join("packs/os/byo");
    let file = into.join("byo-1.0.0.tar.gz");
    run([
        "pack",
        "archive",
        pack.to_str().context("a path in UTF-8")?,
        "--output",
        file.to_str().context("a path in UTF-8")?,
    ])?
    .ok()?;
    Ok(file)
}

fn same_file(one: &Path, other: &Path) -> Result<()> {
    let same = std::fs::read(one)?
        == std::fs::read(other).with_context(|| format!("read {}", other.display()))?;
    ensure!(same, "{} and {} differ", one.display(), other.display());
    Ok(())
}

fn sha256(file: &Path) -> Result<String> {
    let output = Command::new("sha256sum").arg(file).output()?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text
        .split_whitespace()
        .next()
        .context("a digest")?
        .to_owned())
}
