//! crane: images in Docker's types, lists of them, copies by mount, deletion.

use anyhow::{Context as _, Result, ensure};
use e2e::binary::Ran;
use e2e::server::Server;
use e2e::tools;
use serde_json::Value;

use super::layer;

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

#[test]
fn crane_takes_dockers_types_all_the_way() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let server = Server::start(&temp.path().join("data"), &[])?;
    let image = |name: &str| format!("{}/docker/{name}", server.host());
    for name in ["demo:amd64", "demo:other"] {
        let layer = layer(temp.path(), name)?;
        crane(&["append", "--new_layer", &layer, "--new_tag", &image(name)])?;
        ensure!(media_type(&image(name))? == MANIFEST, "{name}");
        crane(&["validate", "--remote", &image(name)])?;
    }
    let (one, other) = (image("demo:amd64"), image("demo:other"));
    let list = image("demo:1.0");
    crane(&[
        "index",
        "append",
        "--docker-empty-base",
        "-m",
        &one,
        "-m",
        &other,
        "-t",
        &list,
    ])?;
    ensure!(media_type(&list)? == LIST, "the list");
    crane(&["copy", &list, &image("copy:1.0")])?;
    ensure!(
        crane(&["digest", &list])?.stdout == crane(&["digest", &image("copy:1.0")])?.stdout,
        "a copy has its digest"
    );
    let saved = temp.path().join("saved.tar").display().to_string();
    crane(&["pull", &one, &saved])?;
    crane(&["push", &saved, &image("again:1.0")])?;
    ensure!(
        crane(&["config", &one])?.stdout == crane(&["config", &image("again:1.0")])?.stdout,
        "what was pulled and pushed has its config"
    );
    Ok(())
}

#[test]
fn crane_lists_tags_and_deletes() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let server = Server::start(&temp.path().join("data"), &[])?;
    let repository = format!("{}/oci/demo", server.host());
    let tagged = format!("{repository}:1.0");
    let layer = layer(temp.path(), "layer")?;
    crane(&["append", "--oci-empty-base", "-f", &layer, "-t", &tagged])?;
    crane(&["tag", &tagged, "latest"])?;
    ensure!(
        lines(&crane(&["ls", &repository])?) == ["1.0", "latest"],
        "tags"
    );
    ensure!(
        lines(&crane(&["catalog", server.host()])?) == ["oci/demo"],
        "catalog"
    );
    let digest = crane(&["digest", &tagged])?.stdout.trim().to_owned();
    crane(&["delete", &format!("{repository}@{digest}")])?;
    ensure!(
        lines(&crane(&["ls", &repository])?).is_empty(),
        "no tag is left"
    );
    Ok(())
}

fn crane(arguments: &[&str]) -> Result<Ran> {
    tools::run(tools::client("crane").arg("--insecure").args(arguments))
}

fn media_type(image: &str) -> Result<String> {
    let manifest: Value = serde_json::from_str(&crane(&["manifest", image])?.stdout)?;
    Ok(manifest["mediaType"]
        .as_str()
        .context("a media type")?
        .to_owned())
}

fn lines(ran: &Ran) -> Vec<&str> {
    ran.stdout.lines().collect()
}
