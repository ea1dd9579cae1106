//! Looks up what the documents name: paths, `packyard` commands and flags, `make` and `cargo xtask` verbs.
//!
//! Documents lie as soon as something is renamed; this finds it in the same commit. It
//! judges nothing else about them.

mod command_line;
mod links;
mod markdown;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result};
use regex::Regex;

use crate::finding::{Finding, report};
use crate::tree;
use command_line::CommandLine;
use markdown::Snippet;

/// What exists, for the documents to name.
struct Known<'a> {
    root: &'a Path,
    files: &'a [String],
    make_targets: BTreeSet<String>,
    verbs: BTreeSet<String>,
}

pub(crate) fn run() -> Result<()> {
    let root = tree::root();
    let files = tree::files(root)?;
    let makefile = tree::text(root, "Makefile")?.context("read Makefile as text")?;
    let known = Known {
        root,
        files: &files,
        make_targets: make_targets(&makefile)?,
        verbs: crate::VERBS
            .iter()
            .map(|verb| verb.name.to_owned())
            .collect(),
    };
    let mut packyard = CommandLine::of_built_binary(root)?;
    report("docs", check(&known, &mut packyard)?)
}

fn check(known: &Known<'_>, packyard: &mut CommandLine) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in known.files.iter().filter(|file| is_document(file)) {
        let text = tree::text(known.root, file)?.unwrap_or_default();
        for snippet in markdown::snippets(&text) {
            let place = format!("{file}:{}", snippet.line);
            for message in check_snippet(known, packyard, file, &snippet)? {
                findings.push(Finding::new(&place, message));
            }
        }
        findings.extend(links::check(known.root, file, &text)?);
    }
    Ok(findings)
}

fn is_document(file: &str) -> bool {
    file.ends_with(".md") && (!file.contains('/') || file.starts_with("docs/"))
}

fn check_snippet(
    known: &Known<'_>,
    packyard: &mut CommandLine,
    file: &str,
    snippet: &Snippet,
) -> Result<Vec<String>> {
    let mut messages = Vec::new();
    for words in commands(&snippet.text) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["packyard", rest @ ..] => messages.extend(packyard.check(rest)?),
            ["make", rest @ ..] => messages.extend(unknown_target(known, rest)),
            ["cargo", "xtask", verb, ..] if is_name(verb) && !known.verbs.contains(*verb) => {
                messages.push(format!("there is no `cargo xtask {verb}`"));
            }
            _ => {}
        }
    }
    if !snippet.block {
        messages.extend(links::missing_path(
            known.root,
            known.files,
            file,
            &snippet.text,
        ));
    }
    Ok(messages)
}

fn unknown_target(known: &Known<'_>, words: &[&str]) -> Option<String> {
    let target = words
        .iter()
        .find(|word| !word.contains('=') && !word.starts_with('-'))?;
    (is_name(target) && !known.make_targets.contains(*target))
        .then(|| format!("there is no `make {target}`"))
}

/// The commands of a snippet as words, prompts and what follows a pipe or a comment left out.
fn commands(text: &str) -> Vec<Vec<String>> {
    text.replace("\\\n", " ")
        .lines()
        .map(|line| {
            line.trim()
                .trim_start_matches("$ ")
                .trim_start_matches("sudo ")
        })
        .map(|line| line.split(" #").next().unwrap_or(line))
        .flat_map(|line| {
            line.split(['|', ';', '&'])
                .map(str::trim)
                .collect::<Vec<_>>()
        })
        .map(|command| command.split_whitespace().map(str::to_owned).collect())
        .collect()
}

fn is_name(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_lowercase())
        && word
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-')
}

fn make_targets(makefile: &str) -> Result<BTreeSet<String>> {
    let target = Regex::new(r"(?m)^([a-z][a-z0-9-]*):")?;
    Ok(target
        .captures_iter(makefile)
        .map(|found| found[1].to_owned())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(document: &str) -> Vec<String> {
        let folder = tree::seeded(&[
            ("README.md", document),
            ("ci/setup", ""),
            ("docs/guide.md", ""),
        ]);
        let files = ["README.md", "ci/setup", "docs/guide.md"].map(str::to_owned);
        let known = Known {
            root: folder.path(),
            files: &files,
            make_targets: make_targets("run: setup\n\tci/setup\n").unwrap(),
            verbs: BTreeSet::from(["tidy".to_owned()]),
        };
        let mut packyard = CommandLine::seeded();
        check(&known, &mut packyard)
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn what_exists_passes() {
        let text = "Run `make run ARGS=--exit`, `cargo xtask tidy`, `ci/setup`, [guide](docs/guide.md#x).\n\n```sh\n$ packyard pack push DIR --json   # publishes\n```\n";
        assert_eq!(complaints(text), [""; 0]);
    }

    #[test]
    fn an_unknown_command_fails() {
        assert_eq!(
            complaints("\n`packyard pack shove DIR`"),
            ["README.md:2: `packyard pack` has no command `shove`"]
        );
    }

    #[test]
    fn an_unknown_flag_fails() {
        assert_eq!(
            complaints("`packyard pack push --loud`"),
            ["README.md:1: `packyard pack push` has no `--loud`"]
        );
    }

    #[test]
    fn an_unknown_verb_fails() {
        assert_eq!(
            complaints("`make fun`"),
            ["README.md:1: there is no `make fun`"]
        );
        assert_eq!(
            complaints("`cargo xtask shine`"),
            ["README.md:1: there is no `cargo xtask shine`"]
        );
    }

    #[test]
    fn a_missing_path_fails() {
        assert!(complaints("see `ci/set-up`")[0].contains("`ci/set-up` does not exist"));
        assert!(complaints("[x](docs/lost.md)")[0].contains("`docs/lost.md` does not exist"));
    }
}
