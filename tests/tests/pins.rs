//! The copy of the Kubernetes pack that names the Debian packages of today.

use std::fs;

use anyhow::{Result, ensure};
use e2e::binary::workspace;
use e2e::publish::pin_packages;
use serde_json::{Value, json};

const SHA: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// What the pack names already, as `ci/components` describes it.
fn named() -> Result<Vec<Value>> {
    let text = fs::read_to_string(workspace().join("packs/kubernetes/1.34/components.yaml"))?;
    let mut packages = Vec::new();
    for entry in text.split("\n  - name: ").skip(1) {
        let field = |key: &str| {
            let line = entry.lines().find(|line| line.trim().starts_with(key));
            let value = line.map_or("", |line| line.trim()[key.len()..].trim());
            value.trim_matches('"').to_owned()
        };
        if field("kind:") == "deb" {
            let name = entry.lines().next().unwrap_or_default();
            packages.push(
                json!({"name": name, "version": field("version:"), "sha256": field("sha256:")}),
            );
        }
    }
    ensure!(packages.len() > 5, "{packages:?}");
    Ok(packages)
}

/// The components of the copy, and what was said.
fn pin(packages: &[Value]) -> Result<(String, String)> {
    let folder = tempfile::tempdir()?;
    fs::write(
        folder.path().join("packages.json"),
        serde_json::to_vec(packages)?,
    )?;
    let target = folder.path().join("copy/pack");
    let said = pin_packages(
        &workspace().join("packs/kubernetes/1.34"),
        folder.path(),
        &target,
    )?;
    ensure!(
        target.join("pack.json").exists(),
        "the copy is not the whole pack"
    );
    Ok((fs::read_to_string(target.join("components.yaml"))?, said))
}

#[test]
fn the_same_packages_give_the_same_pack() -> Result<()> {
    let (copy, said) = pin(&named()?)?;
    let own = fs::read_to_string(workspace().join("packs/kubernetes/1.34/components.yaml"))?;
    ensure!(copy == own && said.is_empty(), "{said}");
    Ok(())
}

#[test]
fn a_package_that_moved_and_a_new_one_are_named() -> Result<()> {
    let mut packages = named()?;
    let moved = packages
        .iter_mut()
        .find(|one| one["name"] == "containerd")
        .expect("containerd is in the pack");
    *moved = json!({"name": "containerd", "version": "1:9.9-1", "sha256": SHA});
    packages.push(json!({"name": "libnew1", "version": "2.0", "sha256": SHA}));
    let (copy, said) = pin(&packages)?;
    ensure!(
        said.contains("containerd: 1:9.9-1, the pack named 1.7"),
        "{said}"
    );
    ensure!(said.contains("libnew1: 2.0"), "{said}");
    let changed = copy.lines().filter(|line| line.contains(SHA)).count();
    ensure!(changed == 2, "{copy}");
    ensure!(copy.contains("  - name: containerd\n    version: \"1:9.9-1\"\n    kind: deb"));
    ensure!(copy.contains("    file: libnew1.deb\n"));
    Ok(())
}
