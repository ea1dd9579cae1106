//! Runs `packyard` commands against the server, as a person would.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::interrupt::{Interrupt, alone};

/// The program, the server that it speaks to, and where answers are kept.
pub(super) struct Client<'a> {
    packyard: &'a Path,
    url: String,
    answers: PathBuf,
    interrupt: &'a Interrupt,
}

impl<'a> Client<'a> {
    pub(super) fn new(
        packyard: &'a Path,
        url: &str,
        folder: &Path,
        interrupt: &'a Interrupt,
    ) -> Self {
        Self {
            packyard,
            url: url.to_owned(),
            answers: folder.join("answer.json"),
            interrupt,
        }
    }

    /// Runs a command, its progress shown, and answers with how long it took.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<Duration> {
        self.spawn(arguments, Stdio::null())
    }

    /// Runs a command with `--json`, its progress shown, and answers with what it said.
    pub(super) fn json(&self, arguments: &[&str]) -> Result<(Value, Duration)> {
        let file = File::create(&self.answers)
            .with_context(|| format!("create {}", self.answers.display()))?;
        let took = self.spawn(&[arguments, &["--json"]].concat(), file.into())?;
        let text = std::fs::read_to_string(&self.answers).context("read the answer")?;
        let answer = serde_json::from_str(&text)
            .with_context(|| format!("parse the answer of {}", shown(arguments)))?;
        Ok((answer, took))
    }

    fn spawn(&self, arguments: &[&str], stdout: Stdio) -> Result<Duration> {
        self.interrupt.check()?;
        let mut command = Command::new(self.packyard);
        command
            .args(arguments)
            .env("PACKYARD_SERVER", &self.url)
            .stdin(Stdio::null())
            .stdout(stdout);
        let started = Instant::now();
        let mut child = alone(&mut command)
            .spawn()
            .with_context(|| format!("start {}", shown(arguments)))?;
        let status = self.interrupt.wait(&mut child)?;
        if !status.success() {
            bail!("{} ended with {status}", shown(arguments));
        }
        Ok(started.elapsed())
    }
}

fn shown(arguments: &[&str]) -> String {
    format!("packyard {}", arguments.join(" "))
}
