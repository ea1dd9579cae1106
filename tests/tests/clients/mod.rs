//! Other people's OCI clients against our registry, each pinned or from the distribution.

mod containerd;
mod cosign;
mod crane;
mod helm;
mod oras;
mod regctl;
mod skopeo;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use e2e::binary::{run, workspace};
use e2e::server::Server;
use serde_json::json;

fn reference(server: &Server) -> String {
    format!("{}/library/spectro-packs/archive/byo:1.0.0", server.host())
}

/// A server that holds the pack `byo`, and the archive that the pack makes.
fn server_with_a_pack(temp: &Path) -> Result<(Server, PathBuf)> {
    let server = Server::start(&temp.join("data"), &[])?;
    let pack = workspace().join("packs/os/byo");
    server
        .run(&["pack", "push", pack.to_str().context("a path in UTF-8")?])?
        .ok()?;
    Ok((server, archive(temp)?))
}

fn archive(into: &Path) -> Result<PathBuf> {
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

/// A tar with one file in it, as a layer; its path.
fn layer(into: &Path, content: &str) -> Result<String> {
    let path = into.join(format!("{}.tar", content.replace(':', "-")));
    let mut tar = tar::Builder::new(std::fs::File::create(&path)?);
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    tar.append_data(&mut header, "hello", content.as_bytes())?;
    tar.finish()?;
    Ok(path.display().to_string())
}

/// An image of one layer in a folder as OCI lays it out, tagged `demo`.
fn image_layout(into: &Path) -> Result<PathBuf> {
    let folder = into.join("image");
    let blobs = folder.join("blobs/sha256");
    std::fs::create_dir_all(&blobs)?;
    let keep = |bytes: &[u8], media_type: &str| -> Result<serde_json::Value> {
        let part = blobs.join("part");
        std::fs::write(&part, bytes)?;
        let hex = sha256(&part)?;
        std::fs::rename(&part, blobs.join(&hex))?;
        let digest = format!("sha256:{hex}");
        Ok(json!({"mediaType": media_type, "digest": digest, "size": bytes.len()}))
    };
    let tar = std::fs::read(layer(into, "image layer")?)?;
    let layer = keep(&tar, "application/vnd.oci.image.layer.v1.tar")?;
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {"Cmd": ["/hello"]},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
    });
    let config = keep(
        config.to_string().as_bytes(),
        "application/vnd.oci.image.config.v1+json",
    )?;
    let manifest_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": manifest_type, "config": config, "layers": [layer],
    });
    let mut entry = keep(manifest.to_string().as_bytes(), manifest_type)?;
    entry["annotations"] = json!({"org.opencontainers.image.ref.name": "demo"});
    let index = json!({"schemaVersion": 2, "manifests": [entry]});
    std::fs::write(folder.join("index.json"), index.to_string())?;
    std::fs::write(
        folder.join("oci-layout"),
        json!({"imageLayoutVersion": "1.0.0"}).to_string(),
    )?;
    Ok(folder)
}
