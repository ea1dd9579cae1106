//! Paths that a document names: in links, and in code spans that read like a path of this tree.

use std::path::Path;

use anyhow::Result;
use regex::Regex;

use crate::finding::Finding;

/// Relative links must lead somewhere.
pub(super) fn check(root: &Path, file: &str, text: &str) -> Result<Vec<Finding>> {
    let link = Regex::new(r"\]\(([^)#\s]+)(#[^)]*)?\)")?;
    let folder = root
        .join(file)
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default();
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for found in link.captures_iter(line) {
            let target = &found[1];
            if !target.contains("://")
                && !target.starts_with("mailto:")
                && !folder.join(target).exists()
            {
                findings.push(Finding::new(
                    format!("{file}:{}", index + 1),
                    format!("`{target}` does not exist"),
                ));
            }
        }
    }
    Ok(findings)
}

/// A complaint, if `span` reads like a path of this tree and there is none.
pub(super) fn missing_path(
    root: &Path,
    files: &[String],
    file: &str,
    span: &str,
) -> Option<String> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_./-*".contains(letter);
    if !span.contains('/') || span.starts_with(['/', '.', '-']) || !span.chars().all(plain) {
        return None;
    }
    let (first, _) = span.split_once('/')?;
    let ours = files
        .iter()
        .any(|known| known.split_once('/').is_some_and(|(top, _)| top == first));
    let source = [".rs", ".md"].iter().any(|end| span.ends_with(end));
    if !ours && !source {
        return None;
    }
    // Up to the first component that stands for several.
    let fixed: String = span
        .split_inclusive('/')
        .take_while(|part| !part.contains('*'))
        .collect();
    let beside = root
        .join(file)
        .parent()
        .is_some_and(|folder| folder.join(&fixed).exists());
    (!root.join(&fixed).exists() && !beside).then(|| format!("`{span}` does not exist"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree;

    #[test]
    fn tells_paths_of_the_tree_from_other_text() {
        let folder = tree::seeded(&[("packs/profiles/a.yaml", "")]);
        let files = ["packs/profiles/a.yaml".to_owned()];
        let missing = |span| missing_path(folder.path(), &files, "README.md", span).is_some();
        assert!(
            !missing("packs/profiles/*.yaml")
                && !missing("packs/")
                && !missing("library/images/base")
        );
        assert!(
            !missing("/v2/") && !missing("application/json") && !missing("~/.docker/config.json")
        );
        assert!(
            missing("packs/profile/*.yaml") && missing("packs/lost") && missing("elsewhere/lib.rs")
        );
    }
}
