//! skopeo: copies between layouts and the registry, in OCI's types and in Docker's.

use anyhow::{Result, ensure};
use e2e::server::Server;
use e2e::tools;
use serde_json::Value;

use super::{image_layout, reference, same_file, server_with_a_pack, sha256};

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
fn skopeo_pushes_both_families_of_types() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let server = Server::start(&temp.path().join("data"), &[])?;
    let layout = image_layout(temp.path())?;
    for (format, media_type) in [
        ("oci", "application/vnd.oci.image.manifest.v1+json"),
        (
            "v2s2",
            "application/vnd.docker.distribution.manifest.v2+json",
        ),
    ] {
        let image = format!("docker://{}/images/demo:{format}", server.host());
        let mut push = tools::client("skopeo");
        push.args([
            "--insecure-policy",
            "copy",
            "--dest-tls-verify=false",
            "--format",
            format,
        ])
        .arg(format!("oci:{}:demo", layout.display()))
        .arg(&image);
        tools::run(&mut push)?;
        let mut inspect = tools::client("skopeo");
        inspect
            .args(["inspect", "--raw", "--tls-verify=false"])
            .arg(&image);
        let raw: Value = serde_json::from_str(&tools::run(&mut inspect)?.stdout)?;
        ensure!(raw["mediaType"] == media_type, "{format}: {raw}");
        let back = temp.path().join(format);
        let mut pull = tools::client("skopeo");
        pull.args(["--insecure-policy", "copy", "--src-tls-verify=false"])
            .arg(&image)
            .arg(format!("dir:{}", back.display()));
        tools::run(&mut pull)?;
        let manifest: Value = serde_json::from_slice(&std::fs::read(back.join("manifest.json"))?)?;
        ensure!(manifest == raw, "{format}: {manifest}");
    }
    let mut tags = tools::client("skopeo");
    tags.args(["list-tags", "--tls-verify=false"])
        .arg(format!("docker://{}/images/demo", server.host()));
    let tags: Value = serde_json::from_str(&tools::run(&mut tags)?.stdout)?;
    ensure!(tags["Tags"] == serde_json::json!(["oci", "v2s2"]), "{tags}");
    let mut delete = tools::client("skopeo");
    delete
        .args(["delete", "--tls-verify=false"])
        .arg(format!("docker://{}/images/demo:oci", server.host()));
    tools::run(&mut delete)?;
    Ok(())
}
