//! regctl: images from a layout, artifacts with a subject, sha512, lists, deletion.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use e2e::binary::Ran;
use e2e::server::Server;
use e2e::tools;
use serde_json::Value;

use super::image_layout;

#[test]
fn regctl_copies_images_and_finds_what_refers_to_them() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let server = Server::start(&temp.path().join("data"), &[])?;
    let regctl = Regctl::new(temp.path(), &server)?;
    let layout = format!("ocidir://{}:demo", image_layout(temp.path())?.display());
    let image = format!("{}/regctl/demo:1.0", server.host());
    regctl.run(&["image", "copy", &layout, &image])?;
    regctl.put(
        "text",
        &[
            "artifact",
            "put",
            "--subject",
            &image,
            "--artifact-type",
            "application/vnd.example.note",
        ],
    )?;
    let list = regctl.run(&["artifact", "list", &image, "--format", "{{json .}}"])?;
    let list: Value = serde_json::from_str(&list.stdout)?;
    let found = list.pointer("/descriptors/0/artifactType");
    ensure!(
        found == Some(&Value::from("application/vnd.example.note")),
        "{list}"
    );
    let copy = format!("{}/regctl/copy:1.0", server.host());
    regctl.run(&["image", "copy", "--referrers", &image, &copy])?;
    let tree = regctl.run(&["artifact", "tree", &copy])?;
    ensure!(tree.stdout.contains("vnd.example.note"), "{}", tree.stdout);
    let tags = regctl.run(&["tag", "ls", &format!("{}/regctl/demo", server.host())])?;
    ensure!(tags.stdout.trim() == "1.0", "{}", tags.stdout);
    let repositories = regctl.run(&["repo", "ls", server.host()])?;
    ensure!(
        repositories
            .stdout
            .lines()
            .eq(["regctl/copy", "regctl/demo"]),
        "{}",
        repositories.stdout
    );
    regctl.run(&["tag", "delete", &copy])?;
    ensure!(
        regctl.run(&["manifest", "head", &copy]).is_err(),
        "the tag is gone"
    );
    Ok(())
}

#[test]
fn regctl_uses_sha512() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let server = Server::start(&temp.path().join("data"), &[])?;
    let regctl = Regctl::new(temp.path(), &server)?;
    let layout = format!("ocidir://{}:demo", image_layout(temp.path())?.display());
    let plain = format!("{}/regctl/plain:1.0", server.host());
    regctl.run(&["image", "copy", &layout, &plain])?;
    let long = format!("{}/regctl/long:1.0", server.host());
    regctl.run(&[
        "image",
        "mod",
        &plain,
        "--digest-algo",
        "sha512",
        "--create",
        &long,
    ])?;
    let manifest = regctl.run(&["manifest", "get", &long, "--format", "raw-body"])?;
    ensure!(manifest.stdout.contains("sha512:"), "{}", manifest.stdout);
    let back = format!("ocidir://{}:long", temp.path().join("back").display());
    regctl.run(&["image", "copy", &long, &back])?;
    Ok(())
}

/// The program with a configuration of its own.
struct Regctl {
    config: std::path::PathBuf,
}

impl Regctl {
    fn new(folder: &Path, server: &Server) -> Result<Self> {
        let regctl = Self {
            config: folder.join("regctl.json"),
        };
        regctl.run(&["registry", "set", server.host(), "--tls", "disabled"])?;
        Ok(regctl)
    }

    fn run(&self, arguments: &[&str]) -> Result<Ran> {
        tools::run(self.command().args(arguments))
    }

    /// The same, with a text as its standard input.
    fn put(&self, text: &str, arguments: &[&str]) -> Result<Ran> {
        let file = self.config.with_extension("input");
        std::fs::write(&file, text)?;
        tools::run(
            self.command()
                .args(arguments)
                .stdin(std::fs::File::open(&file)?),
        )
    }

    fn command(&self) -> Command {
        let mut command = tools::client("regctl");
        command.env("REGCTL_CONFIG", &self.config);
        command
    }
}
