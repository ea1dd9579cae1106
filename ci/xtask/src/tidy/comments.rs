//! Every source file opens with a comment that says what it is for.

use std::path::Path;

use anyhow::Result;

use crate::finding::Finding;
use crate::tree;

pub(super) fn check(root: &Path, files: &[String]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.ends_with(".rs")) {
        let text = tree::text(root, file)?.unwrap_or_default();
        if !text.starts_with("//!") {
            findings.push(Finding::new(
                format!("{file}:1"),
                "the file has to open with `//!`: what it is for and what it does not do",
            ));
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_an_opening_comment_fails() {
        let tree = tree::seeded(&[
            ("src/good.rs", "//! Good.\n"),
            ("src/bad.rs", "fn bad() {}\n"),
        ]);
        let findings = check(
            tree.path(),
            &["src/good.rs".to_owned(), "src/bad.rs".to_owned()],
        )
        .unwrap();
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].place, "src/bad.rs:1");
    }
}
