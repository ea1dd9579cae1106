//! Finds and runs the programs that this tree builds: `packyard`, and `load` that tries it.
//!
//! It does not parse what the program says; the tests do.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// The program, built once for each run of the tests.
pub fn packyard() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| build("packyard").expect("cargo builds packyard"))
}

/// The load generator, built once for each run of the tests.
pub fn load() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| build("load").expect("cargo builds load"))
}

/// The root of this work tree.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ is a folder of the workspace")
}

fn build(program: &str) -> Result<PathBuf> {
    let output = Command::new(env!("CARGO"))
        // All programs of the workspace at once: a package by itself has libraries with fewer
        // features, which would be compiled for it alone.
        .args([
            "build",
            "--quiet",
            "--workspace",
            "--bins",
            "--message-format=json",
        ])
        .current_dir(workspace())
        .stderr(Stdio::inherit())
        .output()
        .context("run cargo build")?;
    ensure!(
        output.status.success(),
        "cargo build ended with {}",
        output.status
    );
    String::from_utf8(output.stdout)?
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == program)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .context("cargo names the executable that it built")
}

/// What one run of the program gave.
#[derive(Debug)]
pub struct Ran {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output: data.
    pub stdout: String,
    /// Standard error: people's text.
    pub stderr: String,
}

impl Ran {
    /// The answer as JSON; fails with all that the program said.
    pub fn json(&self) -> Result<Value> {
        self.ok()?;
        serde_json::from_str(&self.stdout).with_context(|| format!("parse as JSON: {self:?}"))
    }

    /// Fails unless the program ended with 0.
    pub fn ok(&self) -> Result<&Self> {
        ensure!(
            self.code == Some(0),
            "exit code {:?}\n{}\n{}",
            self.code,
            self.stdout,
            self.stderr
        );
        Ok(self)
    }

    /// Fails unless the program ended with `code` and said all of `words` to the user, with no stack trace.
    pub fn refused(&self, code: i32, words: &[&str]) -> Result<&Self> {
        ensure!(
            self.code == Some(code),
            "wanted exit code {code}, got {self:?}"
        );
        for word in words {
            ensure!(
                self.stderr.contains(word),
                "{word:?} is not in what the user reads:\n{}",
                self.stderr
            );
        }
        for trace in ["panicked at", "stack backtrace", "RUST_BACKTRACE"] {
            ensure!(
                !self.stderr.contains(trace),
                "a stack trace reached the user:\n{}",
                self.stderr
            );
        }
        Ok(self)
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Runs the program with nothing but the arguments.
pub fn run<const N: usize>(args: [&str; N]) -> Result<Ran> {
    Ok(command()
        .args(args)
        .output()
        .context("run packyard")?
        .into())
}

/// The program with an environment of its own: no credentials, no colours.
pub fn command() -> Command {
    let mut command = Command::new(packyard());
    command
        .env_remove("PACKYARD_SERVER")
        .env_remove("REGISTRY_AUTH_FILE")
        .env("NO_COLOR", "1")
        .stdin(Stdio::null());
    command
}
