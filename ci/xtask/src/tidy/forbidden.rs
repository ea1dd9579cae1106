//! Text that may stand nowhere in the tree: paths of one machine, hosts of package registries.
//!
//! Where packages come from is the machine's configuration, not ours: a team behind a
//! mirror must not have to search the tree.

use std::path::Path;

use anyhow::Result;

use crate::finding::Finding;
use crate::tree;

struct Rule {
    /// Pieces of the text, so that this file does not contain what it forbids.
    pieces: &'static [&'static str],
    remedy: &'static str,
}

const OWN_PATH: &str =
    "is a path of one machine: make it relative, or take it from the environment";
const REGISTRY: &str = "is the host of a package registry: leave it to the machine's configuration";

const RULES: &[Rule] = &[
    Rule {
        pieces: &["/work", "/main"],
        remedy: OWN_PATH,
    },
    Rule {
        pieces: &["/work", "/shared"],
        remedy: OWN_PATH,
    },
    Rule {
        pieces: &["/tmp", "/plan"],
        remedy: OWN_PATH,
    },
    Rule {
        pieces: &["/root", "/.cargo"],
        remedy: OWN_PATH,
    },
    Rule {
        pieces: &["/root", "/.cache/packyard"],
        remedy: OWN_PATH,
    },
    Rule {
        pieces: &["/root", "/.rustup"],
        remedy: OWN_PATH,
    },
    Rule {
        pieces: &["proxy.", "golang."],
        remedy: REGISTRY,
    },
    Rule {
        pieces: &["sum.", "golang."],
        remedy: REGISTRY,
    },
    Rule {
        pieces: &["pypi", ".org"],
        remedy: REGISTRY,
    },
    Rule {
        pieces: &["python", "hosted.org"],
        remedy: REGISTRY,
    },
    Rule {
        pieces: &["deb.", "debian."],
        remedy: REGISTRY,
    },
    Rule {
        pieces: &["security.", "debian."],
        remedy: REGISTRY,
    },
    Rule {
        pieces: &["snapshot.", "debian."],
        remedy: REGISTRY,
    },
    Rule {
        pieces: &["archive.", "ubuntu."],
        remedy: REGISTRY,
    },
    Rule {
        pieces: &["registry.", "npm"],
        remedy: REGISTRY,
    },
    Rule {
        pieces: &["index.", "crates."],
        remedy: REGISTRY,
    },
    Rule {
        pieces: &["static.", "crates."],
        remedy: REGISTRY,
    },
    Rule {
        pieces: &["repo1.", "maven"],
        remedy: REGISTRY,
    },
    Rule {
        pieces: &["galaxy.", "ansible.com"],
        remedy: REGISTRY,
    },
];

pub(super) fn check(root: &Path, files: &[String]) -> Result<Vec<Finding>> {
    let rules: Vec<(String, &str)> = RULES
        .iter()
        .map(|rule| (rule.pieces.concat(), rule.remedy))
        .collect();
    let mut findings = Vec::new();
    for file in files {
        let Some(text) = tree::text(root, file)? else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            for (forbidden, remedy) in rules
                .iter()
                .filter(|(forbidden, _)| line.contains(forbidden))
            {
                findings.push(Finding::new(
                    format!("{file}:{}", number + 1),
                    format!("`{forbidden}` {remedy}"),
                ));
            }
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_forbidden_text_fails() {
        for rule in RULES {
            let tree = tree::seeded(&[(
                "notes.md",
                &format!("fine\nsee {}x\n", rule.pieces.concat()),
            )]);
            let findings = check(tree.path(), &["notes.md".to_owned()]).unwrap();
            assert_eq!(findings.len(), 1, "{:?}", rule.pieces);
            assert_eq!(findings[0].place, "notes.md:2");
        }
    }

    #[test]
    fn this_file_passes_itself() {
        let files = ["ci/xtask/src/tidy/forbidden.rs".to_owned()];
        assert_eq!(check(tree::root(), &files).unwrap(), []);
    }
}
