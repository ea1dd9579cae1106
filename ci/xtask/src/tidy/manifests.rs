//! What each crate's manifest must say: licence and lints of the workspace, and no version of its own.

use std::path::Path;

use anyhow::{Context as _, Result};
use toml::{Table, Value};

use crate::finding::Finding;
use crate::tree;

const INHERITED: &[&str] = &["version", "edition", "rust-version", "license", "publish"];

pub(super) fn check(root: &Path, files: &[String]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    if !files.iter().any(|file| file == "LICENSE") {
        findings.push(Finding::new("LICENSE", "is missing"));
    }
    for file in files.iter().filter(|file| file.ends_with("/Cargo.toml")) {
        let text = tree::text(root, file)?.unwrap_or_default();
        let manifest: Table = text.parse().with_context(|| format!("parse {file}"))?;
        // A workspace of its own has nothing to inherit.
        if manifest.contains_key("workspace") {
            continue;
        }
        check_package(file, &manifest, &mut findings);
        check_dependencies(file, &manifest, &mut findings);
    }
    Ok(findings)
}

fn check_package(file: &str, manifest: &Table, findings: &mut Vec<Finding>) {
    let package = manifest.get("package").and_then(Value::as_table);
    for key in INHERITED {
        if !package
            .and_then(|package| package.get(*key))
            .is_some_and(inherits)
        {
            findings.push(Finding::new(
                file,
                format!("say `{key}.workspace = true` in [package]"),
            ));
        }
    }
    if !manifest.get("lints").is_some_and(inherits) {
        findings.push(Finding::new(file, "say `workspace = true` in [lints]"));
    }
}

fn check_dependencies(file: &str, table: &Table, findings: &mut Vec<Finding>) {
    for (key, value) in table {
        let Some(inner) = value.as_table() else {
            continue;
        };
        match key.as_str() {
            "dependencies" | "dev-dependencies" | "build-dependencies" => {
                for (name, _) in inner.iter().filter(|(_, value)| !inherits(value)) {
                    findings.push(Finding::new(
                        file,
                        format!("{name} is declared here: move version and features to the workspace's table and say `{name}.workspace = true`"),
                    ));
                }
            }
            // Dependencies of one system only are a level deeper.
            "target" => inner
                .values()
                .filter_map(Value::as_table)
                .for_each(|table| check_dependencies(file, table, findings)),
            _ => {}
        }
    }
}

fn inherits(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[package]\nname = \"a\"\nversion.workspace = true\nedition.workspace = true\nrust-version.workspace = true\nlicense.workspace = true\npublish.workspace = true\n[lints]\nworkspace = true\n[dependencies]\nserde.workspace = true\n";

    fn complaints(manifest: &str) -> Vec<String> {
        let tree = tree::seeded(&[("LICENSE", ""), ("a/Cargo.toml", manifest)]);
        let files = ["LICENSE".to_owned(), "a/Cargo.toml".to_owned()];
        check(tree.path(), &files)
            .unwrap()
            .into_iter()
            .map(|finding| finding.message)
            .collect()
    }

    #[test]
    fn a_manifest_that_inherits_passes() {
        assert_eq!(complaints(GOOD), [""; 0]);
    }

    #[test]
    fn a_missing_licence_fails() {
        let found = complaints(&GOOD.replace("license.workspace = true\n", ""));
        assert_eq!(found, ["say `license.workspace = true` in [package]"]);
    }

    #[test]
    fn a_version_of_its_own_fails() {
        assert!(
            complaints(&format!("{GOOD}tokio = \"1\"\n"))[0].starts_with("tokio is declared here")
        );
        assert!(
            complaints(&format!(
                "{GOOD}[target.'cfg(unix)'.dependencies]\nnix = \"1\"\n"
            ))[0]
                .starts_with("nix is")
        );
        assert!(
            complaints(&format!(
                "{GOOD}[dev-dependencies]\nx = {{ path = \"x\" }}\n"
            ))[0]
                .starts_with("x is")
        );
    }

    #[test]
    fn lints_that_are_not_inherited_fail() {
        let found = complaints(&GOOD.replace("[lints]\nworkspace = true\n", ""));
        assert_eq!(found, ["say `workspace = true` in [lints]"]);
    }
}
