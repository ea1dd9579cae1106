//! `cargo xtask test`: every check of the project, one section after the other, with times.
//!
//! A section that fails does not stop the others, so that one run tells everything.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::tree;

/// One section: a name and what it runs.
struct Section {
    name: &'static str,
    run: fn(&Path) -> Result<()>,
}

/// From quick to slow. The end-to-end tests come last: they boot machines.
const SECTIONS: &[Section] = &[
    Section {
        name: "format",
        run: |root| cargo(root, &["fmt", "--all", "--check"]),
    },
    Section {
        name: "shell",
        run: shell,
    },
    Section {
        name: "tidy",
        run: |_| crate::tidy::run(),
    },
    Section {
        name: "walls",
        run: |_| crate::walls::run(),
    },
    Section {
        name: "ansible",
        run: ansible,
    },
    Section {
        name: "clippy",
        run: |root| {
            cargo(
                root,
                &[
                    "clippy",
                    "--quiet",
                    "--workspace",
                    "--all-targets",
                    "--",
                    "--deny",
                    "warnings",
                ],
            )
        },
    },
    Section {
        name: "docs",
        run: |_| crate::docs::run(),
    },
    Section {
        name: "packs",
        run: packs,
    },
    Section {
        name: "units",
        run: |root| {
            cargo(
                root,
                &[
                    "test",
                    "--quiet",
                    "--workspace",
                    "--exclude",
                    "e2e",
                    "--no-fail-fast",
                ],
            )
        },
    },
    Section {
        name: "end-to-end",
        run: end_to_end,
    },
];

/// The sections that take seconds: for the time between two edits.
const QUICK: &[&str] = &["format", "shell", "tidy", "walls", "docs"];
/// The sections that boot machines.
const MACHINES: &[&str] = &["end-to-end"];

/// Runs all sections, or with `--fast` all that boot no machine.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    match arguments {
        [] => run_sections(|_| true),
        [only] if only == "--fast" => run_sections(|name| !MACHINES.contains(&name)),
        _ => bail!("knows only --fast"),
    }
}

/// Runs the sections that take seconds.
pub(crate) fn run_quick(arguments: &[String]) -> Result<()> {
    if !arguments.is_empty() {
        bail!("takes no arguments");
    }
    run_sections(|name| QUICK.contains(&name))
}

fn run_sections(wanted: impl Fn(&str) -> bool) -> Result<()> {
    let started = Instant::now();
    let mut results = Vec::new();
    for section in SECTIONS.iter().filter(|section| wanted(section.name)) {
        println!("== {}", section.name);
        let section_started = Instant::now();
        let result = (section.run)(tree::root());
        if let Err(error) = &result {
            println!("{}: {error:#}", section.name);
        }
        results.push((section.name, section_started.elapsed(), result.is_ok()));
    }
    summarize(&results, started.elapsed())
}

fn summarize(results: &[(&str, Duration, bool)], all: Duration) -> Result<()> {
    println!("== summary");
    for (name, time, good) in results {
        println!(
            "  {:<12} {:<6} {:>6.1} s",
            name,
            if *good { "ok" } else { "FAILED" },
            time.as_secs_f64()
        );
    }
    println!("  {:<12} {:<6} {:>6.1} s", "all", "", all.as_secs_f64());
    let failed: Vec<&str> = results
        .iter()
        .filter(|(_, _, good)| !good)
        .map(|(name, _, _)| *name)
        .collect();
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

fn end_to_end(root: &Path) -> Result<()> {
    // Chosen out of the whole workspace, and not as a package: so libraries have the features that they
    // had in the sections before, and nothing is compiled again.
    cargo(
        root,
        &[
            "test",
            "--quiet",
            "--workspace",
            "--no-fail-fast",
            "--test",
            "e2e",
            "--test",
            "conformance",
        ],
    )
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<()> {
    program(root, &tree::cargo(), arguments)
}

fn program(folder: &Path, program: &Path, arguments: &[&str]) -> Result<()> {
    let status = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .status()
        .with_context(|| {
            format!(
                "run {}: `make setup` installs what is missing",
                program.display()
            )
        })?;
    ensure!(
        status.success(),
        "{} {} ended with {status}",
        program.display(),
        arguments.join(" ")
    );
    Ok(())
}

/// shellcheck over every shell script of the tree, found by its first line or its name.
fn shell(root: &Path) -> Result<()> {
    let (mut scripts, mut fragments) = (Vec::new(), Vec::new());
    for file in tree::files(root)? {
        let text = tree::text(root, &file)?.unwrap_or_default();
        let first = text.lines().next().unwrap_or_default();
        if first.starts_with("#!") && (first.ends_with("bash") || first.ends_with("/sh")) {
            scripts.push(file);
        } else if file.ends_with(".sh") {
            fragments.push(file);
        }
    }
    ensure!(!scripts.is_empty(), "found no shell script to check");
    println!("{} scripts, {} fragments", scripts.len(), fragments.len());
    shellcheck(
        root,
        &["--external-sources", "--source-path=SCRIPTDIR/.."],
        &scripts,
    )?;
    // What others source, or send to a machine, is judged less by its style.
    shellcheck(root, &["--shell=bash", "--severity=warning"], &fragments)
}

fn shellcheck(root: &Path, options: &[&str], files: &[String]) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let mut arguments = options.to_vec();
    arguments.extend(files.iter().map(String::as_str));
    program(root, Path::new("shellcheck"), &arguments)
}

fn ansible(root: &Path) -> Result<()> {
    program(root, Path::new("ansible/tests/run"), &[])
}

/// Our own packs and profiles pass our own lint.
fn packs(root: &Path) -> Result<()> {
    let packyard = tree::built_packyard(root)?;
    let files = tree::files(root)?;
    let folders: Vec<&str> = files
        .iter()
        .filter_map(|file| file.strip_suffix("/pack.json"))
        .filter(|file| file.starts_with("packs/"))
        .collect();
    let profiles: Vec<&str> = files
        .iter()
        .map(String::as_str)
        .filter(|file| file.starts_with("packs/profiles/") && file.ends_with(".yaml"))
        .collect();
    ensure!(
        !folders.is_empty() && !profiles.is_empty(),
        "found {} packs and {} profiles",
        folders.len(),
        profiles.len()
    );
    for folder in folders {
        program(root, &packyard, &["pack", "lint", folder])?;
    }
    for profile in profiles {
        program(root, &packyard, &["profile", "lint", profile])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_names_sections() {
        let known = |name: &str| SECTIONS.iter().any(|section| section.name == name);
        assert!(QUICK.iter().chain(MACHINES).all(|name| known(name)));
    }

    #[test]
    fn one_failed_section_fails_all() {
        let second = Duration::from_secs(1);
        assert!(summarize(&[("a", second, true), ("b", second, true)], second).is_ok());
        let error = summarize(&[("a", second, true), ("b", second, false)], second).unwrap_err();
        assert_eq!(error.to_string(), "failed: b");
    }

    #[test]
    fn a_script_with_a_mistake_fails() {
        let folder = tree::seeded(&[("broken", "#!/usr/bin/env bash\necho $1\n")]);
        Command::new("git")
            .args(["init", "--quiet"])
            .current_dir(folder.path())
            .status()
            .unwrap();
        assert!(shell(folder.path()).is_err());
    }
}
