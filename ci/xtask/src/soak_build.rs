//! `cargo xtask soak-build`: the image builder's engine under load, with its workers killed.
//!
//! The soak is a test of the engine that is only run on demand; this builds it for release,
//! runs it, and keeps what it found in `target/soak-build/summary.json`.

use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::tree;

/// What can be said on the command line, and the variable by which the test hears it.
const OPTIONS: &[(&str, &str)] = &[
    ("--builds", "SOAK_BUILDS"),
    ("--workers", "SOAK_WORKERS"),
    ("--at-once", "SOAK_AT_ONCE"),
    ("--kill-secs", "SOAK_KILL_SECS"),
];

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let folder = tree::root().join("target/soak-build");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("make the folder {}", folder.display()))?;
    let mut command = Command::new(tree::cargo());
    command
        .args(["test", "--release", "--package", "imagebuilder-engine"])
        .args(["--lib", "--", "--ignored", "--exact", "--nocapture"])
        .arg("tests::soak::a_thousand_builds")
        .env("SOAK_SUMMARY", folder.join("summary.json"))
        .envs(options(arguments)?)
        .current_dir(tree::root());
    let status = command.status().context("run cargo")?;
    ensure!(status.success(), "the soak ended with {status}");
    Ok(())
}

/// `--builds 100 --workers 3`, as variables.
fn options(arguments: &[String]) -> Result<Vec<(&'static str, String)>> {
    let mut read = Vec::new();
    for pair in arguments.chunks(2) {
        let known = OPTIONS.iter().find(|(option, _)| *option == pair[0]);
        let (Some((_, variable)), [_, number]) = (known, pair) else {
            let options: Vec<&str> = OPTIONS.iter().map(|(option, _)| *option).collect();
            bail!("knows only {}, each with a number", options.join(", "));
        };
        let number: u64 = number
            .parse()
            .with_context(|| format!("{number:?} is no number"))?;
        read.push((*variable, number.to_string()));
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_wrong_ones_named() {
        let read = |line: &str| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            options(&words)
        };
        let right = read("--builds 100 --kill-secs 0").unwrap();
        let wanted = [("SOAK_BUILDS", "100"), ("SOAK_KILL_SECS", "0")];
        assert_eq!(
            right,
            wanted.map(|(name, number)| (name, number.to_owned()))
        );
        for wrong in ["--colour 1", "--builds", "--builds many"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
