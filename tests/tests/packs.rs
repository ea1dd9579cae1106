//! Packs through the real program and the real registry: round trips and the catalog.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use e2e::binary::{run, workspace};
use e2e::server::Server;
use e2e::{fixtures, skip};

#[test]
fn public_packs_come_back_byte_for_byte_and_are_listed() -> Result<()> {
    let Some(archive) = fixtures::public_archive() else {
        skip!("the public packs are not beside this work tree");
    };
    let temp = tempfile::tempdir()?;
    let folders = fixtures::unpack_public(&archive, temp.path())?;
    ensure!(
        folders.len() == 25,
        "{} packs in the archive",
        folders.len()
    );
    let server = Server::start(&temp.path().join("data"), &[])?;

    let mut pushed = BTreeSet::new();
    for folder in &folders {
        pushed.insert(round_trip(&server, folder, &temp.path().join("pulled"))?);
    }
    ensure!(
        listed(&server)? == pushed,
        "listed {:?}, pushed {pushed:?}",
        listed(&server)?
    );
    Ok(())
}

#[test]
fn our_own_packs_lint_clean_and_come_back_byte_for_byte() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let server = Server::start(&temp.path().join("data"), &[])?;
    for folder in own_packs()? {
        run(["pack", "lint", folder.to_str().context("a path in UTF-8")?])?
            .ok()
            .with_context(|| format!("lint {}", folder.display()))?;
        round_trip(&server, &folder, &temp.path().join("pulled"))?;
    }
    Ok(())
}

#[test]
fn a_published_version_does_not_move() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let server = Server::start(&temp.path().join("data"), &[])?;
    let pack = temp.path().join("byo");
    fixtures::copy_folder(&workspace().join("packs/os/byo"), &pack)?;
    let folder = pack.to_str().context("a path in UTF-8")?;
    server.run(&["pack", "push", folder])?.ok()?;
    server
        .run(&["pack", "push", folder])?
        .ok()
        .context("the same bytes again are no change")?;
    std::fs::write(pack.join("README.md"), "# Another text\n")?;
    server
        .run(&["pack", "push", folder])?
        .refused(5, &["cannot be changed", "push a new version"])?;
    Ok(())
}

/// Every folder of `packs/` that is a pack.
fn own_packs() -> Result<Vec<std::path::PathBuf>> {
    let mut found = Vec::new();
    for layer in ["os", "kubernetes", "cni", "csi", "addon"] {
        for entry in std::fs::read_dir(workspace().join("packs").join(layer))? {
            found.push(entry?.path());
        }
    }
    ensure!(found.len() >= 7, "only {} packs found", found.len());
    Ok(found)
}

/// Pushes a folder, pulls it into another, compares; answers with `name version`.
fn round_trip(server: &Server, folder: &Path, into: &Path) -> Result<String> {
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("pack.json"))?)?;
    let name = manifest["name"].as_str().context("a name")?;
    let version = manifest["version"].as_str().context("a version")?;
    server
        .run(&["pack", "push", folder.to_str().context("a path in UTF-8")?])?
        .ok()?;

    let target = into.join(format!("{name}-{version}"));
    let reference = format!("library/{name}:{version}");
    server
        .run(&[
            "pack",
            "pull",
            &reference,
            "--output",
            target.to_str().context("a path in UTF-8")?,
        ])?
        .ok()
        .with_context(|| format!("pull {reference}"))?;
    let (before, after) = (contents(folder)?, contents(&target)?);
    ensure!(before == after, "{reference} came back changed");
    Ok(format!("{name} {version}"))
}

fn listed(server: &Server) -> Result<BTreeSet<String>> {
    let answer = server.json(&["pack", "ls"])?;
    answer["packs"]
        .as_array()
        .context("a list of packs")?
        .iter()
        .map(|pack| {
            Ok(format!(
                "{} {}",
                pack["name"].as_str().context("a name")?,
                pack["version"].as_str().context("a version")?
            ))
        })
        .collect()
}

/// Every file below a folder, by its path.
fn contents(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).with_context(|| format!("read {}", next.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder)?.to_string_lossy().into_owned();
                found.insert(name, std::fs::read(&path)?);
            }
        }
    }
    Ok(found)
}
