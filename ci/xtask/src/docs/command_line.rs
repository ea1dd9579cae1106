//! What the built `packyard` accepts, learned from its own `--help`, level by level.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use regex::Regex;

use crate::tree;

/// The commands of one program. Help is asked for once for each level.
pub(super) struct CommandLine {
    program: Option<PathBuf>,
    levels: BTreeMap<Vec<String>, Level>,
}

/// What may follow one command.
#[derive(Clone, Default)]
struct Level {
    commands: BTreeSet<String>,
    flags: BTreeSet<String>,
}

impl CommandLine {
    /// Builds the program, so that the documents are compared with the code beside them.
    pub(super) fn of_built_binary(root: &Path) -> Result<Self> {
        Ok(Self {
            program: Some(tree::built_packyard(root)?),
            levels: BTreeMap::new(),
        })
    }

    /// Complaints about the words after `packyard`.
    pub(super) fn check(&mut self, words: &[&str]) -> Result<Vec<String>> {
        let mut path: Vec<String> = Vec::new();
        let mut level = self.level(&path)?;
        let mut messages = Vec::new();
        let mut expects_command = true;
        for word in words {
            let word = word.trim_matches(['[', ']', ',']);
            if let Some(flag) = flag(word) {
                if !level.flags.contains(&flag) {
                    messages.push(format!("`{}` has no `{flag}`", Self::shown(&path)));
                }
            } else if expects_command && self.accepts(&path, &level, word) {
                path.push(word.to_owned());
                level = self.level(&path)?;
            } else if expects_command && !level.commands.is_empty() && super::is_name(word) {
                messages.push(format!("`{}` has no command `{word}`", Self::shown(&path)));
                break;
            } else {
                // An argument or a placeholder: what follows are arguments too.
                expects_command = false;
            }
        }
        Ok(messages)
    }

    fn shown(path: &[String]) -> String {
        std::iter::once("packyard")
            .chain(path.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Whether `word` is a command here. Some are not listed: then the program knows.
    fn accepts(&self, path: &[String], level: &Level, word: &str) -> bool {
        if level.commands.contains(word) || level.commands.is_empty() || !super::is_name(word) {
            return level.commands.contains(word);
        }
        let Some(program) = &self.program else {
            return false;
        };
        let asked = Command::new(program)
            .args(path)
            .args([word, "--help"])
            .output();
        asked.is_ok_and(|output| output.status.success())
    }

    fn level(&mut self, path: &[String]) -> Result<Level> {
        if let Some(known) = self.levels.get(path) {
            return Ok(known.clone());
        }
        let Some(program) = &self.program else {
            return Ok(Level::default());
        };
        let output = Command::new(program)
            .args(path)
            .arg("--help")
            .output()
            .with_context(|| format!("run {} --help", program.display()))?;
        ensure!(
            output.status.success(),
            "{} --help ended with {}",
            Self::shown(path),
            output.status
        );
        let level = Level::parse(&String::from_utf8_lossy(&output.stdout))?;
        self.levels.insert(path.to_vec(), level.clone());
        Ok(level)
    }

    /// `packyard pack push DIR --json`, and nothing else.
    #[cfg(test)]
    pub(super) fn seeded() -> Self {
        let help = |text: &str| Level::parse(text).unwrap();
        let levels = [
            (
                vec![],
                help("Commands:\n  pack   Packs\n  help   Help\n\nOptions:\n  -h, --help\n"),
            ),
            (
                vec!["pack".to_owned()],
                help("Commands:\n  push  Publishes\n\nOptions:\n  -h, --help\n"),
            ),
            (
                vec!["pack".to_owned(), "push".to_owned()],
                help("Options:\n      --json  Answers in JSON\n"),
            ),
        ];
        Self {
            program: None,
            levels: levels.into_iter().collect(),
        }
    }
}

impl Level {
    fn parse(help: &str) -> Result<Self> {
        let command = Regex::new(r"^  ([a-z][a-z0-9-]*)(\s|$)")?;
        let long = Regex::new(r"--[a-z][a-z0-9-]*")?;
        let short = Regex::new(r"^\s+(-[A-Za-z])\b")?;
        let mut level = Self::default();
        let mut section = "";
        for line in help.lines() {
            if !line.starts_with(' ') && line.ends_with(':') {
                section = line;
            } else if section == "Commands:" {
                level
                    .commands
                    .extend(command.captures(line).map(|found| found[1].to_owned()));
            } else if section.ends_with("ptions:") && line.trim_start().starts_with('-') {
                level
                    .flags
                    .extend(short.captures(line).map(|found| found[1].to_owned()));
                level
                    .flags
                    .extend(long.find(line).map(|found| found.as_str().to_owned()));
            }
        }
        Ok(level)
    }
}

/// `--flag=value` and `--flag` are the flag `--flag`; `-f` is itself.
fn flag(word: &str) -> Option<String> {
    let name = word.split('=').next().unwrap_or(word);
    (name.starts_with('-') && name.len() > 1 && name != "--").then(|| name.to_owned())
}
