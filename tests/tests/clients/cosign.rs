//! cosign: an image signed, attested and verified, with what it writes as referrers and, as
//! older ones do, under tags made of the digest. No transparency log: that is another service.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use e2e::binary::Ran;
use e2e::server::Server;
use e2e::tools;

use super::layer;

const KIND: &str = "https://packyard.invalid/checked";

/// An image, and where keys and predicate lie.
struct Signed {
    folder: tempfile::TempDir,
    _server: Server,
    image: String,
    repository: String,
}

#[test]
fn cosign_signs_and_attests_by_referrers() -> Result<()> {
    let signed = Signed::new()?;
    signed.sign_and_attest(&[])?;
    signed.verify(&[])?;
    let tags = signed.tags()?;
    ensure!(tags == ["1.0"], "no tags but the image's: {tags:?}");
    Ok(())
}

#[test]
fn cosign_signs_and_attests_by_tags() -> Result<()> {
    let signed = Signed::new()?;
    signed.sign_and_attest(&["--new-bundle-format=false"])?;
    signed.verify(&["--new-bundle-format=false"])?;
    let tags = signed.tags()?;
    for ending in [".sig", ".att"] {
        ensure!(
            tags.iter().any(|tag| tag.ends_with(ending)),
            "{ending}: {tags:?}"
        );
    }
    Ok(())
}

impl Signed {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let server = Server::start(&folder.path().join("data"), &[])?;
        let repository = format!("{}/team/signed", server.host());
        let tagged = format!("{repository}:1.0");
        let layer = layer(folder.path(), "layer")?;
        let crane = |arguments: &[&str]| {
            tools::run(tools::client("crane").arg("--insecure").args(arguments))
        };
        crane(&["append", "--oci-empty-base", "-f", &layer, "-t", &tagged])?;
        let digest = crane(&["digest", &tagged])?.stdout.trim().to_owned();
        cosign(folder.path(), &["generate-key-pair"])?;
        std::fs::write(folder.path().join("predicate.json"), r#"{"checked": true}"#)?;
        Ok(Self {
            folder,
            _server: server,
            image: format!("{repository}@{digest}"),
            repository,
        })
    }

    fn sign_and_attest(&self, form: &[&str]) -> Result<()> {
        let key = [
            "--key",
            "cosign.key",
            "--use-signing-config=false",
            "--tlog-upload=false",
            "--allow-http-registry",
            "--yes",
        ];
        self.cosign(&[&["sign"], &key[..], form, &[&self.image]].concat())?;
        let predicate = ["--predicate", "predicate.json", "--type", KIND];
        self.cosign(&[&["attest"], &key[..], &predicate[..], form, &[&self.image]].concat())?;
        Ok(())
    }

    fn verify(&self, form: &[&str]) -> Result<()> {
        let key = [
            "--key",
            "cosign.pub",
            "--insecure-ignore-tlog=true",
            "--allow-http-registry",
        ];
        self.cosign(&[&["verify"], &key[..], form, &[&self.image]].concat())?;
        let kind = ["--type", KIND];
        let attested = [
            &["verify-attestation"],
            &key[..],
            &kind[..],
            form,
            &[&self.image],
        ];
        let attested = self.cosign(&attested.concat())?;
        ensure!(attested.stdout.contains("payload"), "{attested:?}");
        // Somebody else's key fits nothing.
        let other = self.folder.path().join("other");
        std::fs::create_dir(&other)?;
        cosign(&other, &["generate-key-pair"])?;
        let wrong = [&["verify"], &key[..], form, &[&self.image]].concat();
        let ran = command(&other, &wrong).output().context("run cosign")?;
        ensure!(!ran.status.success(), "another key verifies");
        Ok(())
    }

    fn tags(&self) -> Result<Vec<String>> {
        let mut crane = tools::client("crane");
        let listed = tools::run(crane.args(["--insecure", "ls", &self.repository]))?;
        Ok(listed.stdout.lines().map(str::to_owned).collect())
    }

    fn cosign(&self, arguments: &[&str]) -> Result<Ran> {
        cosign(self.folder.path(), arguments)
    }
}

fn cosign(folder: &Path, arguments: &[&str]) -> Result<Ran> {
    tools::run(&mut command(folder, arguments))
}

fn command(folder: &Path, arguments: &[&str]) -> std::process::Command {
    let mut command = tools::client("cosign");
    command
        .args(arguments)
        .current_dir(folder)
        .env("COSIGN_PASSWORD", "")
        .env("HOME", folder);
    command
}
