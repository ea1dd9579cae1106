//! No file is forgotten: each source and test file is named by a `mod` line, so that it is compiled and run.
//!
//! Rust leaves out a file that nobody names without a word; a test in it would never run.

use std::path::Path;

use anyhow::Result;
use regex::Regex;

use crate::finding::Finding;
use crate::tree;

pub(super) fn check(root: &Path, files: &[String]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.ends_with(".rs")) {
        let Some((parents, module)) = parents(file) else {
            continue;
        };
        let Some(parent) = parents.iter().find(|parent| files.contains(parent)) else {
            findings.push(Finding::new(
                file,
                format!("no file can name it: looked for {}", parents.join(", ")),
            ));
            continue;
        };
        let text = tree::text(root, parent)?.unwrap_or_default();
        if !names(&text, &module)? {
            findings.push(Finding::new(
                file,
                format!("is never compiled: say `mod {module};` in {parent}, or delete it"),
            ));
        }
    }
    Ok(findings)
}

fn names(text: &str, module: &str) -> Result<bool> {
    let line = Regex::new(&format!(
        r"(?m)^\s*(pub(\([a-z: ]+\))?\s+)?mod\s+(r#)?{}\s*[;{{]",
        regex::escape(module)
    ))?;
    Ok(line.is_match(text))
}

/// The files that may name `file`, and the module that it is; `None` for the root of a program, library or test.
fn parents(file: &str) -> Option<(Vec<String>, String)> {
    let (folder, name) = file.rsplit_once('/')?;
    let stem = name.strip_suffix(".rs")?;
    if matches!(stem, "lib" | "main" | "build")
        || ["/src/bin", "/examples", "/benches"]
            .iter()
            .any(|end| folder.ends_with(end))
    {
        return None;
    }
    let in_tests = folder.ends_with("tests");
    if in_tests && stem == "all" {
        return None;
    }
    let (folder, module) = if stem == "mod" {
        let (outer, inner) = folder.rsplit_once('/')?;
        (outer, inner)
    } else {
        (folder, stem)
    };
    let parents = ["lib.rs", "main.rs", "all.rs", "mod.rs"].map(|root| format!("{folder}/{root}"));
    let mut parents = parents.to_vec();
    parents.push(format!("{folder}.rs"));
    Some((parents, module.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(files: &[(&str, &str)]) -> Vec<String> {
        let tree = tree::seeded(files);
        let names: Vec<String> = files.iter().map(|(file, _)| (*file).to_owned()).collect();
        check(tree.path(), &names)
            .unwrap()
            .into_iter()
            .map(|finding| finding.place)
            .collect()
    }

    #[test]
    fn a_test_file_that_nobody_names_fails() {
        let files = [
            ("a/tests/all.rs", "mod known;\n"),
            ("a/tests/known.rs", ""),
            ("a/tests/lost.rs", "#[test] fn never_runs() {}\n"),
        ];
        assert_eq!(complaints(&files), ["a/tests/lost.rs"]);
    }

    #[test]
    fn a_source_file_that_nobody_names_fails() {
        let files = [
            (
                "a/src/lib.rs",
                "mod one;\npub(crate) mod two;\n// mod lost;\n",
            ),
            ("a/src/one.rs", "mod deep;"),
            ("a/src/one/deep.rs", ""),
            ("a/src/two/mod.rs", ""),
            ("a/src/lost.rs", ""),
        ];
        assert_eq!(complaints(&files), ["a/src/lost.rs"]);
    }

    #[test]
    fn a_second_test_binary_fails() {
        assert_eq!(complaints(&[("a/tests/own.rs", "")]), ["a/tests/own.rs"]);
    }
}
